"""Show raw events: rows with filters, their number, or counts per value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from clickcli.analysis import Shared
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.render.page import Page, Sheet

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.listing import Listed, Listing

_HEAD = 20


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``events``."""

    type: Annotated[
        tuple[str, ...], Flag("Only events of this type.", kind="event", group="Selection")
    ] = ()
    person: Annotated[
        str | None, Flag("Only events of this person.", metavar="ID", group="Selection")
    ] = None
    item: Annotated[
        str | None, Flag("Only events of this item.", metavar="ID", group="Selection")
    ] = None
    columns: Annotated[
        tuple[str, ...],
        Flag("Columns or properties.x to show, separated by commas; * is all of them.",
             kind="column", group="Rows"),
    ] = ()  # fmt: skip
    head: Annotated[
        int | None,
        Flag(f"The first N rows (default: {_HEAD}); 0 is all of them.", kind="count", minimum=0,
             short="n", group="Rows"),
    ] = None  # fmt: skip
    tail: Annotated[int | None, Flag("The last N rows.", kind="count", minimum=1, group="Rows")] = (
        None
    )
    count: Annotated[bool, Flag("Count the events instead.", group="Rows")] = False


def separated(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Split texts at commas that stand outside double quotes."""
    parts: list[str] = []
    for text in texts:
        pieces = text.split('"')
        current = ""
        for number, piece in enumerate(pieces):
            if number % 2:
                current += f'"{piece}"'
                continue
            first, *rest = piece.split(",")
            current += first
            for one in rest:
                parts.append(current)
                current = one
        parts.append(current)
    return tuple(part.strip() for part in parts if part.strip())


def _listing(parameters: Parameters, *, is_count: bool) -> Listing:
    from clickcli.listing import Listing

    if parameters.head is not None and parameters.tail is not None:
        raise UsageError("--head and --tail contradict each other", hint="give one of them")
    if is_count and (parameters.tail is not None or parameters.columns):
        raise UsageError("--count and --by give no rows: leave out --tail and --columns")
    head = parameters.head if parameters.tail is None else None
    if head is None and parameters.tail is None:
        head = _HEAD
    return Listing(
        types=parameters.type,
        person=parameters.person,
        item=parameters.item,
        columns=separated(parameters.columns),
        head=head or None,
        tail=parameters.tail,
    )


def _computed(
    dataset: Dataset, engine: Engine, shared: Shared, asked: Listing, *, is_count: bool
) -> tuple[Listed, list[str]]:
    """Return what is listed, and a list that will hold a note when rows are left out."""
    from clickcli import listing

    one_more = replace(asked, head=None if asked.head is None else asked.head + 1)
    compute = listing.counts if is_count else listing.rows
    listed = compute(dataset, engine, shared, one_more)
    notes = list(listed.notes())

    def cut() -> Iterator[pl.DataFrame]:
        left = asked.head
        for frame in listed.frames():
            if left is None:
                yield frame
                continue
            if frame.height > left:
                what = "values" if is_count else "events"
                notes.append(f"the first {asked.head} {what}; --head 0 gives all of them")
            yield frame.head(left)
            left = max(0, left - frame.height)

    return replace(listed, frames=cut).begun(), notes


def _page(listed: Listed, notes: list[str]) -> Page:
    """Return the page of a listing; its rows are computed while it is written."""
    sheet = Sheet(
        listed.schema,
        lambda: (row for frame in listed.frames() for row in frame.iter_rows()),
        listed.frames,
    )
    name = listed.schema.name
    title = name.title()
    return Page(name, 1, (sheet,), listed.meta(), notes, title=title, is_stream=True)


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.api import build
    from clickcli.engines import engine

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    shared = build(Shared, {**settings.given("shared"), **only(Shared, given)})
    is_count = parameters.count or bool(shared.by)
    asked = _listing(parameters, is_count=is_count)
    with opened(general, settings) as log:
        chosen = engine(shared.engine, shared.master)
        try:
            listed, notes = log.fresh(
                lambda data: _computed(data, chosen, shared, asked, is_count=is_count)
            )
            emit(_page(listed, notes), to.in_zone(listed.context.tz))
        finally:
            chosen.close()


COMMAND = Command(
    "events",
    "Show raw events: rows with filters, their number, or counts per value.",
    (Parameters, Shared, Output, General),
    _run,
    examples=(
        "clickcli events --type purchase --tail 5",
        "clickcli events --where \"country = 'DE' and price > 10\" --count",
        "clickcli events --by event_type --by device_type -f csv",
    ),
    without=frozenset(
        {"vs", "week_start", "include_incomplete", "top", "min_group", "limit", "seed"}
    ),
)
