"""Many at once: writers that wait for one another, readers, and somebody who compacts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final

from tests.campaign.campaign import Bench, Campaign, Tally
from tests.campaign.logs import write_log
from tests.campaign.processes import Ended, program, run
from tests.campaign.scenarios import STORE
from tests.campaign.states import problems_of, read

WRITERS: Final = 4
BATCHES: Final = 50
_LINES: Final = 12


@dataclass(slots=True)
class Witness:
    """What was seen while everybody was at work; shared by threads."""

    failures: list[str] = field(default_factory=list)
    rows: Counter[int] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def note(self, who: str, ended: Ended, rows: Sequence[int] = ()) -> None:
        """Note how a command ended, and how many rows it saw."""
        with self.lock:
            self.done[who] += 1
            self.rows.update(rows)
            if ended.code != 0:
                self.failures.append(f"{who} ends with {ended.code}: {ended.err.strip()[-300:]}")


def lines_of(writer: int, batch: int) -> list[str]:
    """Return the lines of one batch of one writer: its own, and those that all writers send."""
    own = [f"own-{writer}-{batch}-{n}" for n in range(_LINES)]
    shared = [f"all-{batch}-{n}" for n in range(_LINES // 3)]
    return [line(name, n) for n, name in enumerate([*own, *shared])]


def line(name: str, number: int) -> str:
    """Return an event of a person of its own, so that rows and people are as many."""
    day = 1 + number % 3
    return json.dumps(
        {"event_id": name, "event_type": "view", "timestamp": f"2024-03-0{day}T12:00:00Z",
         "user_id": f"user of {name}"}
    )  # fmt: skip


def write(folder: Path, root: Path, writer: int, batches: int, witness: Witness) -> None:
    """Ingest batch after batch; every second one in a file of its own, the others appended."""
    growing = folder / f"writer-{writer}.jsonl"
    for batch in range(batches):
        lines = lines_of(writer, batch)
        if batch % 2:
            with growing.open("a") as file:
                file.write("".join(text + "\n" for text in lines))
            log = growing
        else:
            log = write_log(folder / f"writer-{writer}-{batch}.jsonl", lines)
        witness.note("ingest", run(program("ingest", log, "--store", root, "--wait", "300s")))


def look(
    root: Path, words: Sequence[str], rows: Callable[[Any], list[int]], witness: Witness, end: Event
) -> None:
    """Ask again and again, until all has been written."""
    while True:
        is_last = end.is_set()
        ended = run(program(*words, "--store", root, "-f", "json"))
        witness.note(words[0], ended, rows(json.loads(ended.out)) if ended.code == 0 else ())
        if is_last:
            return


def rows_of_info(page: Any) -> list[int]:
    """Return how many events ``info`` saw, by two ways."""
    by_type = [row["events"] for row in page["tables"]["event_types"]]
    return [page["data"][0]["events"], sum(by_type)]


def rows_of_funnel(page: Any) -> list[int]:
    """Return how many people ``funnel`` saw in its first step: one an event."""
    return [page["data"][0]["people"]]


def compact(root: Path, witness: Witness, end: Event) -> None:
    """Compact again and again, whenever it is its turn."""
    while not end.is_set():
        witness.note("compact", run(program("compact", "--store", root, "--wait", "300s")))


def crowded(folder: Path, batches: int) -> tuple[Witness, Path]:
    """Let everybody work at once."""
    root, witness, end = folder / STORE, Witness(), Event()
    first = write_log(folder / "first.jsonl", [line("first", 0)])
    witness.note("ingest", run(program("ingest", first, "--store", root)))
    with ThreadPoolExecutor(WRITERS + 3) as threads:
        readers = [
            threads.submit(look, root, ["info"], rows_of_info, witness, end),
            threads.submit(look, root, ["funnel", "view", "view"], rows_of_funnel, witness, end),
        ]
        readers.append(threads.submit(compact, root, witness, end))
        jobs = [threads.submit(write, folder, root, n, batches, witness) for n in range(WRITERS)]
        try:
            for job in jobs:
                job.result()
        finally:
            end.set()
        for reader in readers:
            reader.result()
    return witness, root


def judged(witness: Witness, root: Path, batches: int) -> list[str]:
    """Compare what was seen and what is stored with what must be."""
    reading = read(root)
    failures = [*witness.failures, *problems_of(reading)]
    state = reading.state
    at = state.columns.index("event_id")
    stored = Counter(row[at] for row in state.events)
    given = {
        json.loads(text)["event_id"]
        for writer in range(WRITERS)
        for batch in range(batches)
        for text in lines_of(writer, batch)
    } | {"first"}
    failures += [f"{name} is stored {n} times" for name, n in stored.items() if n > 1]
    failures += [f"{name} is not stored" for name in given - stored.keys()]
    states = {0, *accumulate(row[3] for row in sorted(state.tables["batches"]))}
    seen = sorted(witness.rows.keys() - states)
    failures += [f"a reader saw {rows} rows, which were never committed" for rows in seen]
    return failures


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    batches = -(-(points or WRITERS * BATCHES) // WRITERS)
    with bench.room() as folder:
        witness, root = crowded(folder, batches)
        failures = judged(witness, root, batches)
    for who, count in witness.done.items():
        tally.left[who] += count
    tally.points = tally.hits = WRITERS * batches
    tally.left["states seen"] = len(witness.rows)
    tally.failures += failures


CAMPAIGN: Final = Campaign("crowd", "four writers, two readers and a compaction at once", 8, _run)
