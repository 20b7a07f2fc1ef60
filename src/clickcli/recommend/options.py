"""What training may be told beside the shared options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from clickcli.analysis import Option
from clickcli.errors import unknown
from clickcli.relations.interactions import InteractionOptions

AUTO: Final = "auto"
NAMES: Final = (
    AUTO, "popular", "trending", "repeat", "itemknn", "bm25", "als", "bpr", "ease", "rp3", "seq",
    "vsknn", "content",
)  # fmt: skip
"""Methods that can be asked for; what a blend is made of is chosen by ``auto``."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions(InteractionOptions):
    """Options of ``train``."""

    method: Annotated[
        str,
        Option(f"{', '.join(NAMES)}: auto tries all and blends of the best."),
    ] = AUTO
    keep: Annotated[
        int,
        Option("Items of each person's ready list.", kind="count", minimum=1, maximum=1000),
    ] = 50

    def check(self) -> None:
        """Refuse options that cannot be read, before any data is."""
        self.check_interactions()
        if self.method not in NAMES:
            raise unknown("method", self.method, NAMES)
