"""Give the probability of everybody who was active lately, or of each session that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.predict import receipt
from clickcli.config import load
from clickcli.predict.options import Which
from clickcli.render.page import Page, sheet_of_frame
from clickcli.units import zone

_SCORES: Final = Table(
    "scores",
    "Probabilities, the highest first.",
    (
        Column("person_id", "string", "key", "user or device"),
        Column("is_known", "bool", "key", "whether that id is a user's"),
        Column("probability", "float64", "share", "probability that the target follows"),
        Column("decile", "int64", "count", "tenth of those scored, 1 the most probable"),
        Column("session_start", "timestamp", "timestamp", "of the session; none for people"),
        Column("as_of", "string", "text", "the last moment that is known"),
        Column("model", "string", "text", "id of the model"),
    ),
    keys=("person_id", "is_known", "session_start"),
    is_list=True,
)


@dataclass(frozen=True, kw_only=True)
class Parameters(Which):
    """Options of ``predict score``."""

    as_of: Annotated[
        str | None,
        Flag("Score as if it were this moment; default: the newest event.", kind="time",
             group="Period"),
    ] = None  # fmt: skip
    limit: Annotated[
        int | None,
        Flag("At most this many rows.", kind="count", minimum=0, short="n", group="Selection"),
    ] = None


def _run(given: Mapping[str, Any]) -> None:
    general, asked, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    with opened(general, settings) as log:
        scored = log.predictor.score(asked, as_of=asked.as_of)
    table = scored.table if asked.limit is None else scored.table.head(asked.limit)
    title = f"{asked.target} of a {asked.unit}".capitalize()
    meta = {**receipt(scored.model), "scored": scored.table.height}
    page = Page("predict-score", 1, (sheet_of_frame(_SCORES, table),), meta, scored.notes, title)
    emit(page, to.in_zone(zone(scored.model.manifest["options"]["tz"])))


COMMAND = Command(
    "score",
    "Give the probability of everybody who was active lately, or of each session that goes on.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli predict score purchase -o scores.parquet",
        "clickcli predict score churn --limit 100 -f csv",
        "clickcli predict score purchase --unit session --as-of 2025-04-20T12:00",
    ),
    sections={"Tables": ((_SCORES.name, _SCORES.help),)},
)
