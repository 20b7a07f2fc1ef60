"""Output files that only their owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clickcli.cli.output import Target
from clickcli.errors import StorageError


@contextmanager
def private_files(to: Target) -> Iterator[None]:
    """Make every file that is written inside open to its owner only, from its first byte on."""
    before = os.umask(0o077)
    try:
        for name in (to.path, to.meta):
            if name is not None and Path(name).is_file():
                _close_to_others(Path(name))
        yield
    finally:
        os.umask(before)


def _close_to_others(path: Path) -> None:
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o600)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
