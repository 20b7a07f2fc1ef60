"""Measure what a store costs as it grows: commits over a year of dates, and deduplication.

Both run in this process, on a store in a temporary folder; CPU seconds are this process's own.

    scripts/bench_store.py commits --commits 1000 --dates 365
    scripts/bench_store.py dedup --stored 50000000 --lines 200000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from clickcli.store import IngestOptions, Store, ingest
from clickcli.store.catalog import Catalog, insert_files
from clickcli.store.commit import file_row
from clickcli.store.runs import write_run

_START = datetime(2024, 1, 1, tzinfo=UTC)
_TYPES = ("view", "view", "view", "search", "add_to_cart", "purchase")
_OPTIONS = IngestOptions(workers=0, max_error_rate=1.0)
_RUN_ROWS = (33_554_432, 8_388_608, 4_194_304, 2_097_152, 1_048_576, 524_288, 131_072, 32_768)
"""Sizes of the id runs that merging leaves in a store that grew to about 50 million."""


def lines(first: int, count: int, day: datetime, seed: int) -> Iterator[str]:
    """Yield events of one day, numbered from ``first``."""
    chance = random.Random(seed)
    for number in range(first, first + count):
        at = day + timedelta(seconds=chance.randrange(86_400))
        yield json.dumps(
            {"event_id": f"e{number}", "event_type": chance.choice(_TYPES),
             "timestamp": at.isoformat(), "user_id": f"u{chance.randrange(100_000)}",
             "page_url": f"https://shop.example/p/{chance.randrange(5000)}",
             "price": chance.randrange(100, 9999) / 100}
        )  # fmt: skip


def commits(folder: Path, count: int, dates: int, size: int) -> dict[str, object]:
    """Time batches of ``size`` lines, each of one date and some late lines of two others."""
    chance = random.Random(1)
    log, took = folder / "batch.jsonl", []
    with Store.create(folder / "store") as store:
        for number in range(count):
            days = [number % dates, *(chance.randrange(dates) for _ in range(2))]
            parts = (size - 2 * (size // 10), size // 10, size // 10)
            with log.open("w") as file:
                for part, (day, share) in enumerate(zip(days, parts, strict=True)):
                    at = _START + timedelta(days=day)
                    first = number * size + sum(parts[:part])
                    file.writelines(f"{one}\n" for one in lines(first, share, at, number))
            start = time.perf_counter()
            with log.open("rb") as stream:
                store.ingest([stream], _OPTIONS)
            took.append(time.perf_counter() - start)
        info = store.info()
        per_date = max(
            sum(file.date == day for file in store.dataset().files)
            for day in {file.date for file in store.dataset().files}
        )
    if info.rows != count * size:
        raise SystemExit(f"{info.rows} rows are stored, {count * size} were sent")
    last = took[-count // 10 :]
    return {
        "work": "commits", "commits": count, "dates": dates, "lines_each": size,
        "median_s": float(np.median(took)), "p95_s": float(np.quantile(took, 0.95)),
        "max_s": max(took), "p95_of_last_tenth_s": float(np.quantile(last, 0.95)),
        "files": info.files, "files_of_a_date_at_most": per_date,
    }  # fmt: skip


def fill(root: Path, stored: int) -> None:
    """Put id runs of so many made-up events into a store, as if they had been ingested."""
    noise = np.random.default_rng(2)
    left, first, files = stored, 0, []
    catalog = Catalog.open(root)
    while left:
        rows = next((size for size in _RUN_ROWS if size <= left), left)
        words = np.empty((4, rows), dtype=np.uint64)
        words[0] = np.sort(noise.integers(0, 2**64, rows, dtype=np.uint64))
        words[1:3] = noise.integers(0, 2**64, (2, rows), dtype=np.uint64)
        words[3] = np.arange(first, first + rows, dtype=np.uint64)
        path = root / "ids" / f"run-{first:032x}.npy"
        write_run(path, words)
        files.append(file_row(root, path, "ids", f"ids/{path.name}", rows, "0" * 64))
        left, first = left - rows, first + rows
    with catalog.writing() as db:
        db.execute(
            "INSERT INTO batches VALUES (1, 'b000001', 0, ?1, ?1, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?1, 0,"
            " 0, NULL)", (stored,),
        )  # fmt: skip
        insert_files(db, 1, files)
        db.execute("UPDATE files SET staged = NULL")
        db.execute("INSERT INTO meta VALUES ('next_seq', ?)", (stored,))
    catalog.close()


def known_ids(root: Path, count: int, numbers: list[int]) -> None:
    """Make the ids of the events with these numbers stored ones: in the place of made-up ones."""
    path = max((root / "ids").iterdir(), key=lambda file: file.stat().st_size)
    words = np.load(path)
    digests = b"".join(blake2b(f"g:e{n}".encode(), digest_size=16).digest() for n in numbers)
    ids = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    words[0, :count], words[1, :count] = ids[:, 0], ids[:, 1]
    path.unlink()
    write_run(path, words[:, np.lexsort((words[1], words[0]))])


@contextmanager
def counted(names: tuple[str, ...]) -> Iterator[dict[str, float]]:
    """Sum up the CPU seconds spent in functions of the ingest module."""
    spent = dict.fromkeys(names, 0.0)
    kept = {name: getattr(ingest, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return kept[name](*given, **named)
            finally:
                spent[name] += time.process_time() - start

        return call

    for name in names:
        setattr(ingest, name, timed(name))
    try:
        yield spent
    finally:
        for name in names:
            setattr(ingest, name, kept[name])


def dedup(folder: Path, stored: int, count: int, share_known: float) -> dict[str, object]:
    """Ingest lines into a store with so many ids; a share of the lines is stored already."""
    root, log = folder / "store", folder / "new.jsonl"
    Store.create(root).close()
    fill(root, stored)
    known = int(count * share_known)
    known_ids(root, known, list(range(known)))
    log.write_text("".join(f"{one}\n" for one in lines(0, count, _START, 3)))
    names = ("open_run", "repeated_lines", "judge")
    with Store.open(root) as store, counted(names) as spent:
        start = time.process_time()
        summary = store.ingest([log], _OPTIONS)
        whole = time.process_time() - start
    dropped = summary.duplicates + summary.conflicts
    if dropped != known or summary.stored != count - known:
        raise SystemExit(f"{dropped} lines were dropped, {known} are known")
    return {
        "work": "dedup", "stored_ids": stored, "lines": count, "known": known,
        "dedup_cpu_s": sum(spent.values()), "whole_ingest_cpu_s": whole,
        **{f"{name}_cpu_s": value for name, value in spent.items()},
    }  # fmt: skip


def main() -> None:
    """Run what was asked for and print one JSON line a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("work", choices=("commits", "dedup"), nargs="*")
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--dates", type=int, default=365)
    parser.add_argument("--size", type=int, default=200, help="lines of a commit")
    parser.add_argument("--stored", type=int, default=50_000_000)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--known", type=float, default=0.5, help="share of lines stored already")
    parser.add_argument("--folder", type=Path, help="where to work (default: the temporary folder)")
    given = parser.parse_args()
    for work in given.work or ("commits", "dedup"):
        folder = Path(tempfile.mkdtemp(prefix="bench-store-", dir=given.folder))
        try:
            if work == "commits":
                row = commits(folder, given.commits, given.dates, given.size)
            else:
                row = dedup(folder, given.stored, given.lines, given.known)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps({**row, "cores": os.cpu_count()}), flush=True)


if __name__ == "__main__":
    main()
