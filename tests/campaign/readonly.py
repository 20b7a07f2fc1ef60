"""A store that may only be read: by the modes of its folder, or by a mount."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.campaign.calls import told_badly
from tests.campaign.campaign import Bench, Campaign, Outcome, Tally
from tests.campaign.processes import Ended, call, program, run
from tests.campaign.scenarios import STORE, prepare
from tests.campaign.space import apart

READING: Final = (
    ("info",), ("events", "--count"), ("funnel", "view", "purchase"), ("active",), ("verify",),
)  # fmt: skip
WRITING: Final = ("ingest", "compact", "undo", "delete", "retain")
WITHOUT_RIGHTS: Final = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Even root obeys the modes of its own files then."""
_MOUNTED: Final = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


@dataclass(frozen=True, slots=True)
class Try:
    """A command on a store that may only be read, ``by`` its modes or by a mount.

    ``scenario`` says what the store is like; ``recover`` is one that was left half placed.
    """

    by: str
    scenario: str
    words: tuple[str, ...]
    is_writing: bool

    def __str__(self) -> str:
        return f"{' '.join(self.words)} ({self.scenario}), read-only by its {self.by}"


def tries(bench: Bench) -> list[Try]:
    """Return every command with every way to forbid writing."""
    found = []
    for by in ("modes", "mount"):
        for words in READING:
            found += [Try(by, kind, words, is_writing=False) for kind in ("ingest", "recover")]
        for name in WRITING:
            found.append(Try(by, name, prepare(bench, name).words, is_writing=True))
    return found


@contextmanager
def by_modes(root: Path) -> Iterator[list[str]]:
    """Take the right to write from a store; gives what a command is run by."""
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        yield list(WITHOUT_RIGHTS) if os.geteuid() == 0 else []
    finally:
        for path in paths:
            path.chmod(0o700 if path.is_dir() else 0o600)


@contextmanager
def by_mount(root: Path) -> Iterator[list[str]]:
    """Give what a command is run by that sees a store mounted read-only."""
    yield [*apart(), "sh", "-c", _MOUNTED, "sh", str(root)]


def fingerprint(root: Path) -> str:
    """Return a word for all files of a store, their names and contents."""
    digest = sha256()
    for path in sorted(root.rglob("*")):
        digest.update(f"{path.relative_to(root)}\n".encode())
        if path.is_file():
            digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def hit(bench: Bench, point: Try) -> Outcome:
    """Run a command on a store that may only be read."""
    prepared = prepare(bench, point.scenario)
    with prepared.home_in(bench) as home, prepared.home_in(bench) as free:
        root = home / STORE
        before = fingerprint(root)
        forbid = by_modes if point.by == "modes" else by_mount
        with forbid(root) as by:
            ended = run([*by, *program(*point.words, "--store", root)])
        failures = [] if fingerprint(root) == before else ["the store is not as before"]
        if point.is_writing:
            failures += told_badly(ended) if ended.code else ["it says that it wrote"]
        else:
            expected = call(*point.words, "--store", free / STORE)
            failures += _differs(ended, root, expected, free / STORE)
        return Outcome(True, f"exit {ended.code}", tuple(failures))


def _differs(ended: Ended, root: Path, expected: Ended, free: Path) -> list[str]:
    """Return what a reader of a store says otherwise than where it may write as well."""
    if ended.code != 0:
        return [f"exit code {ended.code}, not {expected.code}: {ended.err[-300:]}"]
    if ended.out.replace(str(root), "") != expected.out.replace(str(free), ""):
        return [f"it answers {ended.out[:200]}, not {expected.out[:200]}"]
    return []


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    apart()
    for name in ("ingest", "recover"):
        prepare(bench, name)
    bench.strike(bench.chosen(tries(bench), points), hit, tally)


CAMPAIGN: Final = Campaign("readonly", "a store that may only be read", 4, _run)
