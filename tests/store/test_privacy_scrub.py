"""Scrubbing: kinds of personal data are known by their shape, and only they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.store import Store
from clickcli.store.privacy.patterns import PATTERNS, chosen, scrub_text
from clickcli.store.privacy.scrubber import Scrub
from tests.store.logs import check, event, events, ingest, write

KINDS = tuple(pattern.name for pattern in PATTERNS)

FOUND = [
    ("email", "write to anna.b+news@mail.example.com!", "write to [email]!"),
    ("email", "?m=anna%40example.org&x=1", "?m=[email]&x=1"),
    ("phone", "call +49 30 1234567.", "call [phone]."),
    ("phone", "tel:+4930-123456", "tel:[phone]"),
    ("phone", "0049 30 123456 7", "[phone]"),
    ("phone", "(212) 555-0123", "[phone]"),
    ("phone", "1-800-555-0199", "[phone]"),
    ("phone", "q=%2B4930123456", "q=[phone]"),
    ("card", "4111 1111 1111 1111.", "[card]."),
    ("card", "n=5500-0000-0000-0004&y", "n=[card]&y"),
    ("ip", "from 203.0.113.7:8080", "from [ip]:8080"),
    ("ip", "see 2001:db8::1.", "see [ip]."),
    ("token", "Authorization: Bearer abcdefghijkl", "Authorization: Bearer [token]"),
    ("token", "?access_token=s3cr3tvalue&x=1", "?access_token=[token]&x=1"),
    ("token", "password: hunter22", "password: [token]"),
    ("token", "x eyJhbGciOiJI.eyJzdWIiOiIx.abc-_", "x [token]"),
    ("token", "AKIAABCDEFGHIJKLMNOP", "[token]"),
]
LEFT = [
    ("email", "no@host and @handle and a@b"),
    ("phone", "2024-03-01T10:00:00+01:00"),
    ("phone", "1709251200"),
    ("phone", "00000000-0000-0000-0000-000000000000"),
    ("phone", "1.234,56 EUR of 12.345"),
    ("card", "4111111111111112"),
    ("card", "0000000000000000"),
    ("card", "1709251200123"),
    ("ip", "version 1.2.3.4.5 at 10:30:00"),
    ("ip", "127.0.0.1 and 999.1.1.1"),
    ("ip", "12:34:56:78:9a:bc"),
    ("token", "monkey=banana, keyword=shoes, ?key=product-7"),
    ("token", "tokenize the basics"),
]


@pytest.mark.parametrize(("kind", "text", "clean"), FOUND)
def test_a_kind_is_known_by_its_shape(kind: str, text: str, clean: str) -> None:
    assert scrub_text(chosen([kind]), text) == clean


@pytest.mark.parametrize(("kind", "text"), LEFT)
def test_what_only_looks_a_little_like_it_stays(kind: str, text: str) -> None:
    assert scrub_text(chosen([kind]), text) == text


@pytest.mark.parametrize(("kind", "text", "clean"), FOUND)
def test_the_fast_look_misses_nothing(kind: str, text: str, clean: str) -> None:
    import polars as pl

    assert pl.Series([text]).str.contains(chosen([kind])[0].hint).all()


@given(st.text(max_size=60), st.sampled_from(KINDS))
def test_scrubbing_twice_is_scrubbing_once(text: str, kind: str) -> None:
    once = scrub_text(chosen([kind]), text)
    assert scrub_text(chosen([kind]), once) == once


@pytest.mark.parametrize(
    "piece", ["1", "a.", "1 ", ":a", "eyJ", "a@", "+1-", "token=", "a%40", "("]
)
def test_hostile_texts_take_no_more_than_a_look_at_each_letter(piece: str) -> None:
    """Patterns that try every split of a text would not come back within anybody's patience."""
    text = piece * (200_000 // len(piece))
    assert isinstance(scrub_text(chosen(KINDS), text), str)


def scrub(store: Store, *kinds: str, **more: Any) -> Any:
    dry_run = more.pop("dry_run", False)
    return store.privacy().scrub(Scrub.of(kinds, **more), dry_run=dry_run)


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    lines = [
        event(1, search_query="shoes for anna@example.com", mail="anna@example.com", plan="gold"),
        event(2, page_url="https://x.example/a?m=anna%40example.com&x=1", deep={"a": ["b@c.de"]}),
        event(3, user_agent="Mozilla/5.0 Chrome/120.0.0.0", ip="203.0.113.9", seen="203.0.113.9"),
        event(4, card=4111111111111111, note="of Anna Example", password="x"),  # noqa: S106
        event(5, user_id="bert@example.com", price=9.5),
        '{"mail": "anna@example.com", broken',
    ]
    ingest(store, write(tmp_path / "log", lines))
    return store


def row(store: Store, number: int) -> dict[str, Any]:
    found = [one for one in events(store).to_dicts() if one["event_id"] == f"e{number}"]
    return {name: value for name, value in found[0].items() if value is not None}


def test_kinds_go_from_columns_properties_and_rejects(filled: Store) -> None:
    made = scrub(filled, "email")
    assert (made.rows, made.rejects) == (2, 1)
    assert dict(made.columns) == {"page_url": 1, "properties": 2, "search_query": 1}
    assert row(filled, 1)["search_query"] == "shoes for [email]"
    assert json.loads(row(filled, 1)["properties"]) == {"mail": "[email]", "plan": "gold"}
    assert row(filled, 2)["page_url"] == "https://x.example/a?m=[email]&x=1"
    assert json.loads(row(filled, 2)["properties"]) == {"deep": {"a": ["[email]"]}}
    assert [reject.raw for reject in filled.rejects()] == ['{"mail": "[email]", broken']


def test_ids_of_people_are_left_to_privacy_hash(filled: Store) -> None:
    scrub(filled, *KINDS)
    assert row(filled, 5)["user_id"] == "bert@example.com"


def test_a_version_in_a_user_agent_is_no_address(filled: Store) -> None:
    scrub(filled, "ip")
    found = row(filled, 3)
    assert found["user_agent"] == "Mozilla/5.0 Chrome/120.0.0.0"
    assert found["ip"] == "203.0.113.0"
    assert json.loads(found["properties"])["seen"] == "[ip]"


def test_numbers_and_named_secrets_go_too(filled: Store) -> None:
    scrub(filled, "card", "token")
    assert json.loads(row(filled, 4)["properties"]) == {
        "card": "[card]", "password": "[token]", "note": "of Anna Example",
    }  # fmt: skip


def test_a_text_goes_wherever_it_stands(filled: Store) -> None:
    made = scrub(filled, words=["Anna Example", "gold"])
    assert made.rows == 2
    assert json.loads(row(filled, 4)["properties"])["note"] == "of [scrubbed]"
    assert json.loads(row(filled, 1)["properties"])["plan"] == "[scrubbed]"


def test_a_property_and_a_column_go_from_every_event(filled: Store) -> None:
    made = scrub(filled, fields=["properties.mail", "properties.deep.a", "search_query", "price"])
    assert dict(made.columns) == {"properties": 2, "search_query": 1, "price": 1}
    assert json.loads(row(filled, 1)["properties"]) == {"plan": "gold"}
    assert json.loads(row(filled, 2)["properties"]) == {"deep": {}}
    assert "search_query" not in row(filled, 1)
    assert "price" not in row(filled, 5)
    info = filled.info()
    assert "mail" not in info.properties
    assert "search_query" not in info.columns
    assert [reject.raw for reject in filled.rejects()] == ["[scrubbed]"]


def test_an_event_whose_only_property_goes_has_none_left(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "log", [event(1, mail="a@b.de")]))
    scrub(store, fields=["properties.mail"])
    assert "properties" not in row(store, 1)


def test_old_lines_stay_duplicates_so_that_nothing_comes_back(
    filled: Store, tmp_path: Path
) -> None:
    scrub(filled, "email")
    again = write(tmp_path / "again", [event(1, search_query="shoes for anna@example.com",
                                             mail="anna@example.com", plan="gold")])  # fmt: skip
    summary = ingest(filled, again)
    assert (summary.duplicates, summary.stored) == (1, 0)
    assert "anna@" not in str(events(filled).rows())


def test_what_is_stored_otherwise_is_as_it_was(filled: Store) -> None:
    before = events(filled)
    scrub(filled, "email", "phone", "card", "ip", "token")
    after = events(filled)
    texts = {"search_query", "page_url", "properties"}
    kept = [name for name in before.columns if name not in texts]
    assert after.select(kept).equals(before.select(kept))
    assert scrub(filled, *KINDS).rows == 0


def test_a_dry_run_counts_the_same_and_changes_nothing(filled: Store) -> None:
    before, snapshot = events(filled), filled.info().snapshot
    told = scrub(filled, "email", dry_run=True)
    assert events(filled).equals(before)
    assert filled.info().snapshot == snapshot
    made = scrub(filled, "email")
    assert (told.rows, told.columns, told.rejects) == (made.rows, made.columns, made.rejects)
    assert filled.info().snapshot != snapshot


def test_the_audit_log_names_kinds_but_no_text(filled: Store) -> None:
    scrub(filled, "email", words=["Anna Example"])
    act = filled.privacy().acts()[-1]
    assert (act.act, act.detail["kinds"], act.detail["words"]) == ("scrub", ["email"], 1)
    assert "Anna" not in repr(act)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing to scrub"),
        ({"kinds": ["emial"]}, "unknown kind"),
        ({"words": [" "]}, "must not be empty"),
        ({"fields": ["ts"]}, "must not be ts"),
        ({"fields": ["properties"]}, "must not be properties"),
        ({"fields": ["properties."]}, "unknown column"),
        ({"fields": ["serach_query"]}, "unknown column"),
    ],
)
def test_what_cannot_be_scrubbed_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scrub.of(**asked)


def test_new_lines_are_scrubbed_at_ingest_where_that_is_set(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, search_query="a@b.de", mail="a@b.de", **{"x@y.zz": 1}),
        event(2, user_id="c@d.ef"),
        '{"mail": "a@b.de", broken',
    ]
    log = write(tmp_path / "log", lines)
    summary = ingest(store, log, scrub=("email",))
    check(summary)
    assert row(store, 1)["search_query"] == "[email]"
    assert json.loads(row(store, 1)["properties"]) == {"mail": "[email]", "[email]": 1}
    assert dict(store.info().properties) == {"mail": 1, "[email]": 1}
    assert row(store, 2)["user_id"] == "c@d.ef"
    assert [reject.raw for reject in store.rejects()] == ['{"mail": "[email]", broken']
    assert ingest(store, write(tmp_path / "again", lines[:2])).duplicates == 2
    with pytest.raises(UsageError, match="unknown kind"):
        ingest(store, write(tmp_path / "more", lines), scrub=("mail",))
