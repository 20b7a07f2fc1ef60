"""Every line read is accounted for, and too many bad ones stop an ingest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from clickcli.errors import DataError, InternalError
from clickcli.store.decode import Decoded
from clickcli.store.dedup import Verdict
from clickcli.store.presets.decode import decode_lines
from clickcli.store.reading import Account
from clickcli.store.rejects import RejectLog
from clickcli.store.sources import Block, Source
from clickcli.store.types import REASONS, Batch


def check_error_rate(
    account: Account, rejects: RejectLog, limit: float, earlier: tuple[int, int] = (0, 0)
) -> None:
    """Raise DataError when more than this share of the lines is rejected.

    ``earlier`` are lines read, and of them rejected, before this ingest that are judged with it.
    """
    read, rejected = account.read + earlier[0], rejects.count + earlier[1]
    if not account.read or rejected <= limit * read or not rejects.sample:
        return
    worst = ", ".join(f"{REASONS[why]}: {n}" for why, n in rejects.reasons.most_common(3))
    first = rejects.sample[0]
    before = " with the lines before them" if earlier[0] else ""
    raise DataError(
        f"{rejects.count} of {account.read} lines would be rejected ({worst}), which is more than "
        f"--max-error-rate {limit:g}{before}; nothing was stored",
        hint=f"the first is line {first.line} of {first.source}: {REASONS[first.reason]}; "
        f"see more with --dry-run{_other_formats(account, rejects)}",
    )


def _other_formats(account: Account, rejects: RejectLog) -> str:
    """Return a way out for the log of another tool, and for what is no log yet."""
    if rejects.sample[0].raw.strip() in ("[", "[{"):
        return "; a JSON list over several lines is no log yet: jq -c '.[]' FILE makes one of it"
    is_plain = all(job.mapping is None for job in account.jobs)
    is_text = rejects.reasons["invalid_json"] == account.read
    return "; logs of other tools: --preset auto" if is_plain and is_text else ""


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

    def found(block: Block) -> Decoded:
        return decode_lines(block.data, block.first_line, max_line_bytes, job.mapping)

    def digests(block: Block) -> Iterable[bytes]:
        return (d[:16] for d in found(block).digests)

    if job.earlier is not None:
        return job.earlier.counts(wanted, digests)
    if not job.skipped or job.identity is None:
        return {}
    counts: Counter[bytes] = Counter()
    again = Source.open(Path(job.identity.path), max_line_bytes)
    left = job.skipped
    try:
        for block in again.blocks():
            data = block.data[:left]
            left -= len(data)
            names = digests(Block(data, block.first_line))
            counts.update(name for name in names if name in wanted)
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
