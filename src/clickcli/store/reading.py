"""Read sources one after the other: rows to the spool, ids to the log, the rest to the account."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from clickcli.identity import user_key
from clickcli.store.catalog import Catalog
from clickcli.store.commit import Link
from clickcli.store.dedup import IdLog
from clickcli.store.ledger import Entry, Job, open_job
from clickcli.store.mapping import FieldMap
from clickcli.store.parse import FUTURE_US, ID_WORDS, Chunk, ParseSettings
from clickcli.store.parsers import SMALL_INPUT, parse_blocks
from clickcli.store.presets.base import Preset
from clickcli.store.presets.detect import HEAD_BYTES, detect
from clickcli.store.privacy.gate import Gate
from clickcli.store.rejects import RejectLog
from clickcli.store.rows import MAX_NAMES
from clickcli.store.sources import Block, Identity, Source, identify
from clickcli.store.types import IngestOptions, Progress, SourceReport

if TYPE_CHECKING:
    import polars as pl

Given = str | Path | BinaryIO | Job
SAMPLE_ROWS: Final = 5
_COMPRESSION: Final = 6


class RowSink(Protocol):
    """What takes parsed rows."""

    def add(self, frame: pl.DataFrame) -> None:
        """Take a frame of rows in order of arrival."""
        ...


@dataclass(slots=True)
class Account:
    """What was read, and what of it goes into the catalog."""

    read: int = 0
    parsed: int = 0
    suppressed: int = 0
    blank: int = 0
    properties: Counter[str] = field(default_factory=Counter)
    reports: list[SourceReport] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)
    links: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    sample: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    first_ts: int | None = None
    last_ts: int | None = None

    def link_rows(self) -> list[Link]:
        """Return the links seen: the ends of each span over which a device had one user."""
        rows: list[Link] = []
        for anonymous, seen in self.links.items():
            spans = [list(span) for _, span in groupby(sorted(seen), key=itemgetter(1))]
            ends = {end for span in spans for end in (span[0], span[-1])}
            rows += [Link(anonymous, user, user_key(user), ts) for ts, user in sorted(ends)]
        return rows

    def add_link(self, anonymous: str, user: str, first: int, last: int) -> None:
        """Note that a device was seen with a user from one time to another.

        While it has one user, only the ends are kept.
        """
        seen = self.links.setdefault(anonymous, [])
        if all(other == user for _, other in seen):
            first, last = min([first, *(ts for ts, _ in seen)]), max([last, *(t for t, _ in seen)])
            seen.clear()
        seen += [(first, user), (last, user)] if last > first else [(first, user)]


class LedgerMoved(Exception):
    """Somebody else read a file that is followed, or took back what was read of it."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.name)
        self.job = job


class Reader:
    """Reads sources into a sink; one object, one ingest."""

    def __init__(
        self,
        options: IngestOptions,
        sink: RowSink,
        ids: IdLog,
        rejects: RejectLog,
        first_seq: int,
        progress: Callable[[Progress], None] | None,
        gate: Gate | None = None,
    ) -> None:
        self.account = Account()
        self.settings = parse_settings(options)
        self._options = options
        self._sink = sink
        self._ids = ids
        self._rejects = rejects
        self._seq = first_seq
        self._progress = progress
        self._gate = gate
        self._total: int | None = 0
        self._done = 0

    @property
    def end_seq(self) -> int:
        """The seq after the last row."""
        return self._seq

    def read(self, sources: Sequence[Given], catalog: Catalog | None) -> None:
        """Read all sources; the same file named twice is read once.

        Raises LedgerMoved when a file that is followed is not where its follower left it.
        """
        plans = list(_plans(sources, self._options.max_line_bytes))
        sizes = [0 if isinstance(plan, Job) else plan.size for plan in plans]
        has_stream = any(isinstance(plan, Job) for plan in plans)
        self._total = None if has_stream else sum(sizes)
        for plan, size in zip(plans, sizes, strict=True):
            limit = self._options.max_line_bytes
            job = plan if isinstance(plan, Job) else open_job(catalog, plan, limit)
            if job.is_current is not None and catalog is not None and not job.is_current(catalog):
                raise LedgerMoved(job)
            try:
                self._read_job(job, size)
            finally:
                if job.source is not None and job.is_ours:
                    job.source.close()
            self._done += size

    def _read_job(self, job: Job, size: int) -> None:
        number = len(self.account.jobs)
        self.account.jobs.append(job)
        if job.source is None:
            self.account.reports.append(SourceReport(job.name, job.status))
            return
        read, rejected = self.account.read, self._rejects.count
        workers = self._workers(job, size)
        blocks = iter(job.source.blocks())
        if job.is_told:
            pass
        elif self._options.detect:
            blocks = self._detect(job, blocks)
        else:
            job.mapping = self._options.mapping
        settings = replace(self.settings, mapping=job.mapping)
        with closing(parse_blocks(blocks, settings, workers)) as chunks:
            for chunk in chunks:
                self._take(chunk, number, job)
        self.account.reports.append(
            SourceReport(
                job.name, job.status, self.account.read - read, self._rejects.count - rejected,
                _told(job.mapping) if self._options.detect else None,
            )
        )  # fmt: skip
        if job.identity is not None:
            self.account.ledger.append(Entry(job.identity, job.source.consumed()))

    def _detect(self, job: Job, blocks: Iterator[Block]) -> Iterator[Block]:
        """Tell the job's preset by the head of its content, and return all blocks.

        A file that has grown is told by what was read of it before, and so the same way.
        """
        first = next(blocks, None)
        if first is None:
            return blocks
        head = first.data
        if job.skipped and job.identity is not None:
            source = Source.open(Path(job.identity.path), self._options.max_line_bytes)
            with closing(source):
                head = source.head(min(HEAD_BYTES, job.skipped))
        job.mapping = detect(head, job.name)
        return chain((first,), blocks)

    def _workers(self, job: Job, size: int) -> int:
        if self._options.workers is not None:
            return self._options.workers
        is_packed = job.source is not None and job.source.is_packed
        return 2 if size * (_COMPRESSION if is_packed else 1) > SMALL_INPUT else 0

    def _take(self, chunk: Chunk, number: int, job: Job) -> None:
        import numpy as np
        import polars as pl

        account = self.account
        account.read += chunk.read
        account.blank += chunk.blank
        if self._gate is not None:
            account.suppressed += self._gate.let_in(chunk)
        frame = chunk.frame
        self._rejects.add(job.name, chunk.rejects)
        if frame.height:
            seq = np.arange(self._seq, self._seq + frame.height, dtype=np.int64)
            self._seq += frame.height
            words = np.empty((frame.height, 6), dtype=np.uint64)
            for column, name in enumerate(ID_WORDS):
                words[:, column] = frame[name].to_numpy()
            words[:, 3], words[:, 4] = seq.astype(np.uint64), number
            words[:, 5] = frame["is_derived"].to_numpy()
            self._ids.add(words)
            frame = frame.drop(*ID_WORDS, "is_derived").with_columns(pl.Series("seq", seq))
            self._describe(frame)
            self._sink.add(frame)
        if account.parsed == 0 or len(account.properties) < MAX_NAMES:
            account.properties.update(chunk.properties)
        else:
            known = account.properties.keys() & chunk.properties.keys()
            account.properties.update({name: chunk.properties[name] for name in known})
        account.parsed += frame.height
        if self._progress is not None:
            done = self._done + (job.source.position() if job.source is not None else 0)
            self._progress(Progress("reading", done, self._total, account.parsed))

    def _describe(self, frame: pl.DataFrame) -> None:
        """Note the span of time, the links and a few sample rows."""
        account = self.account
        low, high = frame["ts"].min(), frame["ts"].max()
        assert isinstance(low, int)
        assert isinstance(high, int)
        account.first_ts = min(low, account.first_ts if account.first_ts is not None else low)
        account.last_ts = max(high, account.last_ts if account.last_ts is not None else high)
        if self._options.dry_run and len(account.sample) < SAMPLE_ROWS:
            rows = frame.head(SAMPLE_ROWS - len(account.sample)).to_dicts()
            account.sample += [{k: v for k, v in row.items() if v is not None} for row in rows]
        if "user_id" in frame.columns and "anonymous_id" in frame.columns:
            for link in linked_runs(frame).iter_rows():
                account.add_link(*link)


def _told(mapping: FieldMap | None) -> str:
    return mapping.name if isinstance(mapping, Preset) else "clickcli"


def linked_runs(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the spans over which a device is seen with one user only, in order of time."""
    import polars as pl

    both = frame.filter(pl.col("user_id").is_not_null() & pl.col("anonymous_id").is_not_null())
    ordered = both.select("anonymous_id", "user_id", "ts").sort(
        "anonymous_id", "ts", maintain_order=True
    )
    run = pl.struct("anonymous_id", "user_id").rle_id().alias("run")
    spans = ordered.group_by(run, "anonymous_id", "user_id", maintain_order=True)
    return spans.agg(pl.col("ts").first().alias("first"), pl.col("ts").last().alias("last")).drop(
        "run"
    )


def parse_settings(options: IngestOptions) -> ParseSettings:
    """Return what a parser needs of the options."""
    from clickcli.units import zone

    if options.input_tz is not None:
        zone(options.input_tz)
    return ParseSettings(
        mapping=options.mapping,
        input_tz=options.input_tz,
        latest=options.now() + FUTURE_US if options.future == "reject" else None,
        max_line_bytes=options.max_line_bytes,
        currency=options.currency.upper(),
        keep_ip=options.keep_ip,
    )


def _plans(sources: Sequence[Given], max_line_bytes: int) -> Iterator[Identity | Job]:
    """Yield a job for each stream and an identity for each file, every file once."""
    seen: set[tuple[int, int]] = set()
    for given in sources:
        if isinstance(given, Job):
            yield given
        elif isinstance(given, str | Path):
            identity = identify(Path(given))
            if identity is None:
                yield Job(str(given), "new", Source.open(Path(given), max_line_bytes))
            elif (identity.device, identity.inode) not in seen:
                seen.add((identity.device, identity.inode))
                yield identity
        else:
            name = "-" if given is sys.stdin.buffer else str(getattr(given, "name", "-"))
            yield Job(name, "new", Source(name, given, max_line_bytes), is_ours=False)
