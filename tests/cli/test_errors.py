"""Errors: exit code, what stderr says, and nothing on stdout."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import NoReturn

import pytest

from clickcli.cli.failures import report
from clickcli.errors import EXIT_CODES
from tests.cli.conftest import Run, write_log

CASES = [
    (("funel",), 2, "unknown command 'funel'", "did you mean funnel?"),
    (("config", "shw"), 2, "unknown command 'config shw'", "known: show"),
    (("info", "--stroe", "x"), 2, "unknown option '--stroe'", "did you mean --store?"),
    (("info", "--store"), 2, "--store needs a value", ""),
    (("info", "extra"), 2, "unexpected extra argument", "clickcli info --help"),
    (("ingest",), 2, "FILE is missing", "clickcli ingest events.jsonl"),
    (("funnel",), 2, "STEP is missing", "clickcli funnel"),
    (("funnel", "a", "b", "--order", "srict"), 2, "--order must be one of ordered, strict, any",
     "did you mean strict?"),
    (("funnel", "a", "b", "--top", "0"), 2, "--top must be at least 1, was 0", ""),
    (("funnel", "a", "b", "--top", "many"), 2, "--top must be a whole number, was 'many'", ""),
    (("ingest", "x", "--max-error-rate", "nan"), 2, "--max-error-rate must be a number", ""),
    (("info", "-f", "jsn"), 2, "unknown format 'jsn'", "did you mean json"),
    (("info", "-o", "x.doc"), 2, "names no format", "give -f"),
    (("info", "--color", "allways"), 2, "--color must be one of", "did you mean always?"),
    (("info",), 3, "clickstore", "clickcli ingest"),
    (("info", "--store", "nowhere"), 3, "nowhere", "clickcli ingest"),
    (("ingest", "nowhere.jsonl"), 3, "nowhere.jsonl does not exist", "check the path"),
    (("ingest", "*.nothing"), 2, "no file matches '*.nothing'", ""),
    (("ingest", "-", "-"), 2, "given twice", ""),
    (("ingest", "-", "--currency", "EURO"), 2, "--currency must be", ""),
    (("ingest", "-", "--input-tz", "Mars"), 2, "unknown time zone 'Mars'", ""),
    (("ingest", "-", "--map", "nowhere.toml"), 74, "nowhere.toml", ""),
    (("events", "--head", "1", "--tail", "1"), 2, "contradict", "one of them"),
    (("demo", "--keep", "."), 2, "is there already", "new folder"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"), CASES, ids=[" ".join(case[0]) for case in CASES]
)
def test_an_error_says_what_and_what_to_do(
    run: Run, arguments: tuple[str, ...], code: int, error: str, hint: str
) -> None:
    ran = run(*arguments)
    assert ran.code == code
    assert ran.out == ""
    first, *rest = ran.err.rstrip("\n").split("\n")
    assert first.startswith("clickcli: error: ")
    assert error in first
    assert all(line.startswith("hint: ") for line in rest)
    assert hint in "\n".join(rest)
    assert len(rest) <= 1


STORE_CASES = [
    (("funnel", "product_view", "purchse"), "unknown event type 'purchse'",
     "did you mean purchase?"),
    (("funnel", "product_view", "purchase", "--by", "devise_type"),
     "unknown column 'devise_type'", "did you mean device_type"),
    (("funnel", "product_view", "purchase", "--table", "stps"), "unknown table 'stps'",
     "did you mean steps?"),
    (("funnel", "product_view", "purchase", "--last", "1d", "--from", "2024-03-01"),
     "contradict", "one of them"),
    (("funnel", "product_view", "purchase", "--tz", "Europe/Berln"),
     "unknown time zone", "did you mean Europe/Berlin"),
    (("funnel", "product_view", "purchase", "--from", "yesterday"), "must be a date", "examples"),
    (("funnel", "product_view", "purchase", "--where", "country = "), "", ""),
    (("funnel", "product_view", "purchase", "--engine", "sparks"), "unknown engine", "spark"),
    (("events", "--type", "purchse"), "unknown event type", "did you mean purchase?"),
    (("events", "--columns", "item"), "unknown column 'item'", ""),
    (("events", "--count", "--tail", "3"), "leave out --tail", ""),
    (("events", "--table", "x"), "unknown table 'x'", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error", "hint"), STORE_CASES, ids=[" ".join(case[0]) for case in STORE_CASES]
)
def test_words_of_the_store_are_suggested(
    run: Run, shop: Path, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    ran = run(*arguments, "--store", shop)
    assert ran.code == 2
    assert ran.out == ""
    assert error in ran.err.split("\n")[0]
    assert hint in ran.err


def test_no_command_prints_the_page_to_stderr(run: Run) -> None:
    ran = run()
    assert ran.code == 2
    assert ran.out == ""
    assert "Usage: clickcli COMMAND" in ran.err


def test_too_many_bad_lines_refuse_the_whole_batch(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("junk\n" * 10)
    ran = run("ingest", "bad.jsonl")
    assert ran.code == 3
    assert ran.out == ""
    assert "error rate" in ran.err or "10 of 10" in ran.err


def test_a_folder_is_not_a_log(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    ran = run("ingest", "folder")
    assert ran.code == 3
    assert ran.out == ""


def test_a_store_of_a_newer_version_is_refused(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl")
    assert run("ingest", "events.jsonl", "-q").code == 0
    with sqlite3.connect("clickstore/catalog.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    ran = run("info")
    assert (ran.code, ran.out) == (3, "")
    assert "newer" in ran.err


def test_an_unreadable_file_is_an_input_error(run: Run, tmp_path: Path) -> None:
    path = write_log(tmp_path / "events.jsonl")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything")
    assert run("ingest", path).code == 74


def test_a_store_that_another_process_writes_to_is_locked(run: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "events.jsonl")
    assert run("init", "-q").code == 0
    with Path("clickstore/lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = run("ingest", "events.jsonl", "-q")
        assert (ran.code, ran.out) == (5, "")
        assert "hint: " in ran.err
        assert run("info").code == 0
    assert run("ingest", "events.jsonl", "-q").code == 0


def test_bytes_that_are_no_text_are_refused(run: Run, shop: Path) -> None:
    ran = run("events", "--store", shop, "--person", "\udcff")
    assert ran.code == 2
    assert "--person must be valid UTF-8" in ran.err


def test_names_with_escapes_cannot_reach_the_terminal(run: Run) -> None:
    ran = run("info", "--store", "no\x1b[31mwhere")
    assert "\x1b" not in ran.err
    assert "␛[31m" in ran.err


class _Broken(Exception):
    """Something that nobody expected."""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (_Broken("why"), 70, "internal error: _Broken: why"),
        (OSError(28, "No space left on device", "x"), 74, "No space left on device"),
        (PermissionError(13, "Permission denied", "x"), 74, "Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 70, "out of memory"),
    ],
)
def test_what_goes_wrong_has_its_exit_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert code in EXIT_CODES
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err
    assert "Traceback" not in err


def test_a_traceback_is_printed_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> NoReturn:
        raise _Broken("why")

    with pytest.raises(_Broken) as caught:
        fail()
    assert report(caught.value) == 70
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("CLICKCLI_DEBUG", "1")
    assert report(caught.value) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_leaves_no_half_file(run: Run, shop: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    ran = run("info", "--store", shop, "-f", "json", "-o", "/dev/full")
    assert ran.code == 74
    assert ran.out == ""
    assert "No space left" in ran.err
