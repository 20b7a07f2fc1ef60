"""Every line read is accounted for, and too many bad ones stop an ingest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from clickcli.errors import DataError, InternalError
from clickcli.store.decode import decode
from clickcli.store.dedup import Verdict
from clickcli.store.reading import Account
from clickcli.store.rejects import RejectLog
from clickcli.store.sources import Source
from clickcli.store.types import REASONS, Batch


def check_error_rate(account: Account, rejects: RejectLog, limit: float) -> None:
    """Raise DataError when more than this share of the lines is rejected."""
    if not account.read or rejects.count <= limit * account.read or not rejects.sample:
        return
    worst = ", ".join(f"{REASONS[why]}: {n}" for why, n in rejects.reasons.most_common(3))
    first = rejects.sample[0]
    raise DataError(
        f"{rejects.count} of {account.read} lines would be rejected ({worst}), which is more than "
        f"--max-error-rate {limit:g}; nothing was stored",
        hint=f"the first is line {first.line} of {first.source}: {REASONS[first.reason]}; "
        "see more with --dry-run",
    )


def check_account(batch: Batch) -> None:
    """Raise InternalError unless every line read is accounted for."""
    total = batch.stored + batch.duplicates + batch.conflicts + batch.suppressed + batch.rejected
    if total != batch.read:
        raise InternalError(
            f"{batch.read} lines were read but {total} are accounted for; nothing was stored"
        )


def count_lines(
    account: Account, source: int, wanted: set[bytes], max_line_bytes: int
) -> dict[bytes, int]:
    """Count how often lines (by the 16-byte hash of each) stand in the part skipped."""
    job = account.jobs[source]
    if not job.skipped or job.identity is None:
        return {}
    counts: Counter[bytes] = Counter()
    again = Source.open(Path(job.identity.path), max_line_bytes)
    left = job.skipped
    try:
        for block in again.blocks():
            data = block.data[:left]
            left -= len(data)
            found = decode(data, block.first_line, max_line_bytes)
            counts.update(name for d in found.digests if (name := d[:16]) in wanted)
            if not left:
                break
    finally:
        again.close()
    return dict(counts)


def merged_repeats(account: Account, verdict: Verdict) -> dict[tuple[str, int], int]:
    """Return how many lines of each source repeated a line of each batch."""
    merged: Counter[tuple[str, int]] = Counter()
    for (source, batch), lines in verdict.repeats.items():
        merged[account.jobs[source].name, batch] += lines
    return dict(merged)


def warnings(verdict: Verdict) -> tuple[str, ...]:
    """Say what the user should look at."""
    if not verdict.conflicts:
        return ()
    text = (
        f"{verdict.conflicts} lines have the event id of another line but other content; "
        "the first line of each id was kept"
    )
    return (text,)
