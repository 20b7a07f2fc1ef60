"""Learn who will convert, buy or leave; judge it on later cases of other people; keep the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.predict import TABLES, page_of_model
from clickcli.config import load
from clickcli.predict.options import UNUSED, TrainOptions
from clickcli.units import duration_us, zone


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How to learn, beside what is foreseen."""

    as_of: Annotated[
        str | None,
        Flag("Learn as if it were this moment; default: the newest event.", kind="time",
             group="Period"),
    ] = None  # fmt: skip
    seed: Annotated[int, Flag("Seed of whatever is random.", minimum=0, group="Engine")] = 0
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Engine")
    ] = "0s"


def _run(given: Mapping[str, Any]) -> None:
    general, learning, settings = make(General, given), make(Learning, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(learning.wait) / 1_000_000
    options = TrainOptions(**{"tz": settings["tz"], **only(TrainOptions, given)})
    with opened(general, settings) as log:
        predictor = log.predictor
        model = predictor.train(options, as_of=learning.as_of, seed=learning.seed, wait_s=wait_s)
        notes = predictor.notes(model)
    emit(page_of_model(model, notes, "predict-train"), to.in_zone(zone(options.tz)))


COMMAND = Command(
    "train",
    "Learn who will convert, buy or leave; judge it on later cases of other people; keep the"
    " model.",
    (TrainOptions, Learning, Output, General),
    _run,
    examples=(
        "clickcli predict train purchase",
        "clickcli predict train churn --horizon 14d --model logistic --table models",
        "clickcli predict train purchase --unit session --after 5",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in TABLES)},
    without=UNUSED,
)
