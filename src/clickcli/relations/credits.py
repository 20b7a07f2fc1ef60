"""Credit of each conversion to the touches before it, by six models, in whole units.

A conversion's touches are the person's sessions that began at or before it and no longer before it
than the lookback, but for those that are no touch. Credit is counted in billionths of a conversion
and in minor units of money, and what rounding leaves goes to the largest remainders, so that the
credits of a conversion always add up to it exactly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.credit_models import WEIGHTS, Facts, Model, apportioned
from clickcli.relations.sessions import Cut, sessions
from clickcli.relations.touches import touches

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.relations.credit_models import Ints

ONE: Final = 1_000_000_000
"""Credit of one conversion."""
NO_TOUCH: Final = "(no touch)"
NO_CAMPAIGN: Final = "(not set)"
_DIRECT: Final = "Direct"
_AT_ONCE: Final = 500_000
"""Rows of conversions and touches that are looked at together, about."""
_LONGEST: Final = 10
"""Steps of a path that are told; of longer ones the last."""


class Of(StrEnum):
    """What credit is given to."""

    CHANNEL = "channel"
    SOURCE = "source"
    MEDIUM = "medium"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom to credit; durations in microseconds."""

    of: Of
    lookback: int
    half_life: int


def conversions_of(model: Model) -> str:
    """Return the column of credited conversions."""
    return f"conversions_{model.column}"


def revenue_of(model: Model) -> str:
    """Return the column of credited revenue."""
    return f"revenue_{model.column}"


def credited(events: Events, context: Context, cut: Cut, rules: Rules) -> nw.LazyFrame[Any]:
    """Return one row a conversion and label of its touches, with the credit of each model.

    ``touches`` is how many the conversion has, ``number`` which of them, from 1, is the first of
    the label, ``lag`` the time from that one; ``is_last`` is 1 for the label of the last one,
    whose row tells the ``path``. A conversion without a touch has one row, with number 0.
    """
    import narwhals as nw

    visits = touches(sessions(events, context, cut, {}), events, context)
    label = nw.col(rules.of.value).fill_null(NO_CAMPAIGN)
    nothing = nw.lit(None)
    names = ["person_key", "ts", "seq", "touch", "is_direct", "revenue", "currency", *context.by]
    own = visits.filter(nw.col("is_touch") == 1).select(
        "person_key",
        nw.col("start").alias("ts"),
        nw.col("first_seq").alias("seq"),
        label.alias("touch"),
        (nw.col("channel") == _DIRECT).cast(nw.Int64).alias("is_direct"),
        nothing.cast(nw.Int64).alias("revenue"),
        nothing.cast(nw.String).alias("currency"),
        *context.by,
    )
    bought = events.frame({"event_type", "revenue", "currency"}).filter(
        nw.col("event_type") == context.dataset.conversion_event
    )
    bought = bought.with_columns(
        nothing.cast(nw.String).alias("touch"), nothing.cast(nw.Int64).alias("is_direct")
    )
    rows = nw.concat([own.select(names), bought.select(names)])
    return context.engine.kernel(rows, credit_kernel(rules, context.by), _schema(context.by))


def _schema(by: Sequence[str]) -> dict[str, Dtype]:
    numbers = ("person_key", "ts", "seq", "number", "touches", "lag", "revenue", "is_last")
    schema: dict[str, Dtype] = dict.fromkeys(numbers, "int64")
    for model in Model:
        schema |= {conversions_of(model): "int64", revenue_of(model): "int64"}
    return schema | dict.fromkeys(("currency", "touch", "path", *by), "string")


def credit_kernel(rules: Rules, by: Sequence[str]) -> Kernel:
    """Return the kernel of ``credited``; rows without ``is_direct`` are conversions."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        is_conversion = pl.col("is_direct").is_null()
        rows = frame.with_columns(is_conversion.alias("is_conversion")).sort(
            "person_key", "ts", "seq", "is_conversion"
        )
        seen, bought = rows.filter(~is_conversion), rows.filter(is_conversion)
        bought = bought.select(
            "person_key", "ts", "seq", pl.col("revenue").fill_null(0), "currency", *by
        )
        spans = np.array(_spans(rows, seen, rules.lookback), dtype=np.int64).reshape(-1, 2)
        before = np.cumsum(np.maximum(spans[:, 1] - spans[:, 0], 1))
        total = int(before[-1]) if len(before) else 0
        edges = np.searchsorted(before, np.arange(_AT_ONCE, total, _AT_ONCE))
        cuts = np.unique([0, *edges, len(spans)]).tolist() if len(spans) else [0, 0]
        return pl.concat(
            _credits(bought[start:end], spans[start:end], seen, rules.half_life)
            for start, end in pairwise(cuts)
        )

    return kernel


def _credits(bought: pl.DataFrame, spans: Ints, seen: pl.DataFrame, half_life: int) -> pl.DataFrame:
    """Return the rows of some conversions; ``spans`` say which rows of ``seen`` are theirs."""
    import numpy as np
    import polars as pl

    counts = spans[:, 1] - spans[:, 0]
    rows = np.maximum(counts, 1)
    group = np.repeat(np.arange(len(spans)), rows)
    place = np.arange(len(group)) - (np.cumsum(rows) - rows)[group]
    is_touched = pl.Series("is_touched", counts[group] > 0)
    at = pl.Series("at", spans[:, 0][group] + place).to_frame()
    index = at.select(pl.when(is_touched).then("at"))["at"]
    told = seen.select(pl.col("touch", "is_direct", "ts").gather(index))
    out = bought[pl.Series(group)]
    facts = Facts(
        place, counts[group], group, (out["ts"] - told["ts"]).fill_null(0).to_numpy(),
        told["is_direct"].fill_null(0).to_numpy(), half_life,
    )  # fmt: skip
    out = out.with_columns(
        pl.Series("number", np.minimum(place + 1, counts[group]), dtype=pl.Int64),
        pl.Series("touches", counts[group], dtype=pl.Int64),
        pl.Series("lag", facts.age, dtype=pl.Int64),
        told["touch"].fill_null(NO_TOUCH).alias("touch"),
        *_shares(facts, out["revenue"]),
    )
    return _by_label(out)


def _spans(rows: pl.DataFrame, seen: pl.DataFrame, lookback: int) -> list[tuple[int, int]]:
    """Return for each conversion which touches, as a half-open range, are its own."""
    starts: list[int] = seen["ts"].to_list()
    spans: list[tuple[int, int]] = []
    person, first, before = object(), 0, 0
    for key, ts, is_conversion in rows.select("person_key", "ts", "is_conversion").iter_rows():
        if key != person:
            person, first = key, before
        if is_conversion:
            spans.append((bisect_left(starts, ts - lookback, first, before), before))
        else:
            before += 1
    return spans


def _shares(facts: Facts, revenue: pl.Series) -> list[pl.Series]:
    """Return the credit of each touch in conversions and in money, by each model."""
    import numpy as np
    import polars as pl

    amounts, ones = revenue.to_numpy(), np.full(len(facts.group), ONE, dtype=np.int64)
    found: list[pl.Series] = []
    for model in Model:
        weights = WEIGHTS[model](facts)
        for name, totals in ((conversions_of(model), ones), (revenue_of(model), amounts)):
            parts = apportioned(totals, weights, facts.group)
            found.append(pl.Series(name, parts, dtype=pl.Int64))
    return found


def _by_label(out: pl.DataFrame) -> pl.DataFrame:
    """Sum the touches of each conversion that have one label; tell its path at the last one."""
    import polars as pl

    credit = [name for model in Model for name in (conversions_of(model), revenue_of(model))]
    is_end = pl.col("number") == pl.col("touches")
    own = pl.exclude("seq", "touch", "number", *credit).first()
    sums = out.group_by("seq", "touch", maintain_order=True).agg(
        own,
        pl.col("number").min(),
        pl.col(credit).sum(),
        is_end.any().cast(pl.Int64).alias("is_last"),
    )
    paths = out.group_by("seq", maintain_order=True).agg(pl.col("touch").alias("labels"))
    told = pl.Series("path", [path_of(labels) for labels in paths["labels"]], dtype=pl.String)
    paths = paths.select("seq", told, pl.lit(1, pl.Int64).alias("is_last"))
    return sums.join(paths, on=["seq", "is_last"], how="left", maintain_order="left")


def path_of(labels: Sequence[str]) -> str:
    """Return the touches as text: what is repeated once with its number, the last ten of more."""
    runs = [(label, sum(1 for _ in same)) for label, same in groupby(labels)]
    words = [label if count == 1 else f"{label} ×{count}" for label, count in runs]
    return " > ".join(words if len(words) <= _LONGEST else ["…", *words[-_LONGEST:]])
