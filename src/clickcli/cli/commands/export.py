"""Write a whole table to a file, for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from clickcli.analysis import Shared
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.sql.tables import SOURCES
from clickcli.units import zone


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``export``."""

    name: Annotated[
        str,
        Flag("The table; clickcli sql --tables tells the columns.", metavar="TABLE",
             is_argument=True, group="Table"),
    ]  # fmt: skip


def _run(given: Mapping[str, Any]) -> None:
    from clickcli import exports
    from clickcli.api import build
    from clickcli.engines import engine

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    exports.check(parameters.name, to.kind)
    shared = build(Shared, {**settings.given("shared"), **only(Shared, given)})
    with opened(general, settings) as log:
        page = log.fresh(
            lambda data: exports.page(data, engine("polars"), shared, log.features, parameters.name)
        )
        emit(page, to.in_zone(zone(shared.tz)))


_WITHOUT: Final = frozenset(
    {"vs", "week_start", "include_incomplete", "by", "top", "min_group", "limit", "engine",
     "master", "seed", "table"}
)  # fmt: skip
COMMAND = Command(
    "export",
    "Write a whole table to a file, for other systems.",
    (Parameters, Shared, Output, General),
    _run,
    examples=(
        "clickcli export events --last 30d -o events.parquet",
        "clickcli export sessions --tz Europe/Berlin -o sessions.duckdb",
        "clickcli export lines --where \"currency = 'EUR'\" -o lines.sqlite",
    ),
    sections={"Tables": tuple((source.name, source.help) for source in SOURCES)},
    without=_WITHOUT,
)
