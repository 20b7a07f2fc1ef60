"""Explain where one visit came from: ``clickcli traffic --classify URL REFERRER``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from clickcli.analysis import Aside, Column, Option, Table
from clickcli.errors import UsageError

_GROUP = "One visit"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """The addresses of one visit."""

    classify: Annotated[
        bool,
        Option("Explain one visit instead: the addresses are of its page and referrer.",
               group=_GROUP),
    ] = False  # fmt: skip
    addresses: Annotated[
        tuple[str, ...],
        Option("With --classify: page, then referrer.", kind="address", is_argument=True,
               group=_GROUP),
    ] = ()  # fmt: skip


def _text(name: str, text: str) -> Column:
    return Column(name, "string", "text", text)


TABLE = Table(
    "classify",
    "Where this visit came from",
    (
        _text("channel", "channel, the first of twenty that fits"),
        _text("group", "coarse group of the channel"),
        _text("why", "the rule that decided"),
        _text("source", "site, campaign source, or (direct)"),
        _text("medium", "campaign medium, or how the source refers"),
        _text("campaign", "campaign"),
        _text("term", "campaign term, or what was searched for"),
        _text("click_id", "click parameter"),
        _text("site_kind", "kind of site the source is, where it is a known one"),
        Column("is_touch", "bool", "flag", "no: the session keeps the person's previous source"),
    ),
    keys=(),
)


def answer(visit: Visit, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the row that tells where the visit came from."""
    from clickcli.channels import classify
    from clickcli.data.sites import sites_of

    given = visit.addresses
    if not visit.classify:
        raise UsageError(
            f"addresses need --classify, was {given[0]!r}", hint="traffic takes no words of its own"
        )
    if len(given) not in (1, 2):
        raise UsageError(
            f"--classify must be given a page and a referrer, was given {len(given)} addresses",
            hint="clickcli traffic --classify https://shop.example/ https://www.google.com/",
        )
    touch = classify(
        given[1] if len(given) == 2 else None,
        given[0],
        own_hosts=settings.get("own_hosts", ()),
        sites=sites_of(settings.get("sites", ())),
    )
    return tuple(getattr(touch, column.name) for column in TABLE.columns)


ASIDE = Aside(Visit, TABLE, answer)
