"""Compute the features of people, items and what people do with them, and keep them as Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from clickcli.cli.command import Command
from clickcli.cli.features import Wait, page_of_features
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.features.options import Options
from clickcli.features.tables import TABLES
from clickcli.units import duration_us, zone


@dataclass(frozen=True, kw_only=True)
class Building:
    """What to build from."""

    cutoff: Annotated[
        str | None,
        Flag("Only events before this day or moment; default: all of them.", kind="time",
             group="Period"),
    ] = None  # fmt: skip
    full: Annotated[
        bool,
        Flag("Compute everything anew, not only what changed; gives the same.", group="Features"),
    ] = False


def _run(given: Mapping[str, Any]) -> None:
    general, building, settings = make(General, given), make(Building, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(make(Wait, given).wait) / 1_000_000
    options = Options(**{"tz": settings["tz"], **only(Options, given)})
    with opened(general, settings) as log:
        built = log.features.build(
            cutoff=building.cutoff, full=building.full, options=options, wait_s=wait_s
        )
        kept = log.features.kept()
    people = f"{built.computed:,} of {built.people:,} people".replace(",", "\u202f")
    title = f"Features · computed anew: {people}"
    meta = {**built.receipt, "people": built.people, "computed": built.computed}
    emit(page_of_features(kept, built.notes, meta, title), to.in_zone(zone(options.tz)))


COMMAND = Command(
    "build",
    "Compute the features of people, items and what people do with them, and keep them as Parquet.",
    (Building, Options, Wait, Output, General),
    _run,
    examples=(
        "clickcli features build",
        "clickcli features build --cutoff 2025-04-01 --half-life none",
        "clickcli features build --full -q -f json | jq .meta",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in TABLES.values())},
    without=frozenset({"of", "step", "bounce", "table"}),
)
