"""Damaged files: a bit flipped, the end cut off, emptied, gone; ``verify`` must name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from tests.campaign.campaign import Bench, Campaign, Outcome, Tally
from tests.campaign.processes import Ended, call, program, run
from tests.campaign.scenarios import STORE, prepare
from tests.campaign.states import connect

KINDS: Final = ("events", "ids", "people", "linked", "rejects", "catalog.db", "catalog.sum")
SCENARIO: Final = "compact"
FLIPS: Final = 10
DAMAGED: Final = 3
FAILING: Final = (3, 74)
ASKED: Final = (
    ("info", "--table", "event_types"), ("events", "--head", "0", "--columns", "*"),
    ("funnel", "view", "purchase"), ("active",),
)  # fmt: skip


class Way(Enum):
    """How a file is damaged."""

    FLIPPED = "a bit flipped"
    CUT = "its end cut off"
    EMPTIED = "emptied"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of a kind, damaged in a way; ``number`` chooses the file and the bit."""

    kind: str
    way: Way
    number: int

    def __str__(self) -> str:
        return f"{self.kind} #{self.number}: {self.way.value}"


def damages() -> list[Damage]:
    """Return every way for every kind of file."""
    return [
        Damage(kind, way, number)
        for kind in KINDS
        for way in Way
        for number in range(FLIPS if way is Way.FLIPPED else 1)
    ]


def damage(root: Path, point: Damage, choices: Random) -> str:
    """Damage a file of a store and return its name."""
    query = "SELECT path FROM files WHERE kind = ? ORDER BY rows, bytes, path"
    if point.kind.startswith("catalog."):
        names = [point.kind]
    else:
        with closing(connect(root)) as db:
            found = db.execute(query, (point.kind,))
            names = [name for (name,) in found]
    name = choices.choice(names)
    path = root / name
    data = bytearray(path.read_bytes())
    if point.way is Way.GONE:
        path.unlink()
    elif point.way is Way.EMPTIED:
        path.write_bytes(b"")
    elif point.way is Way.CUT:
        path.write_bytes(data[: -max(1, len(data) // 3)])
    else:
        data[choices.randrange(len(data))] ^= 1 << choices.randrange(8)
        path.write_bytes(data)
    return name


@cache
def right_answers(bench: Bench) -> dict[tuple[str, ...], str]:
    """Return what an undamaged store answers."""
    root = prepare(bench, SCENARIO).home / STORE
    return {words: call(*words, "--store", root).out for words in ASKED}


def hit(bench: Bench, point: Damage) -> Outcome:
    """Damage a file, verify the store, and ask it."""
    prepared = prepare(bench, SCENARIO)
    with prepared.home_in(bench) as home:
        root = home / STORE
        name = damage(root, point, bench.random(point))
        verified = run(program("verify", "--store", root))
        failures = [] if _names(verified, name) else [f"verify does not name it: {verified}"]
        answers = {words: run(program(*words, "--store", root)) for words in ASKED}
    wrong, right = [], right_answers(bench)
    for words, ended in answers.items():
        if ended.code == 0:
            wrong += [words[0]] if ended.out != right[words] else []
        elif ended.code not in FAILING or ended.err.count("clickcli: error: ") != 1:
            failures.append(f"{words[0]} ends with {ended.code}: {ended.err[-300:]}")
    return Outcome(True, _left(answers.values(), wrong), tuple(failures))


def _names(verified: Ended, name: str) -> bool:
    """Return whether a damage was found; of the catalog and its checksum either may be blamed."""
    named = "catalog." if name.startswith("catalog.") else name
    is_named = named in verified.out + verified.err or "is not a store" in verified.err
    return verified.code == DAMAGED and is_named


def _left(answers: Iterable[Ended], wrong: Sequence[str]) -> str:
    if wrong:
        return f"wrong answer: {', '.join(wrong)}"
    return "refused" if any(ended.code for ended in answers) else "right answers"


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    prepare(bench, SCENARIO)
    bench.strike(bench.chosen(damages(), points), hit, tally)


CAMPAIGN: Final = Campaign(
    "damage", "files flipped, cut, emptied, gone: verify names them", 4, _run
)
