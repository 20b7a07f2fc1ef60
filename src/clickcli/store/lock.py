"""One writer at a time: an exclusive lock that says who holds it and since when."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from clickcli.errors import StoreLocked
from clickcli.store.layout import LOCK, storage_errors
from clickcli.units import duration_text

_POLL_S: Final = 0.05


class WriterLock:
    """The lock of a store, held from ``with`` to its end; given up by the system on a crash.

    Raises StoreLocked when another process still holds it after ``wait_s``.
    """

    def __init__(self, root: Path, wait_s: float = 0.0) -> None:
        self._path = root / LOCK
        self._wait_s = wait_s
        self._handle = -1

    def __enter__(self) -> Self:
        with storage_errors(f"cannot lock the store {self._path.parent}"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._handle = os.open(self._path, flags, 0o600)
        try:
            self._acquire()
            self._sign()
        except BaseException:
            os.close(self._handle)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
        os.close(self._handle)

    def _acquire(self) -> None:
        import fcntl

        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    with storage_errors(f"cannot lock the store {self._path.parent}"):
                        raise
                if time.monotonic() >= deadline:
                    raise self._busy() from None
                time.sleep(_POLL_S)
            else:
                return

    def _sign(self) -> None:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
        with storage_errors(f"cannot lock the store {self._path.parent}"):
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(owner).encode(), 0)

    def _busy(self) -> StoreLocked:
        hint = "wait for it with --wait 60s"
        try:
            owner = json.loads(os.pread(self._handle, 4096, 0))
            age = max(0, int(time.time()) - int(owner["since"]))
            who = f"process {int(owner['pid'])} on {owner['host']}"
            since = duration_text(age * 10**6)
        except (ValueError, KeyError, TypeError, OSError):
            return StoreLocked(f"{self._path.parent} is locked by another process", hint=hint)
        return StoreLocked(f"{self._path.parent} is locked by {who}, for {since}", hint=hint)
