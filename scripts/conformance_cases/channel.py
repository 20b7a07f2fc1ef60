"""Ask for the channel, and the kind, name and search words of a referring site, of single visits.

Names are compared without case, hyphens and spaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from conformance_cases.case import Case, Check, Fields, Unsupported

if TYPE_CHECKING:
    from clickcli.channels import Touch

_CLICK_IDS = (
    "gclid", "gbraid", "wbraid", "gad_source", "msclkid", "dclid", "fbclid", "ttclid", "twclid",
    "li_fat_id", "sccid", "rdt_cid", "epik", "yclid", "igshid", "mc_eid",
)  # fmt: skip
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term")
_KIND_OF = {"chatbot": "ai", "unknown": None}
"""Kinds of sites that a case calls by another name."""


def channel(case: Case, check: Check) -> None:
    """Compare what every row states of its visit."""
    rows = case.data.get("rows")
    if not isinstance(rows, list):
        raise Unsupported("a case of channels without rows")
    case.query.take("classify")
    stated = case.expected.take("rows")
    if stated is not None:
        check.equal("rows", len(rows), stated)
    for number, row in enumerate(rows, start=1):
        _row(Fields(row, f"row {number}"), f"row {number}", check)


def _row(row: Fields, name: str, check: Check) -> None:
    test = row.take("test")
    name = f"{name} ({test})" if test else name
    touch = _touch(row)
    for key, got in _answers(touch).items():
        if key not in row:
            continue
        expected = row.take(key)
        if key == "medium":
            expected = _KIND_OF.get(str(expected), expected)
        check.equal(f"{name} {key}", _plain(got), _plain(expected))
    for left in row.untaken():
        check.cannot(f"unknown: {left.partition(' ')[2].partition(' ')[2]}")


def _touch(row: Fields) -> Touch:
    from clickcli.channels import classify

    referrer = row.take("referrer") or row.take("referring_domain")
    given = {name: value for name in (*_UTM, *_CLICK_IDS) if (value := row.take(name)) is not None}
    page = row.take("page_url") or f"https://own-site.example/?{urlencode(given)}"
    return classify(referrer, page)


def _answers(touch: Touch) -> Mapping[str, Any]:
    """Return what a row may state; the medium of a case is the kind of the referring site."""
    return {
        "channel": touch.channel,
        "medium": touch.site_kind,
        "source": touch.source,
        "term": touch.term,
    }


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.lower().replace("-", "").replace(" ", "")
