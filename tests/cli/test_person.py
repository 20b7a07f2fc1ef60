"""The command `person`: what it prints, what it refuses, whom its files are open to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickcli.analysis import Column, Table
from clickcli.render.as_table import write
from clickcli.render.page import Page, Style, sheet_of_rows
from tests.cli.conftest import Run
from tests.cli.hostile import TEXTS

OF_ONE_TABLE = ["jsonl", "csv", "tsv", "md", "parquet", "arrow"]
OF_ALL = ["table", "json", "sqlite"]
TABLES = [
    "person", "scores", "activity", "preferences", "recommendations", "carts", "content",
    "sessions", "devices", "events",
]  # fmt: skip


def page(run: Run, *arguments: object) -> Any:
    ran = run("person", *arguments, "-f", "json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_json_holds_every_table(run: Run, shop: Path) -> None:
    found = page(run, "anna", "--store", shop)
    assert found["schema"] == "clickcli.person.v1"
    assert [found["data"][0][name] for name in ("person_id", "is_known")] == ["anna", True]
    assert ["person", *found["tables"]] == TABLES
    assert found["tables"]["activity"][0]["purchases"] == 1
    assert found["meta"]["tz"] == "UTC"


def test_a_terminal_shows_names_and_values_and_leaves_out_empty_tables(
    run: Run, shop: Path
) -> None:
    ran = run("person", "anna", "--store", shop, "-f", "table")
    lines = ran.out.splitlines()
    assert lines[0] == "User anna"
    assert "stage           low engagement" in lines
    assert ["purchases", "1"] in [line.split() for line in lines]
    assert not any(line.startswith("content ·") for line in lines)
    assert ["segment", "hibernating"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80
    assert ran.err == "note: no recommendations: no model is trained: clickcli train\n"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", [*OF_ALL, *OF_ONE_TABLE])
def test_every_table_in_every_format(
    run: Run, shop: Path, tmp_path: Path, kind: str, table: str
) -> None:
    out = tmp_path / "out.bin"
    asked = ("person", "anna", "--store", shop, "--table", table, "-f", kind, "-o", out, "-q")
    ran = run(*asked)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert out.stat().st_size or kind == "jsonl"


@pytest.mark.parametrize("kind", [*OF_ALL, *OF_ONE_TABLE])
def test_a_format_of_one_table_says_which_it_is(
    run: Run, shop: Path, tmp_path: Path, kind: str
) -> None:
    ran = run("person", "anna", "--store", shop, "-f", kind, "-o", tmp_path / "out.bin")
    told = "this is the table person; --table: scores, activity, preferences, recommendations"
    assert (told in " ".join(ran.err.split())) == (kind in OF_ONE_TABLE)


def test_a_long_card_stands_in_two_columns_where_there_is_room() -> None:
    names = [f"name_{number:02d}" for number in range(13)]
    schema = Table("card", "A card.", tuple(Column(n, "string", "text", n) for n in names), ())

    def shown(value: str, width: int | None) -> list[str]:
        page = Page("card", 1, (sheet_of_rows(schema, [(value,) * 13], is_card=True),))
        return b"".join(write(page, Style(width=width))).decode().splitlines()[1:]

    wide = shown("日本", 160)
    assert len(wide) == 7
    assert wide[0] == "name 00  日本" + " " * 67 + "name 07  日本"  # 13 + 67 = half of 160
    assert wide[6] == "name 06  日本"
    assert [len(shown("日本", width)) for width in (None, 80, 119, 120)] == [13, 13, 13, 7]
    assert len(shown("x" * 72, 160)) == 13


def test_a_file_is_for_its_owner_only(run: Run, shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "anna.json"
    assert run("person", "anna", "--store", shop, "-o", out).code == 0
    assert out.stat().st_mode & 0o777 == 0o600


REFUSED: dict[str, tuple[tuple[object, ...], int, str]] = {
    "nobody": ((), 2, "give one of ID and --device"),
    "two": (("anna", "--device", "x"), 2, "give one of ID and --device"),
    "an unknown id": (("annna",), 2, "did you mean anna?"),
    "a placeholder": (("guest",), 2, "'guest' means nobody"),
    "an unknown table": (("anna", "--table", "session"), 2, "did you mean sessions"),
    "a bad time": (("anna", "--as-of", "soon"), 2, "a time must be"),
    "a bad zone": (("anna", "--tz", "Mars"), 2, "unknown time zone"),
    "a bad span": (("anna", "--timeout", "x"), 2, "a duration must be"),
    "before all": (("anna", "--as-of", "2020-01-01"), 2, "no event up to as-of"),
    "what it does not take": (("anna", "--by", "country"), 2, "--by"),
    "no store": (("anna", "--store", "nowhere"), 3, "does not exist"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_told(run: Run, shop: Path, name: str) -> None:
    arguments, code, message = REFUSED[name]
    store = () if "--store" in arguments else ("--store", shop)
    ran = run("person", *arguments, *store)
    assert (ran.code, ran.out) == (code, "")
    assert message in " ".join(ran.err.split())


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_hostile_id_is_shown_not_obeyed(run: Run, shop: Path, number: int) -> None:
    ran = run("person", "--store", shop, "--", TEXTS[number].replace("\x00", "\x01"))
    assert (ran.code, ran.out) == (2, "")
    assert "\x1b" not in ran.err
    assert "\u202e" not in ran.err


def test_hostile_texts_are_shown_not_obeyed(run: Run, shop: Path) -> None:
    ran = run("person", "dora", "--store", shop, "-f", "table")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "[bold]x[/bold]" in ran.out


def test_thresholds_come_from_the_configuration(run: Run, shop: Path) -> None:
    Path("clickcli.toml").write_text(
        '[person]\nlow_events = 3\n[[person.actions]]\naction = "thank"\nmin_purchases = 1\n'
    )
    (row,) = page(run, "anna", "--store", shop)["data"]
    assert (row["stage"], row["next_action"], row["reason"]) == ("active", "thank", "1 purchase")
    (row,) = page(run, "bert", "--store", shop)["data"]
    assert (row["next_action"], row["reason"]) == (None, None)


def test_the_configuration_is_shown(run: Run) -> None:
    shown = json.loads(run("config", "show", "-f", "json").out)["data"]
    values = {row["key"]: row["value"] for row in shown}
    assert values["person.actions"].startswith("cart abandoned: recover_cart, intent buying and")
    assert values["person.new_days"] == "1"


def test_an_empty_store_has_nobody(run: Run, tmp_path: Path) -> None:
    assert run("init", "-q").code == 0
    ran = run("person", "anna")
    assert (ran.code, ran.out) == (2, "")
    assert "unknown user 'anna'" in ran.err
