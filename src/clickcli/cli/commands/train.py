"""Fit the recommender to the store's events, choose the best method, and keep the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Shared, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.recommend.options import TrainOptions
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us, zone

if TYPE_CHECKING:
    from clickcli.store.models import Model

_SHARED: Final = frozenset(
    {"from_", "to", "last", "as_of", "tz", "where", "include_bots", "seed"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How long to wait."""

    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Engine")
    ] = "0s"


_SUMMARY: Final = Table(
    "summary",
    "What was trained.",
    (
        Column("model", "string", "key", "id of the model, a digest of it"),
        Column("next", "string", "text", "method for the next item (--session, --items)"),
        Column("later", "string", "text", "method for later days (--user, --all)"),
        Column("next_repeat", "string", "text", "as next, with --allow-repeat"),
        Column("later_repeat", "string", "text", "as later, with --allow-repeat"),
        Column("people", "int64", "count", "people with a list"),
        Column("items", "int64", "count", "items"),
        Column("events", "int64", "count", "views, adds and purchases learned from"),
        Column("trained_as_of", "string", "text", "the moment that the model knows"),
        Column("bytes", "int64", "count", "size of the model"),
    ),
    keys=("model",),
)
_VALIDATION: Final = Table(
    "validation",
    "What was tried on the last fifth of the events, for each task.",
    (
        Column(
            "mode", "string", "key", "next: the next item; later: of later days; or with repeats"
        ),
        Column("method", "string", "key", "method or blend"),
        Column("ndcg", "float64", "score", "NDCG at 10"),
        Column("ndcg_low", "float64", "score", "lower 95 % bound of ndcg"),
        Column("ndcg_high", "float64", "score", "upper 95 % bound of ndcg"),
        Column("is_chosen", "bool", "flag", "whether it was chosen"),
        Column("cases", "int64", "count", "people or moments that were asked for"),
    ),
    keys=("mode", "method"),
)


def page_of_model(model: Model) -> Page:
    """Return the account of a training."""
    from clickcli.recommend import receipt

    told = model.manifest
    methods = told["methods"]
    row = (
        model.id,
        *(methods[task]["name"] for task in ("next", "later", "next_repeat", "later_repeat")),
        told["people"], told["items"], told["events"], told["as_of"], model.bytes,
    )  # fmt: skip
    tried = [
        (mode, name, ndcg, low, high, name == methods[mode]["name"], methods[mode]["cases"])
        for mode, name, ndcg, low, high in told["validation"]
    ]
    notes = [f"{mode}: {one['name']}, {one['reason']}" for mode, one in sorted(methods.items())]
    sheets = (sheet_of_rows(_SUMMARY, [row], is_card=True), sheet_of_rows(_VALIDATION, tried))
    return Page("train", 1, sheets, receipt(model), notes, title="Recommender")


def _run(given: Mapping[str, Any]) -> None:
    general, settings = make(General, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(make(Wait, given).wait) / 1_000_000
    shared = Shared(**{**settings.given("shared"), **only(Shared, given)})
    options = make(TrainOptions, given)
    with opened(general, settings) as log:
        model = log.recommender.train(options, shared, wait_s)
    emit(page_of_model(model), to.in_zone(zone(shared.tz)))


COMMAND = Command(
    "train",
    "Fit the recommender to the store's events, choose the best method, and keep the model.",
    (TrainOptions, Shared, Wait, Output, General),
    _run,
    examples=(
        "clickcli train",
        "clickcli train --method itemknn --half-life none --table summary",
        "clickcli train --last 30d --weight-view 0 --table validation -f csv",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in (_SUMMARY, _VALIDATION))},
    without=frozenset(field.name for field in fields(Shared)) - _SHARED,
)
