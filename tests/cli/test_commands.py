"""Each command does what it says, from files to tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from clickcli.cli.commands.events import separated
from clickcli.errors import unknown
from clickcli.render.files import written
from tests.cli.conftest import Run, log_lines, write_log


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_ingest_makes_the_store_and_gives_the_account(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl")
    ran = run("ingest", "events.jsonl")
    assert ran.code == 0
    (row,) = _rows(ran.out)
    assert int(row["read"]) == int(row["stored"]) == len(log_lines())
    again = run("ingest", "events.jsonl", "-f", "json")
    found = json.loads(again.out)
    assert found["schema"] == "clickcli.ingest.v1"
    assert found["data"][0]["stored"] == 0
    (file,) = found["tables"]["files"]
    assert file["path"].endswith("events.jsonl")
    assert (file["status"], file["read"], file["rejected"]) == ("unchanged", 0, 0)


def test_ingest_tells_phases_on_stderr_unless_quiet(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl")
    quiet = run("ingest", "events.jsonl", "--quiet", "--store", "a")
    loud = run("ingest", "events.jsonl", "--store", "b")
    assert quiet.err == ""
    assert "reading" in loud.err


def test_ingest_expands_patterns_and_counts_a_file_once(run: Run, tmp_path: Path) -> None:
    lines = log_lines()
    write_log(tmp_path / "a1.jsonl", lines[:5])
    (tmp_path / "a2.jsonl.gz").write_bytes(
        gzip.compress(write_log(tmp_path / "rest", lines[5:]).read_bytes())
    )
    ran = run("ingest", "a*", "a1.jsonl", "-f", "json")
    assert json.loads(ran.out)["data"][0]["stored"] == len(lines)


def test_a_dry_run_shows_mapped_rows_and_stores_nothing(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl")
    ran = run("ingest", "events.jsonl", "--dry-run", "-f", "json")
    found = json.loads(ran.out)
    assert found["data"][0]["read"] == len(log_lines())
    assert {row["row"] for row in found["tables"]["sample"]} == {1, 2, 3, 4, 5}
    assert not Path("clickstore").exists()


def test_a_map_says_which_key_is_which_column(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[fields]\nts = "when"\nuser_id = "who.id"\n')
    line = {"event": "view", "when": "2024-03-01T12:00:00Z", "who": {"id": "anna"}}
    (tmp_path / "odd.jsonl").write_text(json.dumps(line) + "\n")
    assert run("ingest", "odd.jsonl", "--map", "map.toml", "-q").code == 0
    (row,) = _rows(run("events", "--columns", "ts,person_id,event_type").out)
    assert row == {"ts": "2024-03-01T12:00:00+00:00", "person_id": "anna", "event_type": "view"}


def test_times_without_an_offset_need_a_zone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "local.jsonl").write_text(
        '{"event":"view","ts":"2024-03-01 12:00","user_id":"a"}\n'
    )
    assert run("ingest", "local.jsonl", "-q").code == 3
    assert run("ingest", "local.jsonl", "-q", "--input-tz", "Europe/Berlin").code == 0
    assert "2024-03-01T11:00:00+00:00" in run("events").out


def test_info_counts_what_was_stored(run: Run, shop: Path) -> None:
    found = json.loads(run("info", "--store", shop, "-f", "json").out)
    (summary,) = found["data"]
    assert summary["events"] == len(log_lines())
    assert summary["people"] == 4
    assert summary["first_event"] == "2024-03-01T10:00:00+00:00"
    types = {row["event_type"]: row["events"] for row in found["tables"]["event_types"]}
    assert types["product_view"] == 12
    assert sum(types.values()) == summary["events"]
    properties = [row["property"] for row in found["tables"]["properties"]]
    assert properties == ["plan"]


def test_info_of_an_empty_store_says_what_to_do(run: Run) -> None:
    assert run("init").code == 0
    ran = run("info")
    assert ran.code == 0
    assert "ingest" in ran.err
    assert _rows(ran.out)[0]["events"] == "0"


def test_events_are_in_order_and_cut_with_a_note(run: Run, shop: Path) -> None:
    everything = _rows(run("events", "--store", shop, "--head", 0, "--columns", "ts,event_id").out)
    assert len(everything) == len(log_lines())
    assert everything == sorted(everything, key=lambda row: row["ts"])
    first = run("events", "--store", shop, "-n", 3, "--columns", "ts,event_id")
    assert _rows(first.out) == everything[:3]
    assert "the first 3 events" in first.err
    last = run("events", "--store", shop, "--tail", 3, "--columns", "ts,event_id")
    assert _rows(last.out) == everything[-3:]
    assert last.err == ""


def test_events_are_filtered_by_type_person_item_and_time(run: Run, shop: Path) -> None:
    def count(*options: object) -> int:
        (row,) = _rows(run("events", "--store", shop, "--count", *options).out)
        return int(row["events"])

    lines = log_lines()
    assert count() == len(lines)
    assert count("--type", "product_view") == 12
    assert count("--type", "product_view", "--type", "purchase") == 13
    assert count("--person", "bert") == 5
    assert count("--item", "p1", "--person", "anna") == 5
    assert count("--where", "country = 'DE'") == 6
    assert count("--where", "properties.plan = 'pro'", "--person", "cleo") == 1
    assert count("--from", "2024-03-09", "--to", "2024-03-10") == 2
    assert count("--to", "2024-03-01") == 0


def test_money_is_shown_in_major_units(run: Run, shop: Path) -> None:
    ran = run("events", "--store", shop, "--type", "purchase", "--columns", "revenue,currency")
    assert _rows(ran.out) == [{"revenue": "9.5", "currency": "EUR"}]


def test_events_by_a_column_are_counts_per_value(run: Run, shop: Path) -> None:
    rows = _rows(run("events", "--store", shop, "--by", "event_type").out)
    assert [(row["event_type"], row["events"], row["people"]) for row in rows] == [
        ("product_view", "12", "3"),
        ("add_to_cart", "2", "2"),
        (r"\x1b[31mhack", "1", "1"),
        ("purchase", "1", "1"),
    ]


def test_a_property_can_be_a_column(run: Run, shop: Path) -> None:
    arguments = ("events", "--store", shop, "--person", "cleo", "--columns")
    rows = _rows(run(*arguments, "properties.plan,item_id").out)
    assert [(row["properties.plan"], row["item_id"]) for row in rows] == [("", "p1"), ("pro", "p2")]


def test_columns_may_be_separated_by_commas_outside_quotes() -> None:
    given = ("a,b", 'properties."x,y",c', " d ")
    assert separated(given) == ("a", "b", 'properties."x,y"', "c", "d")


def test_a_funnel_of_the_shop_is_right(run: Run, shop: Path) -> None:
    ran = run("funnel", "product_view", "add_to_cart", "purchase", "--store", shop, "-f", "json")
    data = json.loads(ran.out)["data"]
    assert [row["people"] for row in data] == [3, 2, 1]


def test_who_lists_the_people_of_a_cell_as_json_lines(run: Run, shop: Path) -> None:
    arguments = ("funnel", "product_view", "add_to_cart", "--store", shop, "--who", "step:2")
    ran = run(*arguments)
    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {"person_id": "anna", "is_known": True},
        {"person_id": "bert", "is_known": True},
    ]
    assert "anna" in run(*arguments, "-f", "table").out


def test_explain_tells_definition_receipt_and_columns_on_stderr(run: Run, shop: Path) -> None:
    arguments = ("funnel", "product_view", "purchase", "--store", shop)
    plain, explained = run(*arguments), run(*arguments, "--explain")
    assert plain.out == explained.out
    assert "Definition" in explained.err
    assert "This answer:" in explained.err
    assert "Columns of steps:" in explained.err


def test_a_file_is_written_whole_in_the_format_of_its_ending(run: Run, shop: Path) -> None:
    ran = run("info", "--store", shop, "-o", "info.json", "--meta", "meta.json")
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(Path("info.json").read_text())["schema"] == "clickcli.info.v1"
    assert json.loads(Path("meta.json").read_text())["schema"] == "clickcli.info.v1"
    assert sorted(path.name for path in Path().iterdir()) == ["info.json", "meta.json"]


def test_a_file_keeps_its_permissions_and_a_link_its_target(run: Run, shop: Path) -> None:
    Path("target.csv").write_text("old")
    Path("target.csv").chmod(0o640)
    Path("link.csv").symlink_to("target.csv")
    assert run("info", "--store", shop, "-o", "link.csv").code == 0
    assert Path("link.csv").is_symlink()
    assert Path("target.csv").read_text().startswith("store,events")
    assert stat.S_IMODE(Path("target.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("option", ["--output", "--meta"])
def test_a_file_inside_a_store_is_not_written(run: Run, shop: Path, option: str) -> None:
    catalog = (shop / "catalog.db").read_bytes()
    for place in (shop / "catalog.db", shop / "events" / "x.csv"):
        ran = run("info", "--store", str(shop), "-f", "csv", option, str(place))
        assert (ran.code, ran.out) == (2, "")
        assert f"{option} must be outside the store" in ran.err
    assert (shop / "catalog.db").read_bytes() == catalog
    assert not (shop / "events" / "x.csv").exists()


def test_a_long_name_is_cut_in_a_hint() -> None:
    hint = unknown("item", "a", ["x" * 10_000, "y"]).hint
    assert hint == f"known: {'x' * 80}…, y"


def test_a_file_in_no_folder_is_an_error(run: Run, shop: Path) -> None:
    ran = run("info", "--store", shop, "-o", "no/where.csv")
    assert ran.code == 74
    assert "the folder must exist" in ran.err


def test_a_reader_that_goes_away_is_no_fault_of_the_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def pieces() -> Iterator[bytes]:
        os.close(reader)
        yield b"x"

    with pytest.raises(BrokenPipeError):
        written(str(pipe), pieces())


def test_a_dash_is_stdout(run: Run, shop: Path) -> None:
    assert run("info", "--store", shop, "-o", "-", "-f", "csv").out.startswith("store,events")


@pytest.mark.parametrize("name", ["table", "json", "jsonl", "csv", "tsv", "md"])
def test_data_is_on_stdout_and_notes_are_on_stderr(run: Run, shop: Path, name: str) -> None:
    ran = run("active", "--store", shop, "-f", name)
    assert ran.code == 0
    assert "note:" not in ran.out
    assert ran.err == "" or "note: " in ran.err


def test_binary_formats_go_through_a_pipe(run: Run, shop: Path) -> None:
    import polars as pl

    assert run("events", "--store", shop, "-n", 0, "-o", "events.parquet").code == 0
    assert pl.read_parquet("events.parquet").height == len(log_lines())


def test_quiet_and_verbose(run: Run, shop: Path) -> None:
    arguments = ("funnel", "product_view", "purchase", "--store", shop)
    assert run(*arguments, "--quiet").err == ""
    assert "read " in run(*arguments, "--verbose").err


def test_init_writes_a_configuration_once(run: Run) -> None:
    assert run("init").code == 0
    assert 'store = "clickstore"' in Path("clickcli.toml").read_text()
    assert run("info").code == 0
    again = run("init")
    assert again.code == 2
    assert "is there already" in again.err


def test_version(run: Run) -> None:
    from clickcli import __version__

    assert run("--version").out == f"clickcli {__version__}\n"
