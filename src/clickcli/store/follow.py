"""Follow logs as they grow and are rotated: read, and commit every so often."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from clickcli.errors import ClickcliError, DataError, StorageError, StoreLocked
from clickcli.store.catalog import Catalog
from clickcli.store.finder import Finder, Item, Packed
from clickcli.store.followed import Followed
from clickcli.store.ledger import Job, find_entries
from clickcli.store.reading import LedgerMoved
from clickcli.store.sources import Damaged, Identity, identify
from clickcli.store.tails import Key, Tail
from clickcli.store.types import IngestOptions, IngestSummary, Pace, SourceReport, Step

BUFFER: Final = 64 << 20
"""Bytes that wait to be stored, at most about; nothing more is read before they are."""
JUDGED_LINES: Final = 1000
"""So many of the last lines are judged together when bad ones are counted."""
FEW_LINES: Final = 100
"""Fewer lines than this count as so many: one bad line on a quiet log is no alarm."""
SHORT_S: Final = 0.2
LONG_S: Final = 1.0
_LAST_WAIT_S: Final = 10.0

Ingest = Callable[[Sequence[Job], IngestOptions], IngestSummary]
Report = Callable[[Step], None]


class Follower:
    """Follows logs until it is told to stop.

    ``ingest`` stores jobs as one batch. Raises StoreLocked only when the store is locked at
    the very end; whatever is not stored then is read again by the next follower.
    """

    def __init__(
        self, catalog: Catalog, paths: Sequence[Path], options: IngestOptions, pace: Pace,
        ingest: Ingest, report: Report,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._options = replace(options, workers=0)
        self._pace = pace
        self._ingest = ingest
        self._report = report
        self._judged: deque[tuple[int, int]] = deque()
        self._stored_at = -1e9
        self._is_waiting = False
        self._is_busy = False
        self.total = IngestSummary(batch=None)
        self._logs = [
            Followed(Finder(path, catalog, options.max_line_bytes, self._taken, self._tell))
            for path in dict.fromkeys(paths)
        ]

    def run(self, is_stopped: Callable[[], bool]) -> IngestSummary:
        """Follow until stopped; what is complete then is stored. Returns the sum of all."""
        started = time.monotonic()
        self.begin()
        pause = SHORT_S
        while True:
            is_last = is_stopped()
            grew = self.step(is_last=is_last)
            if is_last:
                return replace(self.total, seconds=time.monotonic() - started)
            pause = SHORT_S if grew else min(LONG_S, pause * 1.5)
            if not self._is_busy:
                _sleep(pause, is_stopped)

    def begin(self) -> None:
        """Find where reading ended last. Raises DataError or StorageError for what is no log."""
        for log in self._logs:
            _check(log.path)
        for log in self._logs:
            log.begin()

    def step(self, *, is_last: bool = False) -> bool:
        """Read what is new, store it when that is due; returns whether there was something."""
        grew = self._read()
        self._is_busy = self._is_full() or any(log.is_barred() for log in self._logs)
        if self._is_due() or (is_last and self._has_news()):
            self._store(is_last=is_last)
        self._report(self._step())
        return grew or self._is_busy

    def close(self) -> None:
        """Close all files."""
        for log in self._logs:
            for item in tuple(log.items):
                log.drop(item)

    def _read(self) -> bool:
        grew = [log.read(lambda: not self._is_full()) for log in self._logs]
        return any(grew)

    def _tails(self) -> list[Tail]:
        return [tail for log in self._logs for tail in log.tails()]

    def _taken(self) -> set[Key]:
        items: list[Item] = [item for log in self._logs for item in log.items]
        return {item.key for item in items if isinstance(item, Packed) or not item.is_cut()}

    def _is_full(self) -> bool:
        tails = self._tails()
        lines, size = sum(tail.lines for tail in tails), sum(tail.size for tail in tails)
        return lines >= self._pace.lines or size >= BUFFER

    def _has_news(self) -> bool:
        return any(log.is_barred() for log in self._logs) or any(
            tail.has_news for tail in self._tails()
        )

    def _is_due(self) -> bool:
        if self._is_busy:
            return True
        is_time = time.monotonic() - self._stored_at >= self._pace.every_s
        return is_time and self._has_news()

    def _store(self, *, is_last: bool) -> None:
        """Store what waits as one batch; when the store is locked, it waits on."""
        given = [(log, item, job) for log in self._logs for item, job in self._jobs_of(log)]
        if not given:
            return
        wait_s = max(self._options.wait_s, _LAST_WAIT_S) if is_last else LONG_S / 2
        options = replace(self._options, wait_s=wait_s, earlier=self._earlier())
        try:
            summary = self._ingest([job for _, _, job in given], options)
        except StoreLocked as error:
            if is_last:
                raise
            if not self._is_waiting:
                self._tell(f"{error.message}; waiting for it")
            self._is_waiting = True
            return
        except LedgerMoved as moved:
            item = next(item for _, item, job in given if job is moved.job)
            assert isinstance(item, Tail)
            identity = Identity(str(item.path), *item.key, 0, 0)
            item.resume(self._catalog, find_entries(self._catalog, identity))
            return
        except Damaged as error:
            self._drop_packed([(log, item) for log, item, _ in given], error)
            return
        for log, item, _ in given:
            log.stored(item)
        self._note(summary)

    def _jobs_of(self, log: Followed) -> list[tuple[Item, Job]]:
        """Return a log's jobs; a packed file that cannot be read, or has nothing new, goes."""
        try:
            found = log.jobs()
        except ClickcliError as error:
            self._drop_packed([(log, log.items[0])], error)
            return []
        done = [item for item, job in found if job.source is None]
        for item in done:
            log.stored(item)
        return [(item, job) for item, job in found if item not in done]

    def _drop_packed(self, given: list[tuple[Followed, Item]], error: ClickcliError) -> None:
        """Go on without a packed file that cannot be read."""
        for log, item in given:
            if isinstance(item, Packed):
                log.drop(item)
                self._tell(
                    f"{error.message}; going on without it: add it with clickcli ingest when it "
                    "is whole"
                )

    def _earlier(self) -> tuple[int, int]:
        """Return how many lines, and bad ones, are judged with those of the next commit."""
        read, rejected = (sum(counts) for counts in zip(*self._judged, (0, 0), strict=True))
        return max(read, FEW_LINES), rejected

    def _note(self, summary: IngestSummary) -> None:
        self._is_waiting = False
        self._stored_at = time.monotonic()
        self._judged.append((summary.read, summary.rejected))
        while sum(read for read, _ in self._judged) - self._judged[0][0] >= JUDGED_LINES:
            self._judged.popleft()
        self.total = added(self.total, summary)
        self._report(self._step(summary))

    def _step(self, stored: IngestSummary | None = None, message: str | None = None) -> Step:
        return Step(
            stored, self.total, sum(tail.lines for tail in self._tails()),
            sum(log.behind() for log in self._logs), message,
        )  # fmt: skip

    def _tell(self, message: str) -> None:
        self._report(self._step(message=message))


def _check(path: Path) -> None:
    """Refuse what cannot be followed; a file that is not there yet can be."""
    try:
        str(path).encode()
        is_there = path.exists()
    except (UnicodeEncodeError, ValueError):
        raise DataError(f"the name {str(path)!r} must be UTF-8", hint="rename it") from None
    if not is_there:
        if not path.parent.is_dir():
            raise DataError(f"{path.parent} does not exist", hint="check the path")
        return
    if identify(path) is None:
        raise DataError(
            f"{path} must be a file to be followed",
            hint="pipe what is no file: … | clickcli ingest -",
        )
    if not os.access(path, os.R_OK):
        raise StorageError(f"cannot read {path}: Permission denied")


def _sleep(seconds: float, is_stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not is_stopped() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SHORT_S))


def added(one: IngestSummary, other: IngestSummary) -> IngestSummary:
    """Return the account of two ingests together, the first one first."""
    reasons = dict(one.reasons)
    for reason, lines in other.reasons.items():
        reasons[reason] = reasons.get(reason, 0) + lines
    files: dict[str, SourceReport] = {}
    for file in (*one.files, *other.files):
        if file.path in files:
            first = files[file.path]
            read, rejected = first.read + file.read, first.rejected + file.rejected
            files[file.path] = replace(first, read=read, rejected=rejected)
        else:
            files[file.path] = file
    spans = [ts for ts in (one.first_ts, other.first_ts) if ts is not None]
    ends = [ts for ts in (one.last_ts, other.last_ts) if ts is not None]
    return IngestSummary(
        batch=other.batch or one.batch, read=one.read + other.read,
        stored=one.stored + other.stored, duplicates=one.duplicates + other.duplicates,
        conflicts=one.conflicts + other.conflicts, suppressed=one.suppressed + other.suppressed,
        rejected=one.rejected + other.rejected, blank=one.blank + other.blank, reasons=reasons,
        reject_sample=(*one.reject_sample, *other.reject_sample)[:5], files=tuple(files.values()),
        first_ts=min(spans, default=None), last_ts=max(ends, default=None),
        people=other.people, bots=(one.bots or 0) + (other.bots or 0),
    )  # fmt: skip
