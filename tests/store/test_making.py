"""Making a store, and writing its arrays, on a disk that fails or a machine that stops."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from clickcli.cli.main import main
from clickcli.errors import DataError, StorageError
from clickcli.store import Store
from clickcli.store.arrays import ArrayWriter, read_array, write_array
from clickcli.store.schema import APPLICATION_ID
from tests.store.logs import event, ingest, write


def folders(root: Path) -> None:
    for name in ("events", "ids"):
        (root / name).mkdir(parents=True)


def a_lock(root: Path) -> None:
    folders(root)
    (root / "lock").touch()


def an_empty_catalog(root: Path) -> None:
    a_lock(root)
    (root / "catalog.db").touch()


def a_catalog_without_tables(root: Path) -> None:
    a_lock(root)
    with sqlite3.connect(root / "catalog.db") as db:
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    db.close()


CUT_OFF = (folders, a_lock, an_empty_catalog, a_catalog_without_tables)


@pytest.mark.parametrize("leave", CUT_OFF)
def test_a_store_whose_making_was_cut_off_is_made_by_the_next_ingest(
    tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    root = tmp_path / "store"
    leave(root)
    log = write(tmp_path / "a.jsonl", [event(n) for n in range(5)])
    assert main(["ingest", str(log), "--store", str(root), "--quiet"]) == 0
    with Store.open(root) as store:
        assert store.info().rows == 5


@pytest.mark.parametrize("name", ["notes.txt", "events/date=2024-01-01/part.parquet", "lock2"])
def test_a_folder_with_other_files_is_no_unfinished_store(tmp_path: Path, name: str) -> None:
    root = tmp_path / "store"
    folders(root)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()
    with pytest.raises(DataError, match="new or empty"):
        Store.create(root)


def test_a_store_is_not_made_over_another(tmp_path: Path) -> None:
    Store.create(tmp_path / "store").close()
    with pytest.raises(DataError, match="is a store already"):
        Store.create(tmp_path / "store")


def test_making_a_store_syncs_every_folder_that_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    kept = os.fsync

    def note(handle: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        kept(handle)

    monkeypatch.setattr(os, "fsync", note)
    root = tmp_path / "new" / "store"
    Store.create(root).close()
    assert {str(tmp_path), str(tmp_path / "new"), str(root)} <= synced


def test_removed_files_stay_removed_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of what a commit replaced are synced before the catalog forgets about it."""
    with Store.create(tmp_path / "store") as store:
        ingest(store, write(tmp_path / "a.jsonl", [event(1)]))
        order: list[str] = []
        kept_sync, kept_unlink = os.fsync, Path.unlink

        def sync(handle: int) -> None:
            order.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
            kept_sync(handle)

        def unlink(path: Path, *, missing_ok: bool = False) -> None:
            if path.parent.name == "ids":
                order.append("unlink ids")
            kept_unlink(path, missing_ok=missing_ok)

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Path, "unlink", unlink)
        ingest(store, write(tmp_path / "b.jsonl", [event(2)]))
    last = len(order) - 1 - order[::-1].index("unlink ids")
    assert "sync ids" in order[last:]


@pytest.mark.parametrize("shape", [(1, 0), (4, 1), (4, 1000)])
def test_an_array_is_read_as_it_was_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    array = np.arange(shape[0] * shape[1], dtype=np.uint64).reshape(shape)
    write_array(tmp_path / "a.npy", array)
    assert np.array_equal(read_array(tmp_path / "a.npy", "<u8", shape[0], "list"), array)
    with ArrayWriter(tmp_path / "b.npy", "<u8", shape) as out:
        for start in range(0, shape[1], 7):
            out.add(array[:, start : start + 7])
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


@pytest.mark.parametrize("how", ["write_array(path, array)", "stream(path, array)"])
def test_an_array_that_does_not_fit_the_disk_is_an_error(tmp_path: Path, how: str) -> None:
    program = textwrap.dedent(
        f"""
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from clickcli.store.arrays import ArrayWriter, write_array
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        path, array = Path(sys.argv[1]), np.zeros((4, 4096), dtype=np.uint64)
        def stream(path, array):
            with ArrayWriter(path, "<u8", array.shape) as out:
                out.add(array)
        try:
            {how}
        except OSError as error:
            sys.exit(error.errno)
        """
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.npy")], check=False)
    assert run.returncode == errno.EFBIG


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"junk" * 40])
def test_a_damaged_array_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(damage)
    with pytest.raises(DataError, match=r"a\.npy"):
        read_array(path, "<u8", 4, "id file")


def test_an_array_of_another_shape_is_damaged(tmp_path: Path) -> None:
    write_array(tmp_path / "a.npy", np.zeros((3, 2), dtype=np.uint64))
    with pytest.raises(DataError, match="is damaged"):
        read_array(tmp_path / "a.npy", "<u8", 4, "id file")


def test_a_file_that_the_system_cannot_read_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        read_array(tmp_path / "missing.npy", "<u8", 4, "id file")
