"""Read the events of one person, and nobody else's, into memory; everything is asked of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import polars as pl

from clickcli.analysis import Shared
from clickcli.columns import BY_NAME
from clickcli.context import IS_BOT, Context, Events, resolve
from clickcli.engines.dataset import DataFile, Dataset, no_links
from clickcli.engines.hidden import IS_HIDDEN
from clickcli.engines.polars import EVENT_SCHEMA, PolarsEngine
from clickcli.engines.scan import IS_KNOWN, PERSON_ID, scan
from clickcli.errors import UsageError, suggestion
from clickcli.identity import anonymous_key, is_placeholder, user_key
from clickcli.units import Period, from_us

if TYPE_CHECKING:
    from clickcli.filters import PropertyRef

_SHOWN: Final = 80
"""Characters of an id that an error repeats, at most."""
_NEAR: Final = 20_000
"""Ids among which a similar one is looked for, at most."""


@dataclass(frozen=True, slots=True)
class Whose:
    """A person as asked for: the key, and the keys under which events may be stored."""

    text: str
    is_device: bool
    key: int
    stored: frozenset[int]

    @property
    def word(self) -> str:
        """Return the id as an error repeats it."""
        short = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…"
        return f"{'device' if self.is_device else 'user'} {short!r}"


@dataclass(frozen=True, slots=True)
class Rows:
    """A context over one person's rows alone, their events, and how many are left out and why."""

    whose: Whose
    context: Context
    events: Events
    left_out: dict[str, int]


class _Held(PolarsEngine):
    """Reads from rows in memory, whatever files it is told to."""

    def __init__(self, rows: pl.DataFrame) -> None:
        super().__init__(streaming=False)
        self._rows = rows

    def _stored(self, files: Sequence[DataFile]) -> pl.LazyFrame:  # noqa: ARG002 - all is held
        return self._rows.lazy()


class _OnePerson(Events):
    """The events of one person: rows of a shared device that are somebody else's are left out."""

    def __init__(self, context: Context, key: int) -> None:
        super().__init__(context)
        self._key = key

    def frame(
        self,
        columns: Iterable[str] = (),
        properties: Iterable[PropertyRef] = (),
        *,
        period: Period = Period(),
        with_nobody: bool = False,
        with_by: bool = True,
    ) -> nw.LazyFrame[Any]:
        """Return one row an event of the person."""
        frame = super().frame(
            columns, properties, period=period, with_nobody=with_nobody, with_by=with_by
        )
        return frame.filter(nw.col("person_key") == self._key)


def rows_of(dataset: Dataset, text: str, shared: Shared, *, is_device: bool) -> Rows:
    """Return the events of a person.

    Raises UsageError where the id is nobody's, unknown, or the device is a user's; where the person
    is not to be seen; and where all events are of bots or after as-of.
    """
    whose, links = _whose(dataset, text, is_device=is_device)
    held = _Held(_read(dataset, whose.stored))
    own = replace(dataset, link_count=links.height, links=lambda: links)
    context = resolve(own, held, shared)
    left_out = _left_out(context, whose, dataset)
    return Rows(whose, context, _OnePerson(context, whose.key), left_out)


def _whose(dataset: Dataset, text: str, *, is_device: bool) -> tuple[Whose, pl.DataFrame]:
    """Return who is meant, and the links of their devices."""
    if is_placeholder(text):
        raise UsageError(f"{text[:_SHOWN]!r} means nobody: it is no id of a person")
    links = dataset.links() if dataset.link_count else no_links()
    if is_device:
        whose = Whose(text, True, anonymous_key(text), frozenset({anonymous_key(text)}))
        if links.filter(pl.col("anonymous_id") == text).height:
            raise UsageError(f"{whose.word} is a user's", hint=_owner(dataset, text))
        return whose, links.clear()
    key = user_key(text)
    devices = links.filter(pl.col("user_key") == key)["anonymous_id"].unique()
    stored = frozenset({key, *map(anonymous_key, devices.to_list())})
    return Whose(text, False, key, stored), links.filter(
        pl.col("anonymous_id").is_in(devices.implode())
    )


def _owner(dataset: Dataset, device: str) -> str | None:
    """Return a hint that names the users of a device, those that may be named."""
    links = dataset.links() if dataset.link_count else no_links()
    users = links.filter(pl.col("anonymous_id") == device).unique("user_id").sort("user_id")
    if dataset.opted_out_count:
        users = users.filter(~pl.col("user_key").is_in(dataset.opted_out()["person_key"].implode()))
    if dataset.require_consent:
        users = users.filter(pl.col("user_key").is_in(dataset.agreed()["person_key"].implode()))
    return " or ".join(map(_command, users["user_id"].head(3).to_list())) or None


def _command(text: str, flag: str = "") -> str:
    return f"clickcli person {flag}{shlex.quote(text)}"


def _read(dataset: Dataset, keys: frozenset[int]) -> pl.DataFrame:
    """Return all columns of the rows under these keys; other row groups are not read."""
    files = [
        file
        for file in dataset.files
        if file.min_key is not None
        and file.max_key is not None
        and any(file.min_key <= key <= file.max_key for key in keys)
    ]
    if not files:
        return pl.DataFrame(schema=EVENT_SCHEMA)
    engine = PolarsEngine()
    frame = engine.read(files, list(BY_NAME), ())
    frame = frame.filter(nw.col("person_key").is_in(sorted(keys)))
    return engine.collect({"rows": frame})["rows"]


def _left_out(context: Context, whose: Whose, dataset: Dataset) -> dict[str, int]:
    """Count the person's events that are not to be counted; UsageError where none is left."""
    frame = scan(context.engine, context.dataset, [IS_BOT], with_hidden=True)
    frame = frame.filter(nw.col("person_key") == whose.key)
    table = context.engine.collect({"rows": frame})["rows"]
    if not table.height:
        raise _unknown(whose, dataset)
    seen = table.filter(~pl.col(IS_HIDDEN))
    if not seen.height:
        raise UsageError(
            f"{whose.word} opted out or did not agree to be counted: no answer tells of them",
            hint="clickcli privacy export gives the person what is held",
        )
    past = seen.filter(pl.col("ts") <= context.as_of)
    if not past.height:
        first = from_us(int(seen["ts"].min()), context.tz)  # type: ignore[arg-type]
        raise UsageError(
            f"{whose.word} has no event up to as-of",
            hint=f"the first one is of {first.isoformat()}",
        )
    bots = int(past[IS_BOT].fill_null(value=False).sum()) if context.leaves_out_bots else 0
    if bots == past.height:
        raise UsageError(f"{whose.word} is a bot", hint="--include-bots shows it")
    return {
        "without_consent": table.height - seen.height,
        "after_as_of": seen.height - past.height,
        "of_bots": bots,
    }


def _unknown(whose: Whose, dataset: Dataset) -> UsageError:
    """Build the error for an id without events; it suggests the other kind of id, or a near one."""
    ids = scan(PolarsEngine(), dataset, [PERSON_ID, IS_KNOWN])
    ids = ids.filter(~nw.col("person_key").is_null())
    table = PolarsEngine().collect({"ids": ids.select(PERSON_ID, IS_KNOWN).unique()})["ids"]
    is_same = table.filter(
        (pl.col(PERSON_ID) == whose.text) & (pl.col(IS_KNOWN) == whose.is_device)
    ).height
    if is_same:
        other = _command(whose.text, "" if whose.is_device else "--device ")
        return UsageError(f"unknown {whose.word}", hint=f"did you mean {other}?")
    if not whose.is_device and (owner := _owner(dataset, whose.text)):
        return UsageError(f"unknown {whose.word}: it is a device", hint=owner)
    length = pl.col(PERSON_ID).str.len_chars()
    near = table.filter(
        (pl.col(IS_KNOWN) != whose.is_device)
        & length.is_between(len(whose.text) - 2, len(whose.text) + 2)
    )
    names = near[PERSON_ID].sort().head(_NEAR).to_list()
    hint = suggestion(whose.text, names) or "clickcli events --columns person_id shows ids"
    return UsageError(f"unknown {whose.word}", hint=hint)
