"""Kinds of personal data as they stand in free text: what they look like, and what replaces them.

*Source* The shapes are those of RFC 5321 addresses, E.164 numbers, ISO/IEC 7812 card numbers
(with their check digit, after Luhn), RFC 4291 addresses and RFC 7519 tokens, read so that what
else stands in logs (versions, prices, order numbers, times) is left alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickcli.errors import unknown

_AT: Final = r"(?:@|%40)"
_EMAIL: Final = re.compile(
    rf"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{{0,63}}?{_AT}(?:[A-Za-z0-9\-]{{1,63}}\.){{1,8}}[A-Za-z]{{2,24}}"
)
_PHONE: Final = re.compile(
    r"(?<![\w.\-])(?:(?:\+|%2[Bb]|00)[1-9](?:[ ().\-/]{0,2}\d){6,14}"
    r"|(?:1[ .\-])?\(?\d{3}\)?[ .\-]\d{3}[ .\-]\d{4}"
    r"|0\d{2,4}[ /\-]\d{3,4}(?:[ \-]?\d{2,4}){1,2})(?![\w\-]|\.\d)"
)
_CARD: Final = re.compile(r"(?<![\w.\-])\d(?:[ \-]?\d){12,18}(?![\w\-]|\.\d)")
_IPV4: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)")
_JWT: Final = re.compile(r"(?<![\w\-])eyJ[\w\-]+\.[\w\-]+\.[\w\-]*")
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)(\s+|%20|\+)[A-Za-z0-9._~+/\-]{8,}=*")
_NAMES: Final = (
    r"(?:(?:access|refresh|id|auth|session|csrf)[_\-]?)?(?:token|secret|signature)"
    r"|(?:api|access|auth|private|secret)[_\-]?key|password|passwd|pwd"
)
_PARAMETER: Final = re.compile(rf"(?i)(?<![A-Za-z])({_NAMES})(\s?[=:]\s?|%3D)[^\s&;,\"'#]{{4,}}")
_KEYED: Final = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b(?:gh[pousr]|sk|xox[abp])[_\-]\w{16,}\b"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind: ``hint`` tells fast, and rather too often, which texts to look at."""

    name: str
    help: str
    hint: str
    scrub: Callable[[str], str]
    skipped: frozenset[str] = frozenset()
    """Columns in which the shape means something else."""


def _luhn(digits: str) -> bool:
    """Return whether a number's last digit is its check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return "[card]" if _luhn(digits) and len(set(digits)) > 1 else found[0]


def _address(found: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_unspecified or address.is_loopback else "[ip]"


def _tokens(text: str) -> str:
    text = _KEYED.sub("[token]", _JWT.sub("[token]", text))
    text = _BEARER.sub(lambda found: f"{found[1]}{found[2]}[token]", text)
    return _PARAMETER.sub(lambda found: f"{found[1]}{found[2]}[token]", text)


_AGENTS: Final = frozenset({"user_agent", "browser", "os"})
PATTERNS: Final[tuple[Pattern, ...]] = (
    Pattern(
        "email", "addresses of mail", r"@|%40", lambda text: _EMAIL.sub("[email]", text)
    ),
    Pattern(
        "phone", "telephone numbers", r"\d{3}.*\d{2}|(\+|%2[Bb]|00)\d",
        lambda text: _PHONE.sub("[phone]", text), _AGENTS,
    ),
    Pattern(
        "card", "numbers of payment cards", r"\d(?:[ \-]?\d){12}",
        lambda text: _CARD.sub(_card, text),
    ),
    Pattern(
        "ip", "internet addresses", r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f:]:[0-9A-Fa-f:]",
        lambda text: _IPV6.sub(_address, _IPV4.sub(_address, text)), _AGENTS | {"ip"},
    ),
    Pattern(
        "token", "passwords, keys and tokens of access",
        r"(?i)eyJ|bearer|basic|token|key|secret|signature|passw|pwd|AKIA|ASIA|gh[pousr]_|sk-|xox",
        _tokens,
    ),
)  # fmt: skip
_BY_NAME: Final[Mapping[str, Pattern]] = {pattern.name: pattern for pattern in PATTERNS}
_SECRET_KEY: Final = re.compile(rf"(?i)(?:{_NAMES})")


def chosen(names: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the patterns of these names; UsageError with a suggestion for an unknown one."""
    unique = dict.fromkeys(names)
    for name in unique:
        if name not in _BY_NAME:
            raise unknown("kind of personal data", name, _BY_NAME)
    return tuple(_BY_NAME[name] for name in unique)


def scrub_value(patterns: tuple[Pattern, ...], value: Any, key: str = "") -> Any:
    """Return a JSON value without what the patterns match, in keys, texts and numbers."""
    if type(value) is str:
        if value and any(p.name == "token" for p in patterns) and _SECRET_KEY.fullmatch(key):
            return "[token]"
        return scrub_text(patterns, value)
    if type(value) is dict:
        return {
            scrub_text(patterns, name): scrub_value(patterns, part, name)
            for name, part in value.items()
        }
    if type(value) is list:
        return [scrub_value(patterns, part, key) for part in value]
    if type(value) is int and any(p.name == "card" for p in patterns):
        return "[card]" if _CARD.sub(_card, str(value)) == "[card]" else value
    return value


def scrub_text(patterns: tuple[Pattern, ...], text: str) -> str:
    """Return a text without what the patterns match."""
    for pattern in patterns:
        text = pattern.scrub(text)
    return text
