"""A catalog of an older format becomes one of the present format, and can be asked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clickcli.errors import DataError
from clickcli.store import Store
from clickcli.store.catalog import Catalog
from clickcli.store.schema import FORMAT_VERSION
from tests.store.logs import event, ingest, write

NEW_TABLES = ("given_links", "splits", "suppressions", "consents", "acts")
NEW_COLUMNS = ("removed", "undone")


def layout(path: Path) -> list[tuple[str, str]]:
    """Return every table's columns, in their order."""
    query = (
        "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p"
        " WHERE m.type = 'table' ORDER BY m.name, p.cid"
    )
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def make_first_format(path: Path) -> None:
    """Turn a catalog into what the first version made."""
    with closing(sqlite3.connect(path)) as db:
        for table in NEW_TABLES:
            db.execute(f"DROP TABLE {table}")
        for column in NEW_COLUMNS:
            db.execute(f"ALTER TABLE batches DROP COLUMN {column}")
        db.execute("PRAGMA user_version=1")
        db.commit()


def test_a_catalog_of_the_first_format_is_upgraded_where_it_lies(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with Store.create(root) as store:
        ingest(store, write(tmp_path / "a.jsonl", [event(n) for n in range(9)]))
        info = store.info()
    present = layout(root / "catalog.db")
    make_first_format(root / "catalog.db")
    assert layout(root / "catalog.db") != present
    with Store.open(root) as store:
        assert store.info() == info
    assert layout(root / "catalog.db") == present
    with closing(Catalog.open(root)) as catalog:
        assert catalog.value("PRAGMA user_version") == FORMAT_VERSION


def test_a_store_with_ids_of_an_older_format_takes_no_lines_but_stays_as_it_is(
    tmp_path: Path,
) -> None:
    root, log = tmp_path / "store", write(tmp_path / "a.jsonl", [event(n) for n in range(9)])
    with Store.create(root) as store:
        ingest(store, log)
    make_first_format(root / "catalog.db")
    with Store.open(root) as store:
        info = store.info()
        with pytest.raises(DataError, match="ids of an older format"):
            ingest(store, write(tmp_path / "b.jsonl", [event(9)]))
        assert store.info() == info


def test_an_empty_store_of_an_older_format_takes_lines(tmp_path: Path) -> None:
    root = tmp_path / "store"
    Store.create(root).close()
    make_first_format(root / "catalog.db")
    with Store.open(root) as store:
        ingest(store, write(tmp_path / "a.jsonl", [event(n) for n in range(3)]))
        assert store.info().rows == 3
