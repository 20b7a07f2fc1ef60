"""Give everything that the store holds of one person, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, ColumnKind, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.private import private_files
from clickcli.columns import EVENT_COLUMNS, Dtype, EventColumn
from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.features.tables import TABLES
from clickcli.render.page import Page, sheet_of_frame, sheet_of_rows
from clickcli.units import MAX_TS, MIN_TS, utc

if TYPE_CHECKING:
    import polars as pl

    from clickcli.recommend import Recommended
    from clickcli.store.privacy.export import Export


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy export``."""

    user: Annotated[
        str | None,
        Flag("The user's id; linked devices belong to it.", metavar="ID", group="People"),
    ] = None
    device: Annotated[
        str | None, Flag("Or the anonymous id of a device.", metavar="ID", group="People")
    ] = None


_TIMES: Final = frozenset({"ts", "received_at"})
_PERSON: Final = Table(
    "person",
    "Who it is about.",
    (
        Column("id", "string", "key", "the id asked for"),
        Column("kind", "string", "text", "user or device"),
        Column("events", "int64", "count", "events in the export"),
        Column("first_event", "timestamp", "timestamp", "time of the oldest"),
        Column("last_event", "timestamp", "timestamp", "time of the newest"),
        Column("opted_out", "bool", "flag", "whether the person opted out; empty without lists"),
        Column("agreed", "bool", "flag", "whether the person agreed; empty without lists"),
    ),
    keys=("id",),
)
_DEVICES: Final = Table(
    "devices",
    "Devices whose events that name no user are this user's.",
    (
        Column("anonymous_id", "string", "key", "the device"),
        Column("from", "timestamp", "timestamp", "from when; empty: always"),
        Column("until", "timestamp", "timestamp", "up to when; empty: until further notice"),
    ),
    keys=(),
)
_REJECTS: Final = Table(
    "rejects",
    "Refused lines that name the person.",
    (
        Column("batch", "string", "key", "the ingest"),
        Column("source", "string", "text", "the log file"),
        Column("line", "int64", "key", "line number"),
        Column("reason", "string", "text", "why it was refused"),
        Column("raw", "string", "text", "the line, up to 4 KB"),
    ),
    keys=(),
)


def _declared(column: EventColumn) -> Column:
    """Return how a stored column is shown: times as such, money in whole units."""
    dtype: Dtype = column.dtype
    kind: ColumnKind = "text"
    if column.name in _TIMES:
        dtype, kind = "timestamp", "timestamp"
    elif column.money:
        dtype, kind = "float64", "money"
    elif dtype == "bool":
        kind = "flag"
    elif dtype in ("int64", "float64"):
        kind = "key"
    return Column(column.name, dtype, kind, column.help)


_EVENTS: Final = Table(
    "events",
    "Every event, with every column that is stored.",
    tuple(_declared(column) for column in EVENT_COLUMNS),
    keys=(),
)


_RECOMMENDED: Final = Table(
    "recommendations",
    "The list that the trained recommender keeps ready for the person.",
    (
        Column("rank", "int64", "key", "place in the list, from 1"),
        Column("item_id", "string", "key", "item"),
        Column("score", "float64", "score", "score by the method"),
        Column("why", "string", "text", "what the person had that carried it most"),
        Column("source", "string", "text", "method, or trending where it had nothing to say"),
        Column("model", "string", "text", "id of the model"),
        Column("trained_as_of", "string", "text", "the moment that the model knows"),
    ),
    keys=(),
)
_FEATURES: Final = tuple(
    replace(table, columns=tuple(c for c in table.columns if not c.name.startswith("neighbour_")))
    for table in TABLES.values()
    if "person_key" in table.names()
)


def _shown(events: pl.DataFrame) -> pl.DataFrame:
    """Return stored rows as the table declares them."""
    import polars as pl

    from clickcli.money import major

    def values() -> Iterator[pl.Expr]:
        for column in EVENT_COLUMNS:
            value = pl.col(column.name)
            if column.name in _TIMES:
                value = value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
            elif column.money:
                value = major(column.name)
            yield value.alias(column.name)

    return events.select(values())


def _page(export: Export, recommended: Sequence[Recommended]) -> Page:
    events = export.events
    span: tuple[Any, Any] = (events["ts"].min(), events["ts"].max())
    person = (
        export.id, export.kind, events.height, *(utc(ts) for ts in span), export.is_opted_out,
        export.has_agreed,
    )  # fmt: skip
    devices = [
        (
            one.device,
            None if one.start == MIN_TS else utc(one.start),
            None if one.until == MAX_TS else utc(one.until),
        )
        for one in export.spans
    ]
    rejects = [(r.batch, r.source, r.line, r.reason, r.raw) for r in export.rejects]
    sheets = (
        sheet_of_frame(_EVENTS, _shown(events)),
        sheet_of_rows(_PERSON, [person], is_card=True),
        sheet_of_rows(_DEVICES, devices),
        sheet_of_rows(_REJECTS, rejects),
        sheet_of_rows(_RECOMMENDED, [
            tuple(getattr(one, name) for name in _RECOMMENDED.names()) for one in recommended
        ]),
        *(sheet_of_frame(table, export.derived[table.name]) for table in _FEATURES
          if table.name in export.derived),
    )  # fmt: skip
    is_empty = not (events.height or devices or rejects)
    notes = [f"nothing is held of this {export.kind}"] if is_empty else []
    return Page("privacy-export", 1, sheets, {}, notes, title="Export")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.recommend import Recommender
    from clickcli.store import Store

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    output = make(Output, given)
    to = target(output, general, configured=settings["format"], usual="json")
    if (parameters.user is None) == (parameters.device is None):
        raise UsageError("give one of --user and --device", hint=COMMAND.examples[0])
    with Store.open(store_path(general, settings)) as store:
        privacy = store.privacy(settings["key_file"])
        if parameters.user is not None:
            export = privacy.export("user", parameters.user)
        else:
            assert parameters.device is not None
            export = privacy.export("device", parameters.device)
        recommended = Recommender(store, {}).kept(export.keys)
    to = to.in_zone(ZoneInfo(settings["tz"]))
    with private_files(to):
        emit(_page(export, recommended), to)


COMMAND = Command(
    "export",
    "Give everything that the store holds of one person, and nothing of anybody else.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy export --user 4711 -o 4711.json",
        "clickcli privacy export --device a_9ea2140c | python -m json.tool",
        "clickcli privacy export --user 4711 --table events -o 4711.csv",
    ),
    sections={
        "Tables": tuple(
            (table.name, table.help)
            for table in (_EVENTS, _PERSON, _DEVICES, _REJECTS, _RECOMMENDED, *_FEATURES)
        )
    },
)
