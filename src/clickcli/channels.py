"""Where did a visit come from? Source, medium and channel of one touch.

Definition
    The twenty channels of Google Analytics' default group plus AI Assistant, the first that
    matches, and six coarse groups. UTM parameters win over click ids, click ids over the referrer.
    A paid click id makes the touch paid whatever the medium says. Own domains, payment and
    sign-on hosts are no touch: the session keeps the person's previous source.
Input
    Referrer, page address and UTM parameters of the first event of a session, as logged.
Output
    One ``Touch``. Values are in lower case and decoded; a search term stays as typed.
Cost
    Pure functions, standard library only; the list of sites is read at the first call.
Source
    Google Analytics help, "Default channel group". Ours adds AI Assistant; a source is on a list
    by name, alias or any host below a listed one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from clickcli.data.hosts import (
    Address,
    clean,
    covers,
    fields,
    parse,
    query_of,
    registrable,
    search_term,
    site_at,
    site_named,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from clickcli.data.sites import Site

DIRECT: Final = "(direct)"
NO_MEDIUM: Final = "(none)"
NOT_SET: Final = "(not set)"

PAID_CLICK_IDS: Final = {
    "gclid": "google",
    "gbraid": "google",
    "wbraid": "google",
    "gad_source": "google",
    "msclkid": "bing",
}
"""Parameters that only an advertisement adds, and whose advertisement it was."""
OTHER_CLICK_IDS: Final = (
    "dclid",
    "fbclid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "sccid",
    "rdt_cid",
    "epik",
    "yclid",
    "igshid",
    "mc_eid",
)
"""Parameters that say nothing of payment; reported, never decisive."""

_MEDIUM_OF: Final = {"search": "organic", "email": "email", "paid": "paid", "ai": "ai"}
_PAID: Final = re.compile(r".*cp.*|ppc|retargeting|paid.*")
_SHOP: Final = re.compile(r".*(([^a-df-z]|^)shop|shopping).*")
_DISPLAY: Final = ("display", "banner", "expandable", "interstitial", "cpm")
_SOCIAL: Final = (
    "social",
    "social-network",
    "social-media",
    "sm",
    "social network",
    "social media",
)
_EMAIL: Final = ("email", "e-mail", "e_mail", "e mail")


@dataclass(frozen=True)
class Touch:
    """Where one visit came from.

    ``is_touch`` is False when the visitor only came back from an own, payment or sign-on host:
    the session keeps the person's previous source. ``why`` names the rule that decided.
    ``site_kind`` is the kind of site the source is, where it is a known one.
    """

    source: str
    medium: str
    campaign: str | None
    channel: str
    group: str
    click_id: str | None
    term: str | None
    is_touch: bool
    why: str
    site_kind: str | None = None


class _Utm(NamedTuple):
    source: str
    medium: str
    campaign: str
    term: str


@dataclass(frozen=True)
class _Facts:
    """What the rules may ask; each answer is the reason in words, or empty for no."""

    source: str
    medium: str
    campaign: str
    kind: str
    paid_id: str

    def is_site(self, kind: str) -> str:
        return f"{self.source} is a known {kind} site" if self.kind == kind else ""

    def source_in(self, *names: str) -> str:
        return f"source is {self.source}" if self.source in names else ""

    def medium_in(self, *names: str) -> str:
        return f"medium is {self.medium}" if self.medium in names else ""

    def medium_has(self, *parts: str) -> str:
        found = next((part for part in parts if part in self.medium), "")
        return f"medium contains {found}" if found else ""

    @cached_property
    def paid(self) -> str:
        if self.paid_id:
            return f"{self.paid_id} is a paid click id"
        return f"medium is {self.medium}" if _PAID.fullmatch(self.medium) else ""

    @cached_property
    def shop(self) -> str:
        if self.kind == "shopping":
            return self.is_site("shopping")
        return "campaign names a shop" if _SHOP.fullmatch(self.campaign) else ""

    @cached_property
    def direct(self) -> str:
        nothing = self.medium in (NO_MEDIUM, NOT_SET) and not self.campaign
        return "no source, medium or campaign" if self.source == DIRECT and nothing else ""

    @cached_property
    def push(self) -> str:
        if self.medium.endswith("push"):
            return "medium ends with push"
        return self.medium_has("mobile", "notification") or self.source_in("firebase")


def _both(one: str, other: str) -> str:
    return f"{one} and {other}" if one and other else ""


_RULES: Final[tuple[tuple[str, str, Callable[[_Facts], str]], ...]] = (
    ("Direct", "direct", lambda f: f.direct),
    (
        "Cross-network",
        "paid",
        lambda f: "campaign contains cross-network" if "cross-network" in f.campaign else "",
    ),
    ("Paid Shopping", "paid", lambda f: _both(f.shop, f.paid)),
    ("Paid Search", "paid", lambda f: _both(f.is_site("search"), f.paid)),
    ("Paid Social", "paid", lambda f: _both(f.is_site("social"), f.paid)),
    ("Paid Video", "paid", lambda f: _both(f.is_site("video"), f.paid)),
    ("Display", "paid", lambda f: f.medium_in(*_DISPLAY)),
    ("Paid Other", "paid", lambda f: f.paid),
    ("Organic Shopping", "organic", lambda f: f.shop),
    ("Organic Social", "social", lambda f: f.is_site("social") or f.medium_in(*_SOCIAL)),
    ("Organic Video", "organic", lambda f: f.is_site("video") or f.medium_has("video")),
    ("Organic Search", "organic", lambda f: f.is_site("search") or f.medium_in("organic")),
    ("AI Assistant", "referral", lambda f: f.is_site("ai")),
    ("Referral", "referral", lambda f: f.medium_in("referral", "app", "link")),
    (
        "Email",
        "referral",
        lambda f: f.medium_in(*_EMAIL) or f.source_in(*_EMAIL) or f.is_site("email"),
    ),
    ("Affiliates", "referral", lambda f: f.medium_in("affiliate", "affiliates")),
    ("Audio", "referral", lambda f: f.medium_in("audio")),
    ("SMS", "referral", lambda f: f.medium_in("sms") or f.source_in("sms")),
    ("Push", "referral", lambda f: f.push),
    ("Unassigned", "unassigned", lambda _: "no rule knows this source and medium"),
)
CHANNELS: Final = tuple(channel for channel, _, _ in _RULES)
GROUPS: Final = {channel: group for channel, group, _ in _RULES}
"""The coarse group of each channel."""


def classify(
    referrer: str | None,
    page_url: str | None = None,
    *,
    utm_source: str | None = None,
    utm_medium: str | None = None,
    utm_campaign: str | None = None,
    utm_term: str | None = None,
    click_id: str | None = None,
    own_hosts: Iterable[str] = (),
    pass_through: Iterable[str] = (),
    sites: tuple[Site, ...] = (),
) -> Touch:
    """Say where a visit came from.

    ``click_id`` is the name of the click-id parameter that was present. What is not given is
    looked up in the query of ``page_url``. ``own_hosts`` (a host covers its subdomains; the
    page's own domain is always one), ``pass_through`` and ``sites`` add to the built-in lists.
    Never raises, whatever the log holds.
    """
    page = parse(page_url)
    given = fields(query_of(page_url))
    utm = _utm(given, (utm_source, utm_medium, utm_campaign, utm_term))
    found = clean(click_id, decode=True).lower() or _click_id(given)
    address = parse(referrer)
    site = site_at(address, sites) if address else None
    if address and (why := _no_touch(address, page, site, own_hosts, pass_through)):
        return Touch(
            NOT_SET,
            NOT_SET,
            None,
            "Unassigned",
            "unassigned",
            found or None,
            None,
            is_touch=False,
            why=why,
        )
    source, kind = _source(utm.source, found, address, site, sites)
    medium = _medium(utm, found, address, site)
    term = utm.term or (search_term(address.query, site) if address and site else "")
    paid_id = found if found in PAID_CLICK_IDS else ""
    facts = _Facts(source, medium, utm.campaign, kind, paid_id)
    number, channel, why = _channel(facts)
    return Touch(
        source,
        medium,
        utm.campaign or None,
        channel,
        GROUPS[channel],
        found or None,
        term or None,
        is_touch=True,
        why=f"rule {number} {channel}: {why}",
        site_kind=kind or None,
    )


def _utm(given: Mapping[str, str], arguments: tuple[str | None, ...]) -> _Utm:
    """Take each parameter from the arguments, else from the page's query."""
    names = ("utm_source", "utm_medium", "utm_campaign", "utm_term")
    source, medium, campaign, term = (
        clean(argument, decode=True) or clean(given.get(name))
        for name, argument in zip(names, arguments, strict=True)
    )
    return _Utm(source.lower(), medium.lower(), campaign.lower(), term)


def _click_id(given: Mapping[str, str]) -> str:
    """Name the click id in a query; one that means payment goes before one that does not."""
    return next((name for name in (*PAID_CLICK_IDS, *OTHER_CLICK_IDS) if given.get(name)), "")


def _no_touch(
    address: Address,
    page: Address | None,
    site: Site | None,
    own_hosts: Iterable[str],
    pass_through: Iterable[str],
) -> str:
    """Say why a referrer is no touch; empty when it is one."""
    host = address.host
    own = page and not address.is_app and registrable(page.host) == registrable(host)
    if own or any(covers(pattern, host) for pattern in own_hosts):
        return f"rule 0 no touch: {host} is an own host"
    if (site and site.kind == "pass") or any(covers(pattern, host) for pattern in pass_through):
        return f"rule 0 no touch: {host} is a payment or sign-on host"
    return ""


def _source(
    named: str, found: str, address: Address | None, site: Site | None, sites: tuple[Site, ...]
) -> tuple[str, str]:
    """Return the source and its kind of site (empty if unknown)."""
    if named:
        site = site_named(named, sites)
        return (site.name, site.kind) if site else (named, "")
    if found in PAID_CLICK_IDS and (site is None or site.kind == "other"):
        return PAID_CLICK_IDS[found], "search"
    if site:
        return site.name, site.kind
    if address:
        return address.host if address.is_app else registrable(address.host), ""
    return DIRECT, ""


def _medium(utm: _Utm, found: str, address: Address | None, site: Site | None) -> str:
    """UTM's medium, else what the click id or the kind of referrer implies."""
    if utm.source or utm.medium or utm.campaign:
        return utm.medium or NOT_SET
    if found in PAID_CLICK_IDS:
        return "cpc"
    if address is None:
        return NO_MEDIUM
    return _MEDIUM_OF.get(site.kind, "referral") if site else "referral"


def _channel(facts: _Facts) -> tuple[int, str, str]:
    """Apply the rules in order; the last one always matches."""
    return next(
        (number, channel, why)
        for number, (channel, _, rule) in enumerate(_RULES, start=1)
        if (why := rule(facts))
    )
