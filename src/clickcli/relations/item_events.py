"""Every event about an item, told apart by what was done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.relations.lines import NO_ITEM, lines

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events

_GROUP: Final = "Items"
VIEWS: Final = ("product_view", "view_item", "item_view", "group_view", "view")
"""Event types that are views of an item where nothing else is said."""


class Of(StrEnum):
    """What a row is about."""

    ITEM = "item"
    CATEGORY = "category"
    BRAND = "brand"

    @property
    def column(self) -> str:
        """The event column that names it."""
        return "item_id" if self is Of.ITEM else self.value


@dataclass(frozen=True, kw_only=True)
class ItemOptions:
    """Which events are views of items, and what rows are about."""

    of: Annotated[Of, Option("What a row is about: item, category or brand.")] = Of.ITEM
    view: Annotated[
        tuple[str, ...],
        Option("Event that is a view of an item (repeatable).", kind="event", group=_GROUP),
    ] = VIEWS


def item_events(
    events: Events,
    context: Context,
    kinds: Mapping[str, Sequence[str]],
    of: Of,
    columns: Sequence[str] = (),
    carried: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """Return one row an item of each event, with its ``item`` and a 0/1 column for each kind.

    ``kinds`` are names and their event types; an event may be of several. ``item`` is ``(none)``
    where the event names none. ``columns`` are those of ``lines``, ``carried`` the event's own.
    """
    import narwhals as nw

    types = sorted({name for names in kinds.values() for name in names})
    found = lines(events, context, types, ("line", "lines", of.column, *columns), carried)
    kind = nw.col("event_type")
    return found.with_columns(
        nw.col(of.column).fill_null(NO_ITEM).alias("item"),
        *(
            nw.when(kind.is_in(list(names))).then(1).otherwise(0).cast(nw.Int64).alias(name)
            for name, names in kinds.items()
        ),
    )
