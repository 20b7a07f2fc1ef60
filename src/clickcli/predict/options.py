"""What a prediction may be asked: the target, whose, when, and by which model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum, StrEnum
from typing import Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.errors import UsageError
from clickcli.features.options import Options
from clickcli.units import duration_us

UNUSED: Final = frozenset({
    "of", "step", "bounce", "shown", "click", "share", "save", "join", "nth", "costs", "content",
    "abandon_after", "recover_window", "remove", "rate", "half_life", "weight_view", "weight_add",
    "weight_purchase", "weight_save", "weight_share", "weight_rating", "k",
})  # fmt: skip
"""Options of features that say nothing of what a prediction looks at."""


class Target(StrEnum):
    """What is to be foreseen."""

    CONVERSION = "conversion"
    PURCHASE = "purchase"
    CHURN = "churn"


class Unit(StrEnum):
    """Of what it is foreseen."""

    PERSON = "person"
    SESSION = "session"


class Kind(StrEnum):
    """Which model is kept."""

    AUTO = "auto"
    LOGISTIC = "logistic"
    TREE = "tree"
    BOOSTED = "boosted"


_SPAN: Final = "Period"


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which of the models of a store is meant."""

    target: Annotated[
        Target,
        Option("What to foresee: the conversion event (default), a purchase, or churn, which is"
               " no event at all.", is_argument=True),
    ] = Target.CONVERSION  # fmt: skip
    unit: Annotated[Unit, Option("Foresee it of a person or of a session.")] = Unit.PERSON

    @property
    def name(self) -> str:
        """Name of the model in the store."""
        return f"predict-{self.unit}-{self.target}"

    def check(self) -> None:
        """Refuse what cannot be foreseen."""
        if self.unit is Unit.SESSION and self.target is Target.CHURN:
            raise UsageError(
                "churn must be foreseen of a person, was of a session",
                hint="clickcli predict train churn",
            )


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Options, Which):
    """Options of ``predict train``."""

    model: Annotated[
        Kind, Option("Model to keep; auto: the best on people left out of earlier cutoffs.")
    ] = Kind.AUTO
    depth: Annotated[
        int, Option("Greatest depth of the decision tree.", kind="count", minimum=1, maximum=12)
    ] = 4
    after: Annotated[
        int,
        Option("Sessions are judged after so many events.", kind="count", minimum=1, maximum=1000),
    ] = 5
    include_incomplete: Annotated[
        bool, Option("Learn from sessions that may still go on, too, as far as they are known.")
    ] = False
    horizon: Annotated[
        str, Option("How far ahead a person is looked at.", kind="duration", group=_SPAN)
    ] = "7d"
    lookback: Annotated[
        str,
        Option("People are judged who were active so long before.", kind="duration", group=_SPAN),
    ] = "28d"
    cutoffs: Annotated[
        int,
        Option("Cutoffs to learn from at most, a horizon apart.", kind="count", minimum=1,
               maximum=52, group=_SPAN),
    ] = 4  # fmt: skip
    cutoff: Annotated[
        str | None,
        Option("Test from here; default: the latest that is over, or the last 30 % of sessions.",
               kind="time", group=_SPAN),
    ] = None  # fmt: skip

    def check(self) -> None:
        """Refuse options that cannot be read, before any data is."""
        Which.check(self)
        Options.check(self)
        for name in ("horizon", "lookback"):
            if duration_us(getattr(self, name)) == 0:
                raise UsageError(f"--{name} must be longer than nothing, was 0")

    def plain(self) -> dict[str, Any]:
        """Return the options as JSON gives them back."""

        def value(one: Any) -> Any:
            if isinstance(one, Enum):
                return one.value
            return list(one) if isinstance(one, tuple) else one

        return {name: value(one) for name, one in asdict(self).items()}


def read_options(plain: Mapping[str, Any]) -> TrainOptions:
    """Return the options that ``plain`` gave; TypeError or ValueError for others."""
    given = {}
    for field in fields(TrainOptions):
        value, default = plain[field.name], field.default
        if isinstance(default, Enum):
            value = type(default)(value)
        elif isinstance(default, tuple):
            value = tuple(value)
        given[field.name] = value
    return TrainOptions(**given)
