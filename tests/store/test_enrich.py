"""What ingest adds to a line: what was given stays, what was not is filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.store import Store
from clickcli.store.enrich import enriched, host_column
from clickcli.store.normalise import typed_column
from tests.store.logs import event, ingest, only, write

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.1 Mobile Safari/604.1"
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


def stored(folder: Path, **fields: Any) -> dict[str, Any]:
    """Return the row that a line becomes, with its properties decoded."""
    with Store.create(folder / "s") as store:
        ingest(store, write(folder / "log", [event(**fields)]))
        row = only(store)
    return row | {"properties": json.loads(row.get("properties", "{}"))}


def test_what_the_line_says_wins_over_its_agent(tmp_path: Path) -> None:
    row = stored(tmp_path, user_agent=PHONE, device="kiosk", os_name="Haiku")
    assert (row["device_type"], row["os"], row["browser"]) == ("kiosk", "Haiku", "Safari")
    assert row["user_agent"] == PHONE
    assert row["properties"] == {}


def test_a_bot_keeps_the_kind_of_device_that_the_line_gives(tmp_path: Path) -> None:
    row = stored(tmp_path, user_agent=BOT, device_type="desktop")
    assert (row["device_type"], row["is_bot"]) == ("desktop", True)


@pytest.mark.parametrize(
    ("given_flag", "agent", "expected"),
    [
        (None, None, None),
        (None, PHONE, False),
        (None, BOT, True),
        (False, None, False),
        (False, PHONE, False),
        (False, BOT, True),
        (True, None, True),
        (True, PHONE, True),
        (True, BOT, True),
    ],
)
def test_a_bot_is_what_line_or_agent_calls_one(
    given_flag: bool | None, agent: str | None, expected: bool | None
) -> None:
    columns = {"is_bot": [given_flag], "user_agent": [agent]}
    frame = pl.DataFrame(columns, schema={"is_bot": pl.Boolean, "user_agent": pl.String})
    assert enriched(frame)["is_bot"].to_list() == [expected]


@pytest.mark.parametrize("name", ["is_bot", "bot", "isBot"])
@pytest.mark.parametrize(
    ("value", "flag", "is_kept"),
    [
        (True, True, False), (False, False, False),
        ("true", True, True), (" FALSE ", False, True), (1, True, True), (0, False, True),
        ("Googlebot", None, True), (2, None, True), (0.5, None, True), ("", None, True),
        ([True], None, True), ({"is": True}, None, True), (10**30, None, True),
    ],
)  # fmt: skip
def test_only_yes_and_no_are_flags_and_nothing_is_lost(
    name: str, value: Any, flag: bool | None, is_kept: bool, tmp_path: Path
) -> None:
    row = stored(tmp_path, **{name: value})
    assert row.get("is_bot") == flag
    assert row["properties"] == ({name: value} if is_kept else {})


def test_a_bot_that_somebody_talks_to_is_none(tmp_path: Path) -> None:
    row = stored(tmp_path, properties={"bot": True, "is_bot": True})
    assert "is_bot" not in row
    assert row["properties"] == {"bot": True, "is_bot": True}


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)))
def test_a_flag_is_never_made_of_anything_else(values: list[Any]) -> None:
    column = typed_column("is_bot", values)
    assert column.values.dtype == pl.Boolean
    for row, value in enumerate(values):
        if value is not None and not isinstance(value, bool):
            assert row in column.kept


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://www.Google.com:443/search?q=a#b", "www.google.com"),
        ("http://user:pass@example.co.uk/x", "example.co.uk"),
        ("//cdn.example.org/a", "cdn.example.org"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("/relative/path", None),
        ("about:blank", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("-", None),
        ("", None),
    ],
)
def test_the_host_of_the_page_before(referrer: str, host: str | None, tmp_path: Path) -> None:
    row = stored(tmp_path, referrer=referrer)
    assert row.get("referrer_host") == host
    assert row.get("referrer") == referrer


def test_a_given_host_wins_over_the_referrer_s(tmp_path: Path) -> None:
    row = stored(tmp_path, referrer="https://a.example/x", referring_domain="b.example")
    assert row["referrer_host"] == "b.example"


@given(st.lists(st.none() | st.text()))
def test_any_referrer_gives_one_row(texts: list[str | None]) -> None:
    hosts = host_column(pl.Series(texts, dtype=pl.String))
    assert hosts.name == "referrer_host"
    assert len(hosts) == len(texts)


def test_a_referrer_of_a_megabyte_is_read_in_part() -> None:
    texts = ["https://a.example/" + "x" * (1 << 20), "https://" + "a." * (1 << 19)]
    assert host_column(pl.Series(texts)).to_list() == ["a.example", None]
