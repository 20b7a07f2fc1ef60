"""The key of a store: made at first need, outside it, for its owner only, and never guessed."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

import pytest

from clickcli.errors import DataError, StorageError
from clickcli.store import Store
from clickcli.store.privacy.keys import Key, fingerprint
from tests.store.logs import event, ingest, write


def key_of(store: Store) -> Path:
    return store.path.parent / "store.key"


def opt_out(store: Store, *ids: str, key_file: str | None = None) -> None:
    store.privacy(key_file).consent("opt_out", ids)


def test_a_store_that_needs_no_key_has_none(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "log", [event(1)]))
    assert not key_of(store).exists()
    assert fingerprint(store._catalog) is None


def test_the_first_list_makes_a_key_beside_the_store_for_its_owner_only(store: Store) -> None:
    opt_out(store, "anna")
    path = key_of(store)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert list(path.parent.glob("*.part")) == []
    before = path.read_bytes()
    opt_out(store, "bert")
    assert path.read_bytes() == before


def test_a_key_elsewhere_is_used_where_it_is_named(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "keys"
    elsewhere.mkdir()
    opt_out(store, "anna", key_file=str(elsewhere / "shop.key"))
    assert (elsewhere / "shop.key").exists()
    assert not key_of(store).exists()


def test_stores_may_share_a_key(tmp_path: Path) -> None:
    shared = str(tmp_path / "shared.key")
    with Store.create(tmp_path / "one") as one, Store.create(tmp_path / "two") as two:
        opt_out(one, "anna", key_file=shared)
        opt_out(two, "anna", key_file=shared)
        assert fingerprint(one._catalog) == fingerprint(two._catalog)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_key_that_others_can_open_is_refused(store: Store, mode: int) -> None:
    opt_out(store, "anna")
    key_of(store).chmod(mode)
    with pytest.raises(DataError, match=f"owner only, was {mode:04o}"):
        opt_out(store, "bert")


def test_a_key_inside_the_store_is_refused(store: Store, tmp_path: Path) -> None:
    inside = store.path / "events" / "my.key"
    with pytest.raises(DataError, match="outside the store"):
        opt_out(store, "anna", key_file=str(inside))
    (tmp_path / "link").symlink_to(store.path)
    with pytest.raises(DataError, match="outside the store"):
        opt_out(store, "anna", key_file=str(tmp_path / "link" / "my.key"))
    assert store.privacy().lists().opted_out == 0


def test_a_key_that_is_a_link_is_refused(store: Store, tmp_path: Path) -> None:
    opt_out(store, "anna")
    key_of(store).rename(tmp_path / "real.key")
    key_of(store).symlink_to(tmp_path / "real.key")
    with pytest.raises(DataError, match="must not be a link"):
        opt_out(store, "bert")


def test_a_dangling_link_makes_no_key(store: Store, tmp_path: Path) -> None:
    key_of(store).symlink_to(tmp_path / "nowhere.key")
    with pytest.raises(DataError, match="must not be a link"):
        opt_out(store, "anna")
    assert not (tmp_path / "nowhere.key").exists()


@pytest.mark.parametrize(
    "text", ["", "00", "g" * 64, "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n\n"]
)
def test_a_file_that_is_no_key_is_refused(store: Store, text: str) -> None:
    key_of(store).write_text(text)
    key_of(store).chmod(0o600)
    with pytest.raises(DataError, match="is not a key file"):
        opt_out(store, "anna")


def test_what_is_no_file_is_no_key(store: Store) -> None:
    key_of(store).mkdir(mode=0o700)
    with pytest.raises(DataError, match="regular file"):
        opt_out(store, "anna")
    key_of(store).rmdir()
    os.mkfifo(key_of(store), 0o600)
    with pytest.raises(DataError, match="regular file"):
        opt_out(store, "anna")


def test_another_key_than_the_stores_is_refused(store: Store) -> None:
    opt_out(store, "anna")
    key_of(store).write_text("0" * 64)
    with pytest.raises(DataError, match="is not the key of the store"):
        opt_out(store, "bert")


def test_a_missing_key_stops_an_ingest_rather_than_letting_people_back_in(
    store: Store, tmp_path: Path
) -> None:
    log = write(tmp_path / "log", [event(1, user_id="anna"), event(2, user_id="bert")])
    opt_out(store, "anna")
    key = key_of(store).read_bytes()
    key_of(store).unlink()
    with pytest.raises(DataError, match="key of the store is missing") as raised:
        ingest(store, log)
    assert raised.value.hint is not None
    assert "CLICKCLI_KEY_FILE" in raised.value.hint
    assert store.info().rows == 0
    key_of(store).write_bytes(key)
    key_of(store).chmod(0o600)
    assert ingest(store, log).suppressed == 1


def test_a_missing_key_is_not_made_anew_by_another_list(store: Store) -> None:
    opt_out(store, "anna")
    key_of(store).unlink()
    with pytest.raises(DataError, match="missing"):
        opt_out(store, "bert")
    assert not key_of(store).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_no_key_is_an_error_of_storage(store: Store, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="key file"):
        opt_out(store, "anna", key_file=str(locked / "k"))


def test_a_folder_that_is_not_there_is_an_error_of_storage(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot make the key file"):
        opt_out(store, "anna", key_file=str(tmp_path / "none" / "k"))


def test_digests_are_hmac_sha256_cut_to_128_bits_and_tell_users_from_devices() -> None:
    key = Key(Path("k"), bytes(range(32)))
    expected = hmac.new(bytes(range(32)), b"u:anna", "sha256").digest()[:16]
    assert key.digest("user", "anna") == expected
    assert key.digest("device", "anna") != expected
    assert key.pseudonym("user", "anna") == "h_" + expected.hex()


def test_a_pseudonym_is_not_hashed_again() -> None:
    key = Key(Path("k"), bytes(32))
    once = key.pseudonym("user", "anna")
    assert key.pseudonym("user", once) == once
    assert key.digest("user", once) == key.digest("user", "anna")


def test_a_key_shows_nothing_of_itself() -> None:
    key = Key(Path("k"), b"\x17" * 32)
    assert "17" not in repr(key)
    assert "\\x17" not in repr(key)
