"""The steps that a program takes on a disk, and what is in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Tree = dict[str, bytes | None]
"""Paths below a folder, and the content of each; None is a folder."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place in a file."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Mapped:
    """A file that is written through memory; ``data`` is what it holds in the end."""

    path: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Resize:
    """A file gets this size."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Make:
    """A new empty file or folder."""

    path: str
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder gets another name."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A name goes."""

    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content or a folder's names reach the disk."""

    path: str


@dataclass(frozen=True, slots=True)
class Told:
    """The program prints its success: from here on nothing may be lost."""


Step = Write | Mapped | Resize | Make | Move | Remove | Sync | Told


def tree_of(folder: Path) -> Tree:
    """Return what is in a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def write_tree(tree: Tree, folder: Path) -> None:
    """Make a folder with what a disk had, as only its owner can read it."""
    for path, content in sorted(tree.items()):
        place = folder / path
        if content is None:
            place.mkdir(mode=0o700, parents=True)
        else:
            place.touch(mode=0o600)
            place.write_bytes(content)
