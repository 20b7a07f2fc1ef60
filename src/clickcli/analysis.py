"""The contract of an analysis: declared options, declared tables, three moves.

An analysis is one module with a frozen dataclass of parameters, the tables it gives, and

1. ``units``: lazy expressions over the events, one row per person, session or cart;
2. ``reduce``: lazy expressions from units down to report size;
3. ``finish``: plain Polars on the small results.

Command, help, JSON schema, library method and contract tests are derived from this
declaration. Nothing here imports an engine: declarations are read for help and completion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from clickcli.columns import Dtype
from clickcli.units import WeekStart

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

ColumnKind = Literal[
    "key",
    "text",
    "count",
    "share",
    "ratio",
    "money",
    "duration_s",
    "timestamp",
    "score",
    "flag",
    "measure",
]
"""``measure``: the column ``kind`` of the same row says what the number is."""

OptionKind = Literal[
    "text", "duration", "time", "zone", "event", "step", "exclusion", "column", "predicate",
    "count", "address", "csv",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """What the command line, the help and the checks need to know of one parameter."""

    help: str
    kind: OptionKind = "text"
    flag: str | None = None
    """Long flag without dashes, where it is not the field's name with hyphens."""
    minimum: float | None = None
    maximum: float | None = None
    is_argument: bool = False
    group: str = "Analysis"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an output table; its kind alone decides how it looks.

    ``of_people`` says that it counts people: the group that its row is about, or a part of it.
    """

    name: str
    dtype: Dtype
    kind: ColumnKind
    help: str
    of_people: bool = False


def people_count(name: str, text: str) -> Column:
    """Declare a count of people."""
    return Column(name, "int64", "count", text, of_people=True)


def rate(name: str, text: str) -> tuple[Column, Column, Column]:
    """Declare a share and the bounds of its 95 % interval; ``text`` names the two counts."""
    return (
        Column(name, "float64", "share", text),
        Column(f"{name}_low", "float64", "share", f"lower 95 % bound of {name}"),
        Column(f"{name}_high", "float64", "share", f"upper 95 % bound of {name}"),
    )


@dataclass(frozen=True, slots=True)
class Grid:
    """How a terminal lays out a long table: ``value`` in columns across a key.

    The first value of the key, where it is the group itself, has a column with ``has_first``.
    """

    across: str
    value: str
    beside: tuple[str, ...]
    help: str
    has_first: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """How a terminal draws a table whose rows lie below one another.

    ``label`` is indented by ``depth``, which is 1 at the top; ``bar`` is a share drawn as a bar;
    ``hidden`` columns say what the drawing shows.
    """

    label: str
    depth: str
    bar: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One output table: ``keys`` identify a row, ``order`` is the total order of the rows.

    A name in ``order`` with a leading ``-`` sorts descending. Columns of ``--by`` are put
    before the declared ones and belong to the keys. ``time`` is the key that names a calendar
    period. ``is_list`` tables hold single sessions or people, which no comparison sets side by
    side. ``below`` are texts that a terminal shows in lines below their row; ``shown`` is how many
    rows it shows of a table that is not the main one and was not asked for.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    order: tuple[str, ...] = ()
    is_broken_down: bool = True
    grid: Grid | None = None
    time: str | None = None
    is_list: bool = False
    below: tuple[str, ...] = ()
    tree: Tree | None = None
    shown: int = 30

    def names(self) -> list[str]:
        """Return the declared column names in order."""
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True)
class Cell:
    """One form of ``--who``: how it is written and whom it lists."""

    form: str
    help: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A question that the command of an analysis answers from its options alone.

    It needs no store. ``options`` are further options of the command; when one of them is given,
    ``answer`` makes the one row of ``table`` from them and from the settings of datasets.
    """

    options: type
    table: Table
    answer: Callable[[Any, Mapping[str, Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Finished:
    """What ``finish`` gives: tables, notes for the reader, facts for the receipt.

    A declared table that is not given was not asked for and comes out empty.
    """

    tables: Mapping[str, pl.DataFrame]
    notes: Sequence[str] = ()
    title: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


P = TypeVar("P")
Units = Mapping[str, "nw.LazyFrame[Any]"]


@dataclass(frozen=True, slots=True)
class Analysis(Generic[P]):
    """A declared analysis.

    ``units`` gives named per-unit tables, each with one row per its ``unit_keys`` (and per value
    of each ``--by`` column, as ``by_1`` …), ``person_key`` among them. ``reduce`` groups them by
    ``context.by`` first. ``who`` turns the words of a cell into the name of a unit table and a
    filter on it; each person is listed once. Where only a fit knows who is in a cell, ``members``
    gives their ``person_key`` instead, from what ``reduce`` gave. ``check`` sees the parameters
    before any data is read and raises UsageError. ``sample`` are parameters that suit any log with
    view, add_to_cart and purchase events: those under which the contract is tested.
    """

    name: str
    version: int
    parameters: type[P]
    sample: P
    tables: tuple[Table, ...]
    unit_keys: Mapping[str, tuple[str, ...]]
    units: Callable[[Events, P, Context], Units]
    reduce: Callable[[Units, P, Context], Mapping[str, nw.LazyFrame[Any]]]
    finish: Callable[[Mapping[str, pl.DataFrame], P, Context], Finished]
    who: Callable[[str, P, Context], tuple[str, nw.Expr]] | None = None
    members: Callable[[str, Mapping[str, pl.DataFrame], P, Context], pl.DataFrame] | None = None
    cells: tuple[Cell, ...] = ()
    examples: tuple[str, ...] = ()
    check: Callable[[P, Context], None] | None = None
    takes_by: bool = True
    fits: bool = False
    aside: Aside | None = None


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Options that every analysis takes, under the same names."""

    from_: Annotated[
        str | None,
        Option("First day or moment, inclusive.", kind="time", flag="from", group="Period"),
    ] = None
    to: Annotated[
        str | None, Option("Day or moment to stop before.", kind="time", group="Period")
    ] = None
    last: Annotated[
        str | None,
        Option("The span before --as-of, such as 28d.", kind="duration", group="Period"),
    ] = None
    as_of: Annotated[
        str | None,
        Option(
            "Answer as if it were this moment; default: the newest event.",
            kind="time",
            group="Period",
        ),
    ] = None
    tz: Annotated[
        str, Option("Time zone of days, weeks and months.", kind="zone", group="Period")
    ] = "UTC"
    week_start: Annotated[WeekStart, Option("First day of the week.", group="Period")] = (
        WeekStart.MONDAY
    )
    vs: Annotated[
        str | None,
        Option(
            "Compare the period with another: prev, yoy or FROM..TO.", kind="text", group="Period"
        ),
    ] = None
    include_incomplete: Annotated[
        bool, Option("Let averages count periods that are not over.", group="Period")
    ] = False
    where: Annotated[
        tuple[str, ...],
        Option(
            "Only events for which this holds: country = 'DE' and price > 10.",
            kind="predicate",
            group="Selection",
        ),
    ] = ()
    by: Annotated[
        tuple[str, ...],
        Option(
            "Break down by a column or properties.x (up to 3).", kind="column", group="Selection"
        ),
    ] = ()
    top: Annotated[
        int,
        Option(
            "Values of a breakdown shown; the rest is (other).",
            kind="count",
            minimum=1,
            group="Selection",
        ),
    ] = 10
    min_group: Annotated[
        int | None,
        Option(
            "Hide numbers that stand on fewer people than this.",
            kind="count",
            minimum=2,
            group="Selection",
        ),
    ] = None
    limit: Annotated[
        int | None, Option("At most this many rows.", kind="count", minimum=0, group="Selection")
    ] = None
    include_bots: Annotated[
        bool, Option("Count events of bots, which are left out otherwise.", group="Selection")
    ] = False
    engine: Annotated[str, Option("polars, polars-memory or spark.", group="Engine")] = "polars"
    master: Annotated[
        str | None, Option("Address of a Spark cluster, sc://host:port.", group="Engine")
    ] = None
    seed: Annotated[int, Option("Seed of whatever is random.", minimum=0, group="Engine")] = 0
