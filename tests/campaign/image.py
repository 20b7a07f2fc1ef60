"""Power cuts on a real file system: the image below an ext4 is copied while a command runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.campaign import Bench, Campaign, ImpossibleHereError, Outcome, Tally
from tests.campaign.examine import examine
from tests.campaign.processes import Ended, run
from tests.campaign.scenarios import Prepared, Sign, prepare
from tests.campaign.space import apart
from tests.campaign.traces import traced

NAMES: Final = ("ingest", "first", "delete")
POINTS: Final = 60
CONTROLS: Final = 5
_TOO_LATE: Final = 3
_TRIES: Final = 6
_SHORTER: Final = 0.8
_SIZE: Final = 48 << 20
_RUN: Final = """
set -e
mount -o loop,commit=300 "$1" "$2"
cp -a "$3/." "$2"
sync -f "$2"
image=$1 cut=$4 after=$5
shift 5
if [ "$after" = end ]; then
    "$@" >&2
    cp --sparse=always "$image" "$cut"
    exit
fi
"$@" &
sleep "$after"
kill -STOP $! || exit 3
cp --sparse=always "$image" "$cut"
kill -KILL $!
"""
"""Arguments: image, where it is mounted, what is put on it, the copy, when, the command."""
_LOOK: Final = 'mount -o loop "$1" "$2" && cp -a "$2/." "$3" && rm -rf "$3/lost+found"'


@dataclass(frozen=True, slots=True)
class Copied:
    """When the image is copied: at a share of the command's time with the lock, or after its end.

    ``is_honest`` says whether fsync does anything.
    """

    scenario: str
    number: int
    share: float | None
    is_honest: bool = True

    def __str__(self) -> str:
        when = "after its success" if self.share is None else f"at {self.share:.3f} of its time"
        return f"{self.scenario} #{self.number}: image copied {when}"


def check_possible() -> None:
    """Raise ImpossibleHereError where no image can be mounted."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        raise ImpossibleHereError("only root may mount an image, by a loop device")
    if not shutil.which("mkfs.ext4"):
        raise ImpossibleHereError("mkfs.ext4 is missing")
    apart()


def _left(prepared: Prepared, room: Path, point: Copied, share: float) -> tuple[Ended, Path] | None:
    """Run a command on an image of its own; returns what is on the copy, None where it is over."""
    image, cut, disk, left = (room / name for name in ("image", "cut", "disk", "left"))
    disk.mkdir()
    left.mkdir()
    with image.open("wb") as file:
        file.truncate(_SIZE)
    assert run(["mkfs.ext4", "-q", str(image)]).code == 0
    command = prepared.command(disk)
    if not point.is_honest:
        fault = "inject=fsync,fdatasync,msync:retval=0"
        calls = ("fsync", "fdatasync", "msync")
        command = traced(command, room / "trace", "-e", fault, calls=calls)
    after = "end"
    if point.share is not None:
        begin = prepared.spans[Sign.START] - prepared.spans[Sign.LOCK]
        after = f"{begin + share * prepared.spans[Sign.LOCK]:.4f}"
    words = [str(word) for word in (image, disk, prepared.home, cut, after)]
    ended = run([*apart(), "sh", "-c", _RUN, "sh", *words, *command])
    if ended.code == _TOO_LATE and point.share is not None:
        return None
    looked = run([*apart(), "sh", "-c", _LOOK, "sh", str(cut), str(disk), str(left)])
    assert looked.code == 0, (ended, looked)
    return ended, left


def hit(bench: Bench, point: Copied) -> Outcome:
    """Copy the image, sooner if the command was over by then; look at the store on the copy."""
    prepared = prepare(bench, point.scenario)
    for attempt in range(_TRIES):
        with bench.room() as room:
            found = _left(prepared, room, point, (point.share or 0) * _SHORTER**attempt)
            if found is None:
                continue
            ended, left = found
            outcome = examine(prepared, left)
        if point.share is not None or outcome.left == "done":
            return outcome
        lost = f"success was told, but it is {outcome.left}: {ended.err[-200:]}"
        return Outcome(True, f"lost: {outcome.left}", (lost, *outcome.failures))
    return Outcome(is_hit=False)


def control(bench: Bench, point: Copied) -> Outcome:
    """The same where fsync does nothing: it must be found that something is lost."""
    outcome = hit(bench, point)
    if outcome.failures:
        return Outcome(True, "lost, as it must be")
    return Outcome(True, "nothing lost", ("without fsync nothing is lost: the campaign is blind",))


def _image(bench: Bench, points: int | None, tally: Tally) -> None:
    check_possible()
    found = []
    for number in range(points or POINTS):
        choices = bench.random("image", number)
        share = None if number % 4 == 0 else choices.random()
        found.append(Copied(NAMES[number % len(NAMES)], number, share))
    for name in {point.scenario for point in found}:
        prepare(bench, name)
    bench.strike(found, hit, tally)


def _control(bench: Bench, points: int | None, tally: Tally) -> None:
    check_possible()
    prepare(bench, "ingest")
    found = [
        Copied("ingest", number, None, is_honest=False) for number in range(points or CONTROLS)
    ]
    bench.strike(found, control, tally)


CAMPAIGNS: Final = (
    Campaign("image", "power cuts on a real ext4: its image is copied at an instant", 2, _image),
    Campaign(
        "image-control", "the same with fsync doing nothing: it must find losses", 1, _control
    ),
)
