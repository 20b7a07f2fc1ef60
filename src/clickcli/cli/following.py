"""Follow logs from the command line: signals that stop it, and what it tells on stderr."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from clickcli.cli.failures import INTERRUPTED, tell_interrupted
from clickcli.cli.output import is_quiet_stderr, say
from clickcli.errors import UsageError
from clickcli.render.cells import grouped
from clickcli.render.text import visible
from clickcli.units import duration_us

if TYPE_CHECKING:
    from clickcli.store import IngestOptions, IngestSummary, Pace, Step, Store

EVERY: Final = "10s"
LINES: Final = 100_000
_EVERY_US: Final = 100_000, 86_400_000_000
_CLEAR: Final = "\r\x1b[K"


def pace_of(every: str, lines: int) -> Pace:
    """Return how often a follower stores. Raises UsageError for a time that makes no sense."""
    from clickcli.store import Pace

    every_us = duration_us(every)
    if not _EVERY_US[0] <= every_us <= _EVERY_US[1]:
        raise UsageError(f"--commit-every must be from 100ms to 1d, was {every!r}")
    return Pace(every_us / 1_000_000, lines)


def follow(
    store: Store, paths: Sequence[Any], options: IngestOptions, pace: Pace, *, is_quiet: bool
) -> tuple[IngestSummary, int]:
    """Follow logs until a signal comes; returns the sum of all commits and the exit code.

    SIGTERM is how a service is stopped and gives 0; Ctrl-C gives 130 as everywhere.
    """
    stop = Stop()
    with stop.listening(), shown(is_quiet=is_quiet) as report:
        summary = store.follow(paths, options, pace, report, stop)
    if stop.signal != signal.SIGINT:
        return summary, 0
    tell_interrupted()
    return summary, INTERRUPTED


class Stop:
    """Whether to stop, as SIGTERM and Ctrl-C ask; the second time they act at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        """Return whether a signal came."""
        return self.signal is not None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals inside."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def stop(number: int, _frame: Any) -> None:
            self.signal = number
            for one, handler in before.items():
                signal.signal(one, handler)

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def shown(*, is_quiet: bool) -> Iterator[Callable[[Step], None]]:
    """Yield what a follower reports to: a line a commit, or a status line at a terminal."""
    if is_quiet:
        yield lambda _step: None
    elif is_quiet_stderr():
        yield _log
    else:
        with _Status() as status:
            yield status.show


def _log(step: Step) -> None:
    if step.message is not None:
        say(step.message)
    if step.stored is not None:
        say(f"{_account(step.stored)}, behind by {_bytes(step.behind)}")


def _account(summary: IngestSummary) -> str:
    counts = [f"{summary.read} lines", f"{summary.stored} stored", f"{summary.rejected} rejected"]
    dropped = summary.duplicates + summary.conflicts + summary.suppressed
    if dropped:
        counts.append(f"{dropped} dropped")
    return f"{summary.batch}: {', '.join(counts)}"


def _bytes(size: int) -> str:
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


class _Status:
    """One line at a terminal that is written over; messages stand above it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def show(self, step: Step) -> None:
        """Write the line anew."""
        total = step.total
        facts = [
            "following",
            f"{grouped(total.stored, 0)} stored",
            f"{grouped(total.rejected, 0)} rejected",
            f"{grouped(step.waiting, 0)} waiting",
            f"behind by {_bytes(step.behind)}",
        ]
        if total.batch is not None:
            facts.insert(1, total.batch)
        line = " · ".join(facts)[: shutil.get_terminal_size().columns - 1]
        above = "" if step.message is None else f"{visible(step.message)}\n"
        sys.stderr.write(f"{_CLEAR}{above}{line}")
        sys.stderr.flush()
