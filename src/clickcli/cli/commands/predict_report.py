"""Show how good a trained prediction is: against baselines, calibration, lift, features, rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import make
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.predict import TABLES, page_of_model
from clickcli.config import load
from clickcli.predict.options import Which


def _run(given: Mapping[str, Any]) -> None:
    general, which, settings = make(General, given), make(Which, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    with opened(general, settings) as log:
        model = log.predictor.model(which)
        notes = log.predictor.notes(model)
    emit(page_of_model(model, notes, "predict-report"), to)


COMMAND = Command(
    "report",
    "Show how good a trained prediction is: against baselines, calibration, lift, features, rules.",
    (Which, Output, General),
    _run,
    examples=(
        "clickcli predict report purchase",
        "clickcli predict report churn --table lift",
        "clickcli predict report purchase --unit session --table calibration -f csv",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in TABLES)},
)
