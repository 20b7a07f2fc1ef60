"""Rejected lines: one JSON line each, the raw text cut at 4 KB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from clickcli.store.decode import RejectedLine
from clickcli.store.layout import make_file
from clickcli.store.types import Reject

RAW_BYTES: Final = 4096
SAMPLE: Final = 5


class RejectLog:
    """Counts rejected lines, and writes them where a path is given."""

    def __init__(self, path: Path | None, batch: str = "") -> None:
        self.path = path
        self._batch = batch
        self.reasons: Counter[str] = Counter()
        self.sample: list[Reject] = []
        self._file: BinaryIO | None = None
        if path is not None:
            make_file(path)
            self._file = path.open("wb")

    @property
    def count(self) -> int:
        """How many lines were rejected."""
        return self.reasons.total()

    def add(self, source: str, lines: Sequence[RejectedLine]) -> None:
        """Take the rejected lines of a chunk."""
        import orjson

        for number, reason, raw in lines:
            self.reasons[reason] += 1
            if self._file is None and len(self.sample) >= SAMPLE:
                continue
            text = raw[:RAW_BYTES].decode("utf-8", "replace")
            if len(self.sample) < SAMPLE:
                self.sample.append(Reject(self._batch, source, number, reason, text))
            if self._file is not None:
                entry = {"source": source, "line": number, "reason": reason, "raw": text}
                self._file.write(orjson.dumps(entry) + b"\n")

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_rejects(path: Path, batch: str) -> Iterator[Reject]:
    """Yield the rejected lines of a batch."""
    import orjson

    with path.open("rb") as stream:
        for line in stream:
            entry = orjson.loads(line)
            yield Reject(batch, entry["source"], entry["line"], entry["reason"], entry["raw"])
