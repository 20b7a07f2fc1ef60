"""Write a file so that it is there as a whole or not at all; give a filled file in pieces."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from clickcli.errors import StorageError

_PIECE: Final = 1 << 20


def written(path: str, pieces: Iterator[bytes]) -> None:
    """Write pieces to a file by way of a temporary one beside it.

    What is not a regular file (a device, a named pipe) is written to directly. Raises
    StorageError with the system's reason, but BrokenPipeError where a reader went away.
    """
    try:
        _write(Path(path), pieces)
    except BrokenPipeError:
        raise
    except OSError as error:
        hint = None
        if isinstance(error, FileNotFoundError):
            hint = "the folder must exist"
        raise StorageError(f"cannot write {path}: {error.strerror}", hint=hint) from error


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "is a folder")
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def filled(fill: Callable[[Path], None]) -> Iterator[bytes]:
    """Let a file be filled in a folder of its own, and yield its bytes.

    For formats whose beginning is written last, so that a large table is never in memory.
    """
    with TemporaryDirectory(prefix="clickcli-") as folder:
        path = Path(folder) / "filled"
        fill(path)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
