"""Read logs and report what an ingest would do, without writing anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clickcli.store.accounting import warnings
from clickcli.store.catalog import Catalog
from clickcli.store.dedup import IdLog, judge, repeated_lines
from clickcli.store.ingest import check_ids
from clickcli.store.privacy.gate import open_gate
from clickcli.store.reading import Given, Reader
from clickcli.store.rejects import RejectLog
from clickcli.store.runs import open_run
from clickcli.store.types import IngestOptions, IngestSummary, Progress

if TYPE_CHECKING:
    import polars as pl


class Nothing:
    """A sink of rows that keeps none."""

    def add(self, frame: pl.DataFrame) -> None:
        """Let go of the frame."""


def dry_run(
    sources: Sequence[Given],
    options: IngestOptions,
    progress: Callable[[Progress], None] | None = None,
    catalog: Catalog | None = None,
) -> IngestSummary:
    """Read and judge without writing anything; ids are compared with the store's, if given."""
    started = time.monotonic()
    rejects, ids = RejectLog(None), IdLog(None)
    options = replace(options, dry_run=True)
    gate = None if catalog is None else open_gate(catalog, options)
    reader = Reader(options, Nothing(), ids, rejects, 0, progress, gate)
    reader.read(sources, None)
    account = reader.account
    known = []
    if catalog is not None:
        check_ids(catalog)
        known = [open_run(catalog.root / file.path) for file in catalog.files("ids")]
    verdict = judge(
        ids, known, repeated_lines(ids, known, lambda _source, _ids: {}),
        lambda seqs: seqs.astype("int64"), lambda _new: None,
    )  # fmt: skip
    return IngestSummary(
        batch=None, read=account.read, duplicates=verdict.duplicates, conflicts=verdict.conflicts,
        stored=account.parsed - verdict.duplicates - verdict.conflicts,
        suppressed=account.suppressed, rejected=rejects.count,
        blank=account.blank, reasons=dict(rejects.reasons), reject_sample=tuple(rejects.sample),
        sample=tuple(account.sample),
        files=tuple(account.reports), first_ts=account.first_ts, last_ts=account.last_ts,
        seconds=time.monotonic() - started, warnings=warnings(verdict), dry_run=True,
    )  # fmt: skip
