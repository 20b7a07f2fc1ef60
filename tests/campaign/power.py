"""Power cuts: a run is recorded call by call, and replayed on disks that lose what they may."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.campaign.campaign import Bench, Campaign, Outcome, Tally
from tests.campaign.disks import Disk, Luck, with_final_data
from tests.campaign.examine import examine
from tests.campaign.processes import run
from tests.campaign.recording import FULLY, RECORDED, Recorder
from tests.campaign.scenarios import Prepared, prepare
from tests.campaign.steps import Step, Told, Tree, Write, tree_of, write_tree
from tests.campaign.traces import traced

NAMES: Final = ("ingest", "first", "recover", "compact", "undo", "delete", "retain")
POINTS: Final = 1200
CONTROLS: Final = 20
_POINTS_A_COMMAND: Final = 8
_TIMES: Final = {Luck.SOME: 3}
"""How often a kind of luck is tried at each point, if not once."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder before a run, and the steps that the run took in it."""

    before: Tree
    steps: list[Step]

    @property
    def told(self) -> int:
        """After how many steps the program had printed its success."""
        return next(at for at, step in enumerate(self.steps, 1) if isinstance(step, Told))


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut after so many steps; ``draw`` tells equal kinds of luck apart."""

    scenario: str
    steps: int
    luck: Luck
    draw: int = 0
    is_honest: bool = True

    def __str__(self) -> str:
        where = f"{self.scenario}: cut after step {self.steps}"
        return f"{where}, left of the rest: {self.luck.value} ({self.draw})"


def recorded(bench: Bench, name: str) -> Recording:
    """Record a command; the second call on a bench is cheap."""
    kept = bench.folder / "recordings" / name
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(pickle.dumps(_record(bench, prepare(bench, name))))
    return _loaded(kept)


@cache
def _loaded(path: Path) -> Recording:
    made = pickle.loads(path.read_bytes())  # noqa: S301 - written by ourselves
    assert isinstance(made, Recording)
    return made


def _record(bench: Bench, prepared: Prepared) -> Recording:
    with prepared.home_in(bench) as home:
        log, before = home.with_name("trace"), tree_of(home)
        ended = run(traced(prepared.command(home), log, *FULLY, calls=RECORDED))
        assert ended.code == 0, ended.err
        steps = list(Recorder(home, set(before)).steps(log))
        return Recording(before, with_final_data(steps, before, home))


def after_cut(bench: Bench, cut: Cut) -> Tree:
    """Return what a power cut leaves of a home."""
    recording = recorded(bench, cut.scenario)
    disk = Disk(recording.before, is_honest=cut.is_honest)
    for step in recording.steps[: cut.steps]:
        disk.take(step)
    return disk.after_cut(cut.luck, bench.random(cut))


def cuts(bench: Bench, name: str) -> list[Cut]:
    """Return power cuts after every step that matters, with every kind of luck.

    Of the writes to files that no catalog names yet, only some are followed by a cut.
    """
    return [
        Cut(name, at, luck, draw)
        for at in _moments(recorded(bench, name))
        for luck in Luck
        for draw in range(_TIMES.get(luck, 1))
    ]


def distinct(bench: Bench, name: str) -> list[Cut]:
    """Return the power cuts of which no two leave the same."""
    told = recorded(bench, name).told
    found: dict[tuple[bool, str], Cut] = {}
    for cut in cuts(bench, name):
        found.setdefault((cut.steps >= told, _word(after_cut(bench, cut))), cut)
    return list(found.values())


def _moments(recording: Recording) -> list[int]:
    steps = recording.steps
    return [
        at
        for at in range(len(steps) + 1)
        if at in {0, len(steps)} or not (_is_staged(steps[at - 1]) and _is_staged(steps[at]))
    ]


def _is_staged(step: Step) -> bool:
    return isinstance(step, Write) and "/staging/" in step.path


def _word(tree: Tree) -> str:
    digest = sha256()
    for path, content in sorted(tree.items()):
        digest.update(f"{path}\n".encode() + sha256(content or b"").digest())
    return digest.hexdigest()


def hit(bench: Bench, cut: Cut) -> Outcome:
    """Start a store again after a power cut: before success was told, either state will do."""
    prepared = prepare(bench, cut.scenario)
    with bench.room() as room:
        write_tree(after_cut(bench, cut), room)
        outcome = examine(prepared, room)
    if cut.steps < recorded(bench, cut.scenario).told or outcome.left == "done":
        return outcome
    lost = f"success was told, but it is {outcome.left}"
    return Outcome(True, f"lost: {outcome.left}", (lost, *outcome.failures))


def control(bench: Bench, cut: Cut) -> Outcome:
    """Cut the power where fsync does nothing: the examination must find that something is lost."""
    outcome = hit(bench, cut)
    if outcome.failures:
        return Outcome(True, "lost, as it must be")
    return Outcome(True, "nothing lost", ("without fsync nothing is lost: the campaign is blind",))


def _power(bench: Bench, points: int | None, tally: Tally) -> None:
    if points is None:
        found = [cut for name in NAMES for cut in distinct(bench, name)]
    else:  # one command for every few points: to record and to list them takes time
        names = bench.chosen(NAMES, -(-points // _POINTS_A_COMMAND))
        found = [cut for name in names for cut in cuts(bench, name)]
    bench.strike(bench.chosen(found, points or POINTS), hit, tally)


def _control(bench: Bench, points: int | None, tally: Tally) -> None:
    end = len(recorded(bench, "ingest").steps)
    lucks = (Luck.NOTHING, Luck.NAMES, Luck.DATA)
    found = [Cut("ingest", end, luck, is_honest=False) for luck in lucks]
    found += [
        Cut("ingest", end, Luck.SOME, draw, is_honest=False)
        for draw in range(CONTROLS - len(found))
    ]
    bench.strike(bench.chosen(found, points), control, tally)


CAMPAIGNS: Final = (
    Campaign("power", "power cuts: what was not synced is lost, or some of it", 10, _power),
    Campaign("control", "the same with fsync doing nothing: it must find losses", 4, _control),
)
