"""batches, undo, compact and verify at the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from clickcli.store import Store
from clickcli.store.lock import WriterLock
from tests.cli.conftest import Run, log_lines, write_log


@pytest.fixture
def three(run: Run, tmp_path: Path) -> Path:
    """Return a store of three batches: the second has rejects and repeats lines of the first."""
    lines = log_lines()
    write_log(tmp_path / "a.jsonl", lines[:6])
    write_log(tmp_path / "b.jsonl", lines[4:10])
    with (tmp_path / "b.jsonl").open("a") as stream:
        stream.write("{\n")
    write_log(tmp_path / "c.jsonl", lines[10:])
    for name in "abc":
        assert run("ingest", f"{name}.jsonl", "-q", "--max-error-rate", "1").code == 0
    return tmp_path / "clickstore"


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a TSV."""
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_batches_lists_the_ingests_with_their_account(run: Run, three: Path) -> None:
    ran = run("batches")
    assert (ran.code, ran.err) == (0, "")
    table = rows(ran.out)
    assert [row["batch"] for row in table] == ["b000001", "b000002", "b000003"]
    second = table[1]
    numbers = {name: int(second[name]) for name in ("read", "stored", "duplicates", "rejected")}
    assert numbers == {"read": 7, "stored": 4, "duplicates": 2, "rejected": 1}
    assert (second["removed"], second["undone"]) == ("0", "")


def test_undo_says_what_goes_and_what_to_ingest_again(run: Run, three: Path) -> None:
    planned = run("undo", "b000001", "--dry-run", "-f", "json")
    done = run("undo", "b000001", "-f", "json")
    assert (planned.code, done.code) == (0, 0)
    found = json.loads(done.out)
    assert found["schema"] == "clickcli.undo.v1"
    assert found["data"][0]["events"] == json.loads(planned.out)["data"][0]["events"] == 6
    assert (found["meta"], json.loads(planned.out)["meta"]) == (
        {"dry_run": False}, {"dry_run": True},
    )  # fmt: skip
    sources = {Path(row["path"]).name: row["read_by"] for row in found["tables"]["sources"]}
    assert sources == {"a.jsonl": "this", "b.jsonl": "other"}
    assert "ingest all files" in done.err
    assert [row["undone"] != "" for row in rows(run("batches").out)] == [True, False, False]
    again = run("ingest", "a.jsonl", "b.jsonl", "-f", "json", "--max-error-rate", "1")
    assert json.loads(again.out)["data"][0]["stored"] == 6
    assert run("verify").code == 0


def test_undo_of_an_unknown_batch_suggests_one(run: Run, three: Path) -> None:
    ran = run("undo", "b00002")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean b000002" in ran.err
    run("undo", "b000002")
    ran = run("undo", "b000002")
    assert (ran.code, ran.out) == (2, "")
    assert "already" in ran.err


@pytest.mark.parametrize("command", ["undo b000001", "compact"])
def test_a_locked_store_is_left_alone(run: Run, three: Path, command: str) -> None:
    with WriterLock(three):
        ran = run(*command.split())
        assert (ran.code, ran.out) == (5, "")
        assert "--wait" in ran.err


def test_compact_shows_files_and_bytes_before_and_after(run: Run, three: Path) -> None:
    ran = run("compact", "-f", "json", "-q")
    found = json.loads(ran.out)
    (row,) = found["data"]
    assert (ran.code, ran.err) == (0, "")
    assert row["files_before"] > row["files_after"] == row["dates"]
    assert row["bytes_before"] > row["bytes_after"]
    assert sum(one["events"] for one in found["tables"]["dates"]) < row["events"] == 16
    (row,) = rows(run("compact", "--date", "2024-03-01").out)
    assert (row["merged"], row["dates"]) == ("0", "1")
    for bad in ("2024-02-30", "yesterday", "2020-01-01", "\x1b[2J"):
        ran = run("compact", "--date", bad)
        assert (ran.code, ran.out) == (2, "")
        assert "\x1b" not in ran.err


def test_verify_exits_with_3_and_names_what_is_damaged(run: Run, three: Path) -> None:
    fine = run("verify")
    assert (fine.code, rows(fine.out)) == (0, [])
    assert "nothing is wrong" in fine.err
    quick = run("verify", "--quick", "-f", "json")
    (account,) = json.loads(quick.out)["tables"]["summary"]
    assert (account["findings"], account["events"]) == (0, 16)
    with Store.open(three) as store:
        path = Path(store.dataset().files[0].path)
    data = bytearray(path.read_bytes())
    data[40] ^= 2
    path.write_bytes(data)
    (three / "\x1b[31mstrange").write_text("")
    broken = run("verify")
    assert broken.code == 3
    assert [(row["severity"], Path(row["file"]).name) for row in rows(broken.out)] == [
        ("error", path.name),
        ("warning", r"\x1b[31mstrange"),
    ]
    assert run("verify", "-f", "json", "-o", "found.json").code == 3
    assert len(json.loads(Path("found.json").read_text())["data"]) == 2


@pytest.mark.parametrize("command", ["batches", "verify", "compact"])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "tsv", "md", "parquet", "arrow"])
def test_an_empty_store_gives_empty_tables_in_every_format(
    run: Run, tmp_path: Path, command: str, form: str
) -> None:
    Store.create(tmp_path / "clickstore").close()
    ran = run(command, "-f", form, "-o", "out", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "out").stat().st_size > 0 or form == "jsonl"


@pytest.mark.parametrize("command", ["batches", "verify", "compact", "undo b000001"])
def test_without_a_store_there_is_an_error_with_a_way_out(run: Run, command: str) -> None:
    ran = run(*command.split())
    assert (ran.code, ran.out) == (3, "")
    assert "clickcli ingest" in ran.err
