"""What to recommend to a person, from the list that the trained model keeps ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from clickcli.errors import DataError
from clickcli.recommend import Wish
from clickcli.units import from_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickcli.person.rows import Rows
    from clickcli.recommend import Recommended, Recommender

_FIRST: Final = Wish(k=5)
_NONE: Final = "no recommendations: "


def recommended(recommender: Recommender, rows: Rows) -> tuple[Sequence[Recommended], list[str]]:
    """Return the first items for a person, and notes; a note alone where no model can tell.

    A model that was trained on what came after as-of is not asked.
    """
    whose = rows.whose
    try:
        if not recommender.is_trained():
            return (), [f"{_NONE}no model is trained: clickcli train"]
        answer = recommender.of_key(whose.key, whose.text, _FIRST, is_device=whose.is_device)
    except DataError as error:
        return (), [f"{_NONE}{error.message}; {error.hint}"]
    if datetime.fromisoformat(answer.meta["trained_as_of"]) > from_us(rows.context.as_of, UTC):
        return (), [f"{_NONE}the model knows what came after as-of"]
    return answer.rows, list(answer.notes)
