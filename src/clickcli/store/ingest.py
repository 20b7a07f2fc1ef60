"""One ingest from sources to a committed batch: all of it, or nothing."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clickcli.errors import DataError
from clickcli.store.accounting import (
    check_account,
    check_error_rate,
    count_lines,
    merged_repeats,
    warnings,
)  # fmt: skip
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import Change, commit, discard, file_row, staging_folder
from clickcli.store.dedup import IdLog, Verdict, judge, repeated_lines
from clickcli.store.identities import split_devices
from clickcli.store.layout import digest_file, storage_errors
from clickcli.store.parts import PartWriter, Written
from clickcli.store.people import people_files
from clickcli.store.privacy.gate import open_gate
from clickcli.store.reading import Account, Given, Reader
from clickcli.store.rejects import RejectLog
from clickcli.store.runs import join_runs, merge_runs, mergeable, open_run, write_run
from clickcli.store.schema import OLD_IDS
from clickcli.store.spool import Spool
from clickcli.store.types import Batch, IngestOptions, IngestSummary, Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.store.runs import Words


def check_ids(catalog: Catalog) -> None:
    """Raise DataError where the ids of new lines cannot be compared with those stored."""
    if catalog.meta(OLD_IDS):
        raise DataError(
            f"the store {catalog.root} has ids of an older format: it can be asked, not added to",
            hint="make a new store of all logs: clickcli ingest --store NEW FILE…",
        )


class Ingest:
    """One ingest into a store whose lock is held."""

    def __init__(
        self,
        catalog: Catalog,
        options: IngestOptions,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._catalog = catalog
        self._root = catalog.root
        self._options = options
        self._progress = progress
        self._started = time.monotonic()
        self._at = options.now()
        self._number = int(catalog.value("SELECT coalesce(max(id), 0) + 1 FROM batches"))
        self._name = f"b{self._number:06d}"
        self._run_files: list[FileRow] = []

    def run(self, sources: Sequence[Given]) -> IngestSummary:
        """Read, deduplicate, write and commit. Whatever goes wrong, the store is as before."""
        check_ids(self._catalog)
        folder = staging_folder(self._root, self._name)
        committed = False
        try:
            with storage_errors(f"cannot write the store {self._root}"):
                summary, change = self._prepare(sources, folder)
                if change is not None:
                    self._tell("committing", 0, summary.stored)
                    commit(self._catalog, folder, change)
            committed = change is not None
        finally:
            if not committed and not self._is_recorded():
                discard(folder)
        return summary

    def _is_recorded(self) -> bool:
        """Return whether the catalog knows this batch, whatever happened after."""
        query = "SELECT 1 FROM batches WHERE id = ?"
        return self._catalog.value(query, self._number) is not None

    def _prepare(
        self, sources: Sequence[Given], folder: Path
    ) -> tuple[IngestSummary, Change | None]:
        spool, first_seq = Spool(folder), self._catalog.meta("next_seq")
        with (
            closing(IdLog(folder / "ids.log")) as ids,
            closing(RejectLog(folder / "rejects.jsonl", self._name)) as rejects,
        ):
            gate = open_gate(self._catalog, self._options)
            reader = Reader(self._options, spool, ids, rejects, first_seq, self._progress, gate)
            reader.read(sources, self._catalog)
            rejects.close()
            account = reader.account
            limit, earlier = self._options.max_error_rate, self._options.earlier
            check_error_rate(account, rejects, limit, earlier)
            if not account.ledger and not account.read:
                return self._summary(None, account, rejects, Verdict(), Written(), None), None
            self._tell("deduplicating", 0, account.parsed)
            verdict = self._judge(ids, account, folder, first_seq)
        written = self._write(spool, folder, verdict)
        change = Change(
            number=self._number, batch=self._batch(account, rejects, verdict, written),
            first_seq=first_seq, end_seq=reader.end_seq,
        )  # fmt: skip
        self._describe(change, account, rejects, verdict, written)
        self._stage_small_files(change, folder, rejects, written)
        for path in folder.glob("spool-*.arrow"):
            path.unlink()
        return self._summary(self._name, account, rejects, verdict, written, change), change

    def _judge(self, ids: IdLog, account: Account, folder: Path, first_seq: int) -> Verdict:
        """Deduplicate, and stage the new ids as runs."""
        import numpy as np

        known = [open_run(self._root / file.path) for file in self._catalog.files("ids")]
        starts = [s for (s,) in self._catalog.rows("SELECT first_seq FROM batches ORDER BY id")]
        marks = np.array([*starts, first_seq], dtype=np.uint64)
        numbers = [n for (n,) in self._catalog.rows("SELECT id FROM batches ORDER BY id")]
        batches = np.array([*numbers, self._number], dtype=np.int64)

        def batch_of(seqs: Words) -> NDArray[np.int64]:
            found: NDArray[np.int64] = batches[np.searchsorted(marks, seqs, "right") - 1]
            return found

        def recount(source: int, wanted: set[bytes]) -> dict[bytes, int]:
            return count_lines(account, source, wanted, self._options.max_line_bytes)

        repeated = repeated_lines(ids, known, recount)
        parts: list[Path] = []

        def keep(words: Words) -> None:
            if words.shape[1]:
                parts.append(folder / f"run-{uuid.uuid4().hex}.npy")
                write_run(parts[-1], words)

        verdict = judge(ids, known, repeated, batch_of, keep)
        if parts:
            path = join_runs(parts)
            self._add_run(path, open_run(path).shape[1])
        return verdict

    def _add_run(self, path: Path, rows: int) -> None:
        target = f"ids/{path.name}"
        self._run_files.append(file_row(self._root, path, "ids", target, rows, digest_file(path)))

    def _write(self, spool: Spool, folder: Path, verdict: Verdict) -> Written:
        pieces = spool.pieces()
        with closing(PartWriter(self._root, folder, verdict.dropped_seqs())) as writer:
            for day, found in pieces.items():
                writer.write_date(day, found)
                self._tell("writing", 0, writer.written.rows)
        return writer.written

    def _batch(
        self, account: Account, rejects: RejectLog, verdict: Verdict, written: Written
    ) -> Batch:
        batch = Batch(
            self._name, self._at, account.read, written.rows, verdict.duplicates,
            verdict.conflicts, account.suppressed, rejects.count, account.blank, written.first_ts,
            written.last_ts,
        )  # fmt: skip
        check_account(batch)
        return batch

    def _describe(
        self, change: Change, account: Account, rejects: RejectLog, verdict: Verdict,
        written: Written,
    ) -> None:  # fmt: skip
        """Fill in what the catalog is to know."""
        last = change.batch.last_ts
        change.watermark = None if last is None else min(last, self._at)
        change.fingerprint = verdict.fingerprint
        change.files = [*written.files]
        change.ledger = account.ledger
        change.sources = account.reports
        change.repeats = merged_repeats(account, verdict)
        properties = account.properties.copy()
        dropped = written.dropped_properties
        properties.subtract({name: dropped[name] for name in properties if name in dropped})
        change.vocabulary = {
            **written.words, "property": properties, "reason": rejects.reasons,
        }  # fmt: skip
        change.links = account.link_rows()

    def _stage_small_files(
        self, change: Change, folder: Path, rejects: RejectLog, written: Written
    ) -> None:
        """Add the ids, the persons and the rejects to the change; merge id runs when due."""
        runs = self._catalog.files("ids")
        everything = [*runs, *self._run_files]
        chosen = [everything[at] for at in mergeable([file.rows for file in everything])]
        if chosen:
            path = folder / f"run-{uuid.uuid4().hex}.npy"
            merge_runs(path, [open_run(self._root / (f.staged or f.path)) for f in chosen])
            for file in chosen:
                if file.staged is None:
                    change.replaced.append(file.path)
                else:
                    (self._root / file.staged).unlink()
                    self._run_files.remove(file)
            self._add_run(path, sum(file.rows for file in chosen))
        change.files += self._run_files
        linked = {link.anonymous_id for link in change.links} - split_devices(self._catalog)
        people = people_files(self._catalog, folder, written.person_keys(), linked)
        change.files += people.files
        change.replaced += people.replaced
        change.people = people.count
        assert rejects.path is not None
        if rejects.count:
            target = f"rejects/{self._name}.jsonl"
            digest = digest_file(rejects.path)
            row = file_row(self._root, rejects.path, "rejects", target, rejects.count, digest)
            change.files.append(row)
        else:
            rejects.path.unlink()

    def _summary(
        self, name: str | None, account: Account, rejects: RejectLog, verdict: Verdict,
        written: Written, change: Change | None,
    ) -> IngestSummary:  # fmt: skip
        people = None if change is None else change.people
        return IngestSummary(
            batch=name, read=account.read, stored=written.rows, duplicates=verdict.duplicates,
            conflicts=verdict.conflicts, suppressed=account.suppressed,
            rejected=rejects.count, blank=account.blank,
            reasons=dict(rejects.reasons), reject_sample=tuple(rejects.sample),
            files=tuple(account.reports),
            first_ts=written.first_ts, last_ts=written.last_ts,
            people=self._catalog.meta("people") if people is None else people,
            bots=written.words.get("flag", Counter())["is_bot"],
            seconds=time.monotonic() - self._started,
            warnings=warnings(verdict),
        )  # fmt: skip

    def _tell(self, phase: Any, done: int, rows: int) -> None:
        if self._progress is not None:
            self._progress(Progress(phase, done, None, rows))
