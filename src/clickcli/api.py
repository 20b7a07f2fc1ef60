"""A store as a Python object whose methods are the analyses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from clickcli.analysis import Analysis, Shared
from clickcli.errors import UsageError, unknown
from clickcli.registry import load, names
from clickcli.store import Store

if TYPE_CHECKING:
    from clickcli.doctor import Evidence, Plan
    from clickcli.engines.dataset import Dataset
    from clickcli.features import Features
    from clickcli.person.rules import Rules
    from clickcli.predict import Predictor
    from clickcli.recommend import Recommender
    from clickcli.run import Result
    from clickcli.store import IngestOptions, IngestSummary, StoreInfo


T = TypeVar("T")


class Log:
    """An open store.

    ``settings`` are what a configuration file would set: the conversion event, the events
    that people do not cause. Every analysis is a method of its name that takes the
    analysis' parameters and the shared options (``from_``, ``to``, ``last``, ``tz``,
    ``where``, ``by`` …) as keywords and returns a ``Result``; ``who="step:2"`` lists people.
    """

    def __init__(self, store: Store, settings: Mapping[str, Any] | None = None) -> None:
        self._store = store
        self._settings = dict(settings or {})

    @classmethod
    def open(cls, path: str | Path, settings: Mapping[str, Any] | None = None) -> Log:
        """Open an existing store; DataError when there is none."""
        return cls(Store.open(path), settings)

    @classmethod
    def create(cls, path: str | Path, settings: Mapping[str, Any] | None = None) -> Log:
        """Make an empty store and open it; DataError when there is one already."""
        return cls(Store.create(path), settings)

    @property
    def store(self) -> Store:
        """The store itself."""
        return self._store

    def ingest(
        self, *sources: str | Path | BinaryIO, options: IngestOptions | None = None
    ) -> IngestSummary:
        """Add log files; all of them or nothing. See ``IngestSummary`` for the accounting."""
        if options is None:
            return self._store.ingest(list(sources))
        return self._store.ingest(list(sources), options)

    def info(self) -> StoreInfo:
        """Return what the catalog knows: counts, span, vocabulary."""
        return self._store.info()

    def dataset(self) -> Dataset:
        """Return the snapshot that an analysis of this moment would read."""
        return dataclasses.replace(self._store.dataset(), **self._settings)

    def fresh(self, compute: Callable[[Dataset], T]) -> T:
        """Compute over a snapshot; once more when a writer removed files of it meanwhile."""
        from clickcli.engines.gone import over_fresh

        return over_fresh(self.dataset, compute)

    def run(
        self,
        name: str,
        parameters: Mapping[str, Any],
        shared: Mapping[str, Any],
        *,
        who: str | None = None,
        table: str | None = None,
    ) -> Result:
        """Run the analysis of this name; with ``table`` the others may come out empty.

        ``parameters`` and ``shared`` are keyed by field name; text is turned into the
        declared enumeration. Raises UsageError for an unknown name or value.
        """
        from clickcli.comparison import run_compared
        from clickcli.engines import engine
        from clickcli.run import run

        analysis = load(name)
        asked = build(Shared, shared)
        own = build(analysis.parameters, parameters)
        chosen = engine(asked.engine, asked.master)
        if asked.vs is not None and who is not None:
            raise UsageError("--who and --vs contradict each other")

        def compute(dataset: Dataset) -> Result:
            if asked.vs is None:
                return run(analysis, own, dataset, asked, chosen, who=who, table=table)
            return run_compared(analysis, own, dataset, asked, chosen)

        try:
            return self.fresh(compute)
        finally:
            chosen.close()

    def events(self, *, count: bool = False, **options: Any) -> Result:
        """Return raw events in order of time; with ``count`` or ``by`` their number.

        ``options`` are the fields of ``listing.Listing`` (``types``, ``person``, ``item``,
        ``columns``, ``head``, ``tail``) and the shared ones.
        """
        from clickcli.engines import engine
        from clickcli.listing import Listing, counts, rows

        own = {field.name for field in dataclasses.fields(Listing)}
        shared = {field.name for field in dataclasses.fields(Shared)}
        for name in options:
            if name not in own | shared:
                raise unknown("option", name, own | shared)
        asked = build(Shared, {name: options[name] for name in options if name in shared})
        listing = build(Listing, {name: options[name] for name in options if name in own})
        chosen = engine(asked.engine, asked.master)
        try:
            compute = counts if count or asked.by else rows
            return self.fresh(lambda data: compute(data, chosen, asked, listing).result())
        finally:
            chosen.close()

    def person(
        self, id: str | None = None, *, device: str | None = None, rules: Rules | None = None,  # noqa: A002
        **options: Any,
    ) -> Result:  # fmt: skip
        """Return who a user (``id``) or a device is, and what to do next.

        ``rules`` are the thresholds and the rule table; ``options`` the fields of
        ``person.options.Options`` and ``as_of``, ``tz``, ``week_start``, ``include_bots``.
        """
        from clickcli.person.answer import person
        from clickcli.person.options import Options
        from clickcli.person.rules import Rules

        own = {field.name for field in dataclasses.fields(Options)}
        shared = {"as_of", "tz", "week_start", "include_bots"}
        for name in options:
            if name not in own | shared:
                raise unknown("option", name, own | shared)
        text = id if device is None else device
        if text is None or (id is not None and device is not None):
            raise UsageError("give one of id and device")
        asked = build(Shared, {name: options[name] for name in options if name in shared})
        chosen = build(Options, {name: options[name] for name in options if name in own})
        return self.fresh(
            lambda data: person(
                data,
                text,
                asked,
                chosen,
                rules or Rules(),
                self.recommender,
                is_device=device is not None,
            )
        )

    def sql(self, query: str, **options: Any) -> Result:
        """Return the answer to a query over events, sessions, carts, lines and features.

        ``options`` are ``from_``, ``to``, ``last``, ``as_of``, ``tz``, ``where``,
        ``include_bots`` and ``limit``. Raises UsageError for what is no single SELECT.
        """
        from clickcli.engines import engine
        from clickcli.sql.query import ask

        shared = _tables_asked(options, "limit")
        return self.fresh(lambda data: ask(data, engine("polars"), shared, self.features, query))

    def export(
        self, table: str, path: str | Path, *, format: str | None = None,  # noqa: A002 - its name
        safe_csv: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        """Write a table to a file, as a whole or not at all, in the format of its ending.

        ``options`` are those of ``sql`` without ``limit``.
        """
        from clickcli import exports
        from clickcli.engines import engine
        from clickcli.render import by_ending, by_name, write
        from clickcli.render.files import written
        from clickcli.render.page import Style
        from clickcli.units import zone

        shared = _tables_asked(options)
        kind = by_ending(str(path)) if format is None else by_name(format)
        exports.check(table, kind)
        style = Style(tz=zone(shared.tz), safe_csv=safe_csv)
        page = self.fresh(
            lambda data: exports.page(data, engine("polars"), shared, self.features, table)
        )
        written(str(path), write(page, kind, style))

    def doctor(
        self, *, checks: Sequence[str] = (), plan: str | Path | None = None, **options: Any
    ) -> Result:
        """Return what is wrong with the log, in the tables ``findings`` and ``checks``.

        ``checks`` are the names of those to make, all without any; ``plan`` is the file of a
        tracking plan; ``options`` are ``from_``, ``to``, ``last`` and ``tz``. Raises Undecidable
        when there are no events.
        """
        from clickcli.doctor import diagnose, read_plan
        from clickcli.doctor.registry import chosen

        chosen(checks)
        wanted = None if plan is None else read_plan(plan)
        return diagnose(self._evidence(options, wanted), checks)

    def tracking_plan(self, **options: Any) -> str:
        """Return a tracking plan that the log keeps, as TOML; options as of ``doctor``."""
        from clickcli.doctor.plan_text import derived, text_of

        evidence = self._evidence(options, None)
        events = {name: seen.events for name, seen in evidence.types.items()}
        return text_of(derived(evidence), events)

    @property
    def features(self) -> Features:
        """Features of people, items and their interactions: built, read, dropped."""
        from clickcli.features import Features

        return Features(self._store, self._settings)

    @property
    def recommender(self) -> Recommender:
        """Recommendations: a model trained, kept in the store, and asked."""
        from clickcli.recommend import Recommender

        return Recommender(self._store, self._settings)

    @property
    def predictor(self) -> Predictor:
        """Predictions: models trained, kept in the store, reported on, and asked."""
        from clickcli.predict import Predictor

        return Predictor(self._store, self._settings)

    def _evidence(self, options: Mapping[str, Any], plan: Plan | None) -> Evidence:
        from clickcli.doctor import Records, gathered
        from clickcli.engines import engine
        from clickcli.store import REASONS

        known = ("from_", "to", "last", "tz")
        for name in options:
            if name not in known:
                raise unknown("option", name, known)
        store = self._store
        records = Records(store.intakes(), store.info().columns, REASONS, store.rejects)
        shared = build(Shared, options)
        return self.fresh(lambda data: gathered(data, engine("polars"), shared, records, plan))

    def __getattr__(self, name: str) -> Any:
        """Return the analysis of this name as a function of keyword arguments."""
        if name.startswith("_") or name.replace("_", "-") not in names():
            raise AttributeError(name)
        analysis = load(name.replace("_", "-"))

        def call(*, who: str | None = None, **options: Any) -> Result:
            parameters, shared = split_options(analysis, options)
            return self.run(analysis.name, parameters, shared, who=who)

        call.__name__ = name
        return call

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name.replace("-", "_") for name in names())]

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _tables_asked(options: Mapping[str, Any], *more: str) -> Shared:
    """Return the shared options that choose what tables hold; UsageError for another one."""
    known = ("from_", "to", "last", "as_of", "tz", "where", "include_bots", *more)
    for name in options:
        if name not in known:
            raise unknown("option", name, known)
    return build(Shared, options)


def split_options(
    analysis: Analysis[Any], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part keyword options into the analysis' own and the shared ones.

    Raises UsageError for a name that is neither.
    """
    own = {field.name for field in dataclasses.fields(analysis.parameters)}
    shared = {field.name for field in dataclasses.fields(Shared)}
    for name in options:
        if name not in own | shared:
            raise unknown("option", name, own | shared)
    return (
        {name: value for name, value in options.items() if name in own},
        {name: value for name, value in options.items() if name in shared},
    )


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a parameters dataclass from plain values; UsageError for a value it cannot be."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(name, hints[name], value) for name, value in values.items()})


def _value(name: str, hint: Any, value: Any) -> Any:
    """Turn text into an enumeration and a list (or single text) into a tuple, as declared."""
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if isinstance(value, str):
        for choice in choices:
            if isinstance(choice, type) and issubclass(choice, Enum):
                if value in {member.value for member in choice}:
                    return choice(value)
                raise unknown(f"{name.replace('_', '-')}", value, [m.value for m in choice])
        if str not in choices and any(_is_tuple(choice) for choice in choices):
            return (value,)
        return value
    if isinstance(value, Sequence):
        if not any(_is_tuple(choice) for choice in choices):
            raise UsageError(f"{name} takes one value, was {value!r}")
        return tuple(value)
    return value


def _is_tuple(hint: Any) -> bool:
    return getattr(hint, "__origin__", None) is tuple
