"""Reading web addresses from logs: host, registrable domain, known site, query parameters.

Everything takes whatever a log holds and never raises. Addresses are read by hand: the standard
parser refuses some of what browsers send, and keeps what no host may contain.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clickcli.data.sites import Site

MAX_ADDRESS: Final = 65_536
"""Characters of an address that are read; no browser sends more in a referrer."""
MAX_VALUE: Final = 500
"""Characters of a value that are kept."""
MAX_HOST: Final = 253

# Which hosts one registrant owns. The full public suffix list has 10,000 rules, changes weekly and
# would be one more dependency; for a column of referring domains the second-level registries of
# country domains and the big shared hosts are enough. A miss names the source one label too
# short (``foo.k12.ca.us`` becomes ``ca.us``) and never changes the channel.
_SECOND_LEVEL: Final = frozenset(("co", "com", "net", "org", "edu", "gov", "ac", "mil", "gob"))
_SECOND_LEVEL_OF: Final = {
    "au": "id asn",
    "br": "art blog eco eng ind inf nom tv",
    "fr": "asso gouv",
    "hk": "idv",
    "hu": "info",
    "id": "or go web sch my",
    "in": "firm gen ind nic",
    "it": "edu gov",
    "jp": "or ne go ad ed gr lg",
    "ke": "or go ne",
    "kr": "or ne go re pe",
    "nz": "geek gen iwi",
    "pl": "waw info biz edu",
    "ru": "msk spb",
    "th": "or in go",
    "tr": "gen web",
    "tw": "idv",
    "tz": "or go",
    "ua": "kiev kyiv in",
    "ug": "or go",
    "uk": "me ltd plc sch nhs police",
    "za": "law nom web",
}
_SHARED: Final = frozenset(
    (
        "appspot.com",
        "azurewebsites.net",
        "blogspot.com",
        "firebaseapp.com",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "myshopify.com",
        "netlify.app",
        "onrender.com",
        "pages.dev",
        "translate.goog",
        "tumblr.com",
        "vercel.app",
        "web.app",
        "webflow.io",
        "weebly.com",
        "wixsite.com",
        "wordpress.com",
        "workers.dev",
    )
)
_GENERIC: Final = frozenset(("com", "net", "org", "cat"))

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*)://", re.IGNORECASE)
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.\-]*[a-z0-9_])?")
_NUMERIC: Final = re.compile(r"\[[0-9a-f:.%]+\]|\d{1,3}(?:\.\d{1,3}){3}")
_PORT: Final = re.compile(r":\d*$")
# Control characters, lone surrogates, and the marks that reverse the direction of text.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_NOTHING: Final = frozenset(("", "-", "null", "none", "undefined", "nan", "(not set)"))
_NO_REFERRER: Final = frozenset(("$direct", "(direct)", "direct", "(none)", "about:blank"))


class Address(NamedTuple):
    """The parts of an address that matter here; ``is_app`` when the host is an app's package."""

    host: str
    path: str = ""
    query: str = ""
    is_app: bool = False


def clean(text: str | None, *, decode: bool = False) -> str:
    """Make a value fit for a table: one line, no control characters, at most MAX_VALUE long.

    Empty for what means nothing (null, undefined, (not set) …). With ``decode``, percent escapes
    are resolved; those that are not valid stay or become U+FFFD.
    """
    if text is None:
        return ""
    text = text[: MAX_VALUE * 12]  # an escaped character takes up to twelve
    if decode and "%" in text:
        text = unquote(text, errors="replace")
    text = " ".join(_UNSAFE.sub(" ", text).split())[:MAX_VALUE].rstrip()
    return "" if text.lower() in _NOTHING else text


def parse(text: str | None) -> Address | None:
    """Split an address, with or without a scheme; None if no host of a site or app is in it."""
    if not text:
        return None
    text = _UNSAFE.sub("", text[:MAX_ADDRESS]).strip().replace("\\", "/")
    if text.lower() in _NOTHING or text.lower() in _NO_REFERRER:
        return None
    scheme, rest = "", text
    if match := _SCHEME.match(text):
        scheme, rest = match[1].lower(), text[match.end() :]
        if scheme not in ("http", "https", "android-app", "ios-app"):
            return None
    elif text.startswith("//"):
        scheme, rest = "http", text[2:]
    rest = rest.partition("#")[0]
    before, _, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    host = "" if "@" in authority and not scheme else _host(authority)
    if not host or not (scheme or "." in host or host.startswith("[") or host == "localhost"):
        return None
    return Address(host, slash + path, query, is_app=scheme.endswith("-app"))


def _host(authority: str) -> str:
    """Return the host in lower case and ASCII (international names as xn--…), or ``""``."""
    host = authority.rpartition("@")[2].lower()
    host = _PORT.sub("", host).rstrip(".")
    if not host or len(host) > MAX_HOST:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if _NUMERIC.fullmatch(host):
        return host
    return host if _HOST.fullmatch(host) and ".." not in host else ""


def _suffix_labels(labels: list[str], *, shared: bool) -> int:
    """How many labels at the end of a host nobody owns alone."""
    if len(labels) < 2:
        return 1
    if shared and ".".join(labels[-2:]) in _SHARED:
        return 2
    second, top = labels[-2:]
    country = len(top) == 2 and (
        second in _SECOND_LEVEL or second in _SECOND_LEVEL_OF.get(top, "").split()
    )
    return 2 if country else 1


def registrable(host: str) -> str:
    """Return the domain that one registrant owns: ``a.b.example.co.uk`` → ``example.co.uk``."""
    if _NUMERIC.fullmatch(host):
        return host
    labels = host.split(".")
    return ".".join(labels[-_suffix_labels(labels, shared=True) - 1 :])


@lru_cache(maxsize=256)
def _host_of(pattern: str) -> str:
    pattern = pattern.strip().removeprefix("*.")
    address = parse(pattern)
    return address.host if address else _host(pattern)


def covers(pattern: str, host: str) -> bool:
    """Whether a host is the pattern's host or below it; ``*.`` and a scheme are allowed."""
    name = _host_of(pattern)
    return bool(name) and (host == name or host.endswith("." + name))


def query_of(text: str | None) -> str:
    """Return the query of an address or of a bare path."""
    return (text or "")[:MAX_ADDRESS].partition("#")[0].partition("?")[2]


def fields(query: str) -> dict[str, str]:
    """Parameters of a query, names in lower case, the first non-empty value of each."""
    if not query:
        return {}
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        key = unquote_plus(name[:MAX_VALUE], errors="replace").lower()
        if value and not found.get(key):
            found[key] = unquote_plus(value[: MAX_VALUE * 12], errors="replace")
    return found


def _candidates(address: Address) -> Iterable[str]:
    """Keys under which an address may be listed, the longest host first."""
    labels = address.host.split(".")
    suffix = _suffix_labels(labels, shared=False)
    anywhere = len(labels[-1]) == 2 or labels[-1] in _GENERIC
    first = address.path[1:].partition("/")[0].lower()
    for start in range(len(labels)):
        names = [".".join(labels[start:])]
        if anywhere and not address.is_app and start < len(labels) - suffix:
            names.append(".".join(labels[start : len(labels) - suffix]) + ".*")
        for name in names:
            if first:
                yield f"{name}/{first}"
        yield from names


@lru_cache(maxsize=8)
def _index(extra: tuple[Site, ...]) -> tuple[Mapping[str, Site], Mapping[str, Site]]:
    """Sites by host and by name; ``extra`` ones win over our own."""
    from clickcli.data.sites import SITES

    hosts: dict[str, Site] = {}
    names: dict[str, Site] = {}
    for site in (*SITES, *extra):
        hosts.update((host, site) for host in site.hosts.lower().split())
        names.update((name, site) for name in site.names.lower().split())
    return hosts, names


def site_at(address: Address, extra: tuple[Site, ...] = ()) -> Site | None:
    """Find the site an address belongs to; the longest matching host wins."""
    hosts = _index(extra)[0]
    for key in _candidates(address):
        if site := hosts.get(key):
            return site
    if address.host.startswith(("webmail.", "roundcube.")):
        from clickcli.data.sites import Site

        return Site(registrable(address.host), "email", address.host)
    return None


def site_named(source: str, extra: tuple[Site, ...] = ()) -> Site | None:
    """Find the site a utm_source means: a known name (``fb``) or a host (``l.facebook.com``)."""
    if site := _index(extra)[1].get(source):
        return site
    address = parse(source) if "." in source else None
    return site_at(address, extra) if address else None


def search_term(query: str, site: Site) -> str:
    """Words searched for, as typed; empty where the site does not pass them on."""
    if not site.terms or not query:
        return ""
    given = fields(query)
    return next(
        (term for name in site.terms.lower().split() if (term := clean(given.get(name)))), ""
    )
