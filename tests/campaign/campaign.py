"""What a campaign is, and the bench that strikes its points and counts what came of them."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

Point = TypeVar("Point")


class ImpossibleHereError(Exception):
    """This machine cannot make the fault; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one point.

    ``is_hit`` says whether the fault really struck, ``left`` is a word for what it left behind,
    ``failures`` tells what was wrong afterwards.
    """

    is_hit: bool
    left: str = ""
    failures: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """The outcomes of a campaign, counted."""

    points: int = 0
    hits: int = 0
    left: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, point: object, outcome: Outcome) -> None:
        """Count the outcome of a point."""
        self.points += 1
        self.hits += outcome.is_hit
        self.left[outcome.left if outcome.is_hit else "not struck"] += 1
        if outcome.failures:
            first, *others = outcome.failures
            more = f" (and {len(others)} more)" if others else ""
            self.failures.append(f"{point}: {first}{more}")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where campaigns run: a folder of their own, a seed, and how many points at a time."""

    folder: Path
    seed: int = 1
    jobs: int = 1

    def random(self, *words: object) -> random.Random:
        """Return random choices that depend on the seed and these words alone."""
        return random.Random("/".join(map(str, (self.seed, *words))))

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Give an empty folder for one point; it goes afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="room-", dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def chosen(self, points: Sequence[Point], limit: int | None) -> list[Point]:
        """Return so many of the points, spread evenly from a seeded start; None is all."""
        if limit is None or limit >= len(points):
            return list(points)
        start = self.random("chosen", len(points)).random()
        return [points[int((start + n) * len(points) / limit) % len(points)] for n in range(limit)]

    def strike(
        self, points: Sequence[Any], hit: Callable[[Bench, Any], Outcome], tally: Tally
    ) -> None:
        """Strike every point, each in turn or some at a time, and count the outcomes.

        ``hit`` is sent to other processes: a function of a module, or a ``partial`` of one.
        """
        safely = partial(_told, hit, self)
        if self.jobs == 1:
            for point in points:
                tally.add(point, safely(point))
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.jobs, mp_context=context) as pool:
            for point, outcome in zip(points, pool.map(safely, points), strict=True):
                tally.add(point, outcome)


def _told(hit: Callable[[Bench, Any], Outcome], bench: Bench, point: Any) -> Outcome:
    """Strike a point; what an examination stumbles over is a failure like any other."""
    try:
        return hit(bench, point)
    except Exception as error:  # noqa: BLE001 - a store that cannot be read is a finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        return Outcome(is_hit=True, left="unreadable", failures=(text,))


@dataclass(frozen=True, slots=True)
class Campaign:
    """One kind of fault: ``run`` strikes so many points, or all of them (None).

    ``sample`` is how many the tests strike; none where other tests do.
    """

    name: str
    headline: str
    sample: int
    run: Callable[[Bench, int | None, Tally], None]

    def result(self, bench: Bench, points: int | None) -> Tally:
        """Run the campaign and take the time."""
        tally = Tally()
        started = time.monotonic()
        self.run(bench, points, tally)
        tally.seconds = time.monotonic() - started
        return tally
