"""What is computed from events: dropped when events go, to be made anew from what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clickcli.store.catalog import Catalog
from clickcli.store.layout import empty_folder, storage_errors, sync_folder
from clickcli.store.rework import Rework

FOLDERS: Final = ("derived", "models")
"""Folders of what is computed from events, and kinds of files in the catalog."""
RECEIPT: Final = "derived"
"""Key of the catalog's ``meta`` under which the receipt of derived tables is."""


def derived_files(catalog: Catalog) -> list[Path]:
    """Return the files of derived tables and models."""
    folders = [catalog.root / name for name in FOLDERS]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def drop_derived(catalog: Catalog, work: Rework) -> None:
    """Take derived tables and models out of the catalog with the commit."""
    for kind in FOLDERS:
        for file in catalog.files(kind):
            work.drop(file.path)
    work.also(lambda db: db.execute("DELETE FROM meta WHERE key = ?", (RECEIPT,)))


def remove_derived(catalog: Catalog) -> None:
    """Empty the folders of derived tables and models, after the commit."""
    with storage_errors(f"cannot write the store {catalog.root}"):
        for name in FOLDERS:
            folder = catalog.root / name
            empty_folder(folder)
            if folder.is_dir():
                sync_folder(folder)
