"""What holds for every check, and the tables that they are put into."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickcli.doctor import Finding, Severity
from clickcli.doctor.check import Check, Found, Least, about, listed, shortened
from clickcli.doctor.diagnosis import FINDINGS, MOST, diagnose
from clickcli.doctor.registry import chosen, load_all, names
from clickcli.errors import Undecidable, UsageError
from tests.doctor.world import Line, line, numbered, steady, store


def _messy() -> list[Line | bytes]:
    """Return a log with something for many checks."""
    lines: list[Any] = numbered(steady(range(30)) + steady(range(20), event="order", a_day=30))
    lines += [line("tap", n / 40, n, user_id=None, anonymous_id=f"x{n}") for n in range(200)]
    lines += [
        line("page_view", n / 40, price=-n, currency="EUR", item_id="\x1b[31m") for n in range(40)
    ]
    lines += [line("tap", 1, n, properties={"v": n if n % 2 else str(n)}) for n in range(40)]
    lines += [b"\0", b'{"cut', b"[]"]
    return lines


@pytest.mark.parametrize("check", load_all(), ids=lambda check: str(check.name))
def test_every_check_says_what_it_is(check: Check[Any]) -> None:
    assert check.help.endswith(".")
    assert check.name.replace("_", "").isalpha()
    assert check.threshold_text()
    assert "{" not in check.threshold_text()
    assert check.unit[0].islower()


def test_names_are_unique_and_sorted() -> None:
    assert names() == sorted(set(names()))
    assert len(names()) > 30


def test_an_unknown_check_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="unknown check 'clock_skwe'") as caught:
        chosen(["clock_skwe"])
    assert caught.value.hint == "did you mean clock_skew?"


def test_an_empty_store_and_an_empty_period_cannot_be_judged() -> None:
    with store() as log, pytest.raises(Undecidable, match="the store is empty"):
        log.doctor()
    with store(numbered(steady([0]))) as log:
        with pytest.raises(Undecidable, match="the period has no events"):
            log.doctor(from_="2030-01-01")
        with pytest.raises(UsageError, match="unknown option"):
            log.doctor(where=["ts is null"])


def test_a_single_event_is_looked_at_without_alarm() -> None:
    with store([line("view", 0)]) as log:
        assert log.doctor().to_polars().height == 0


def test_events_of_nobody_and_nothing_else() -> None:
    lines = [{"event": "e", "ts": f"2024-03-04T00:00:{n:02d}Z"} for n in range(30)]
    with store(lines) as log:
        found = log.doctor().to_polars()
    assert found.select("severity", "check").rows() == [("info", "nobody")]


def test_the_order_of_lines_and_ingests_changes_nothing_but_what_is_about_arrival() -> None:
    lines = _messy()
    mixed = lines.copy()
    random.Random(1).shuffle(mixed)
    with store(lines) as one, store(mixed[:500], mixed[500:]) as other:
        checks = [name for name in names() if name not in ("out_of_order", "rejects")]
        first, second = (
            log.doctor(checks=checks).to_polars().drop("example") for log in (one, other)
        )
    assert first.height > 3
    assert first.equals(second)


def test_two_runs_give_equal_tables_in_the_declared_order() -> None:
    with store(_messy()) as log:
        first, second = log.doctor(), log.doctor()
    frame = first.to_polars()
    assert frame.equals(second.to_polars())
    assert frame.columns == FINDINGS.names()
    assert frame.select("check", "subject").is_unique().all()
    ranks = [Severity(text).rank for text in frame["severity"]]
    assert ranks == sorted(ranks)
    assert first.meta["findings"] == {
        severity.value: frame.filter(pl.col("severity") == severity.value).height
        for severity in Severity
    }
    shares = frame.drop_nulls("share")
    assert shares["share"].is_between(0, 1).all()
    assert ((shares["events"] / shares["all"]) == shares["share"]).all()


def test_every_check_is_in_the_second_table_whatever_it_found() -> None:
    with store(_messy()) as log:
        result = log.doctor()
    checks = result.to_polars("checks")
    assert checks["check"].to_list() == names()
    counted = result.to_polars().group_by("check").len()
    assert dict(counted.iter_rows()) == {
        name: number for name, number in checks.select("check", "findings").iter_rows() if number
    }


def test_too_many_findings_of_a_check_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(
        Finding(Severity.WARNING, f"s{n:02d}" if n else "x" * 500, 100 - n, None, "odd", n, n + 1)
        for n in range(MOST + 5)
    )
    check = Check("made", "A made check.", Least(), "any", "events", lambda *_: Found(1, many))
    monkeypatch.setattr("clickcli.doctor.diagnosis.chosen", lambda _: (check,))
    with store([line("view", 0)]) as log:
        result = diagnose(log._evidence({}, None))
    frame = result.to_polars()
    assert frame.height == MOST + 1
    assert max(map(len, frame["subject"])) == 200
    last = frame.row(-1, named=True)
    assert last["subject"] == "(5 more)"
    assert last["events"] == sum(100 - n for n in range(MOST, MOST + 5))
    assert result.meta["findings"]["warning"] == MOST + 5


def test_subjects_that_look_alike_when_shortened_stay_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twins = tuple(Finding(Severity.INFO, "x" * 300 + end, 1, 1, "odd") for end in "ab")
    check = Check("made", "A made check.", Least(), "any", "events", lambda *_: Found(1, twins))
    monkeypatch.setattr("clickcli.doctor.diagnosis.chosen", lambda _: (check,))
    with store([line("view", 0)]) as log:
        frame = diagnose(log._evidence({}, None)).to_polars()
    assert frame["subject"].n_unique() == 2


def test_words_for_durations_and_lists() -> None:
    assert about(500_000) == "500ms"
    assert about(59_400_000) == "59s"
    assert about(7_199_600_000) == "2h"
    assert about(3 * 86_400_000_000 + 7_300_000_000) == "3d2h"
    assert listed(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert shortened("x" * 61).endswith("…")
    assert len(shortened("x" * 61)) == 60


def test_naming_the_checks_imports_nothing_heavy() -> None:
    code = (
        "import sys; from clickcli.cli.commands import doctor;"
        "heavy = ('polars', 'numpy', 'narwhals', 'pyarrow', 'orjson');"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(__file__).parent,
    )  # fmt: skip
    assert ran.stdout.strip() == "[]"
