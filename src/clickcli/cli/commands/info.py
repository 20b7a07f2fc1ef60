"""Tell what is in the store: counts, span, freshness, event types, columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import make
from clickcli.cli.output import General, Output, emit, target
from clickcli.columns import EVENT_COLUMNS
from clickcli.config import load
from clickcli.render.page import Page, Sheet, sheet_of_rows
from clickcli.units import utc

if TYPE_CHECKING:
    from clickcli.store import StoreInfo

_SUMMARY: Final = Table(
    "summary",
    "The store as a whole.",
    (
        Column("store", "string", "key", "folder of the store"),
        Column("events", "int64", "count", "events stored"),
        Column("people", "int64", "count", "distinct people, identity links applied"),
        Column("bots", "int64", "count", "events of bots, which analyses leave out"),
        Column("first_event", "timestamp", "timestamp", "time of the oldest event"),
        Column("last_event", "timestamp", "timestamp", "time of the newest event"),
        Column("span_s", "float64", "duration_s", "from the oldest to the newest event"),
        Column("last_ingest", "timestamp", "timestamp", "when events were last added"),
        Column("rejected", "int64", "count", "lines that were refused"),
        Column("links", "int64", "count", "anonymous ids linked to known people"),
        Column("batches", "int64", "count", "ingests"),
        Column("sources", "int64", "count", "log files read"),
        Column("files", "int64", "count", "Parquet files"),
        Column("bytes", "int64", "count", "size of the Parquet files"),
        Column("snapshot", "string", "text", "changes when the data does"),
        Column("format_version", "int64", "key", "layout of the store"),
    ),
    keys=("store",),
)
_EVENT_TYPES: Final = Table(
    "event_types",
    "Events by type.",
    (
        Column("event_type", "string", "key", "what happened"),
        Column("events", "int64", "count", "events of the type"),
        Column("share", "float64", "share", "events ÷ all"),
        Column("all", "int64", "count", "events in the store"),
    ),
    keys=("event_type",),
)
_COLUMNS: Final = Table(
    "columns",
    "Columns that hold values.",
    (
        Column("column", "string", "key", "name of the column"),
        Column("filled", "int64", "count", "events that have a value"),
        Column("share", "float64", "share", "filled ÷ all"),
        Column("all", "int64", "count", "events in the store"),
        Column("help", "string", "text", "what the column means"),
    ),
    keys=("column",),
)
_PROPERTIES: Final = Table(
    "properties",
    "Other keys of the log lines, to be asked for as properties.NAME.",
    (
        Column("property", "string", "key", "name of the property"),
        Column("filled", "int64", "count", "events that have it"),
        Column("share", "float64", "share", "filled ÷ all"),
        Column("all", "int64", "count", "events in the store"),
    ),
    keys=("property",),
)
_REJECTS: Final = Table(
    "rejects",
    "Refused lines by reason.",
    (
        Column("reason", "string", "key", "why a line was refused"),
        Column("lines", "int64", "count", "lines"),
    ),
    keys=("reason",),
)
_SOURCES: Final = Table(
    "sources",
    "Log files, as far as they were read.",
    (
        Column("path", "string", "key", "path of the file"),
        Column("lines", "int64", "count", "lines read"),
        Column("bytes", "int64", "count", "bytes read, uncompressed"),
        Column("read_at", "timestamp", "timestamp", "when"),
    ),
    keys=("path",),
)


def page_of_info(info: StoreInfo) -> Page:
    """Return the tables of what the catalog says."""
    summary = (
        info.path, info.rows, info.people, info.bots, utc(info.first_ts), utc(info.watermark),
        _span(info), utc(info.last_ingest), info.rejects, info.links, info.batches,
        len(info.sources), info.files, info.bytes, info.snapshot, info.format_version,
    )  # fmt: skip
    meaning = {column.name: column.help for column in EVENT_COLUMNS}
    order = {column.name: number for number, column in enumerate(EVENT_COLUMNS)}
    given = {column.name for column in EVENT_COLUMNS if column.source == "given"}
    filled = {name: count for name, count in info.columns.items() if count and name in given}
    columns = [
        (name, filled[name], _share(filled[name], info), info.rows, meaning.get(name))
        for name in sorted(filled, key=lambda name: order.get(name, len(order)))
    ]
    sources = [
        (source.path, source.lines, source.offset, utc(source.at)) for source in info.sources
    ]
    sheets = (
        sheet_of_rows(_SUMMARY, [summary], is_card=True),
        _counted(_EVENT_TYPES, info.event_types, info),
        sheet_of_rows(_COLUMNS, columns),
        _counted(_PROPERTIES, info.properties, info),
        sheet_of_rows(_REJECTS, _most_first(info.reject_reasons)),
        sheet_of_rows(_SOURCES, sources),
    )
    notes = () if info.rows else ("the store is empty: clickcli ingest adds log files",)
    return Page("info", 1, sheets, {"snapshot": info.snapshot}, notes, title="Store")


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _counted(schema: Table, counts: Mapping[str, int], info: StoreInfo) -> Sheet:
    rows = [(name, count, _share(count, info), info.rows) for name, count in _most_first(counts)]
    return sheet_of_rows(schema, rows)


def _share(count: int, info: StoreInfo) -> float | None:
    return count / info.rows if info.rows else None


def _span(info: StoreInfo) -> float | None:
    if info.first_ts is None or info.watermark is None:
        return None
    return (info.watermark - info.first_ts) / 1_000_000


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general = make(General, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        info = store.info()
    emit(page_of_info(info), to.in_zone(ZoneInfo(settings["tz"])))


COMMAND = Command(
    "info",
    "Tell what is in the store: counts, span, freshness, event types, columns.",
    (Output, General),
    _run,
    examples=(
        "clickcli info",
        "clickcli info --table event_types",
        "clickcli info -f json | jq .data",
    ),
    sections={
        "Tables": tuple(
            (table.name, table.help)
            for table in (_SUMMARY, _EVENT_TYPES, _COLUMNS, _PROPERTIES, _REJECTS, _SOURCES)
        )
    },
)
