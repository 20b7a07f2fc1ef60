"""The sample data can be made again from its seed, and its lines add up."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "sample_data"
FILES = ("events.jsonl.gz", "late.jsonl.gz")
ISO_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z")
BAD_KINDS = (
    "cut_json",
    "binary",
    "invalid_utf8",
    "not_an_object",
    "missing_type",
    "missing_time",
    "bad_time",
    "empty",
)


def _truth() -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    return truth


def _lines(name: str) -> list[bytes]:
    """Return the lines of a file, split at line feeds alone."""
    content = gzip.decompress((FOLDER / name).read_bytes())
    assert content.endswith(b"\n")
    return content[:-1].split(b"\n")


def _bad_text(line: bytes) -> str:
    """Return the kind of a line that is no text or no JSON."""
    if b"\0" in line:
        return "binary"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid_utf8"
    return "cut_json"


def _kind(line: bytes) -> str:
    """Return the kind of fault of one line looked at alone, or `good`."""
    if not line:
        return "empty"
    try:
        record = json.loads(line)
    except ValueError:
        return _bad_text(line)
    if not isinstance(record, dict):
        return "not_an_object"
    if "event_type" not in record:
        return "missing_type"
    if "timestamp" not in record:
        return "missing_time"
    if record["timestamp"].startswith("1970-"):
        return "clock_at_1970"
    return "good" if ISO_TIME.fullmatch(record["timestamp"]) else "bad_time"


def _account(lines: list[bytes], seen: dict[str, bytes]) -> Counter[str]:
    """Count the lines by kind; `seen` holds the line of each event id so far and grows.

    A line without an id is its own id: none of them occurs twice within a file.
    """
    counts: Counter[str] = Counter(lines=len(lines))
    for line in lines:
        kind = _kind(line)
        if kind == "good":
            key = json.loads(line).get("event_id", line.decode())
            first = seen.setdefault(key, line)
            if first is not line:
                kind = "duplicate" if first == line else "conflict"
        counts[kind] += 1
    return counts


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the generator with the committed seed into another folder."""
    folder = tmp_path_factory.mktemp("sample_data")
    command = [
        sys.executable,
        str(ROOT / "scripts" / "make_sample_data.py"),
        "--seed",
        str(_truth()["seed"]),
        "--out",
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_the_same_seed_gives_the_same_lines(made_again: Path, name: str) -> None:
    """Compare what is inside: another zlib may press the same bytes differently."""
    again = gzip.decompress((made_again / name).read_bytes())
    assert again == gzip.decompress((FOLDER / name).read_bytes())


@pytest.mark.parametrize("name", ["truth.json", "README.md"])
def test_the_same_seed_gives_the_same_truths(made_again: Path, name: str) -> None:
    assert (made_again / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_the_gzip_header_holds_neither_time_nor_name(name: str) -> None:
    head = (FOLDER / name).read_bytes()[:10]
    assert head[3] == 0, "flags: no name, no comment"
    assert head[4:8] == bytes(4), "time of the file"


def test_lines_are_good_ones_and_each_fault() -> None:
    seen: dict[str, bytes] = {}
    for name in FILES:
        stated = _truth()["accounting"][name]
        counted = _account(_lines(name), seen)
        assert dict(counted) == stated, name
        assert stated["lines"] == sum(n for kind, n in stated.items() if kind != "lines"), name


def test_every_kind_of_fault_is_there() -> None:
    stated = _truth()["accounting"]["events.jsonl.gz"]
    assert all(stated[kind] > 0 for kind in (*BAD_KINDS, "duplicate", "conflict"))


def test_stated_events_are_the_good_lines() -> None:
    truth = _truth()
    main, late = (truth["accounting"][name]["good"] for name in FILES)
    assert truth["main"]["log"]["events"] == main
    assert truth["main_and_late"]["log"]["events"] == main + late
    assert sum(truth["main"]["log"]["events_by_type"].values()) == main


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
