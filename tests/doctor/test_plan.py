"""Tracking plans: read, held against a log, derived from one; hostile files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.doctor import parse_plan, read_plan
from clickcli.doctor.plan_text import quoted
from clickcli.errors import ClickcliError, StorageError, UsageError
from tests.doctor.world import Line, brief, line, numbered, store

PLAN_CHECKS = ("plan_events", "plan_fields", "plan_types", "plan_values")


def _held(plan: str, lines: list[Line], tmp_path: Path) -> list[Line]:
    (tmp_path / "plan.toml").write_text(plan, encoding="utf-8")
    with store(numbered(lines)) as log:
        result = log.doctor(checks=PLAN_CHECKS, plan=tmp_path / "plan.toml")
    return result.to_polars().to_dicts()


def _orders(number: int, **fields: Any) -> list[Line]:
    whole: dict[str, Any] = {
        "order_id": "o",
        "revenue": 5,
        "currency": "EUR",
        "properties": {"plan": "pro"},
    }
    return [line("purchase", n / 10, **(whole | fields)) for n in range(number)]


PURCHASE = """
[events.purchase]
required = ["order_id", "revenue", "properties.plan"]
types = { revenue = "number", "properties.plan" = "text" }
allowed = { "properties.plan" = ["free", "pro"] }
"""


def test_a_log_that_keeps_the_plan_has_no_findings(tmp_path: Path) -> None:
    assert _held(PURCHASE, _orders(10), tmp_path) == []


def test_fields_that_are_missing_are_told(tmp_path: Path) -> None:
    rows = _held(PURCHASE, _orders(9) + _orders(1, order_id=None, properties={}), tmp_path)
    assert brief(rows) == [
        ("error", "purchase: order_id", 1),
        ("error", "purchase: properties.plan", 1),
    ]
    assert rows[0]["all"] == 10


def test_under_one_percent_a_breach_is_a_warning(tmp_path: Path) -> None:
    assert brief(_held(PURCHASE, _orders(99) + _orders(1, revenue=None), tmp_path)) == [
        ("error", "purchase: revenue", 1)
    ]
    assert brief(_held(PURCHASE, _orders(100) + _orders(1, revenue=None), tmp_path)) == [
        ("warning", "purchase: revenue", 1)
    ]


def test_values_of_another_type_are_told_with_their_type(tmp_path: Path) -> None:
    rows = _held(PURCHASE, _orders(9) + _orders(2, revenue="5.00"), tmp_path)
    assert brief(rows) == [("error", "purchase: revenue", 2)]
    assert "text on 2" in rows[0]["meaning"]
    rows = _held(PURCHASE, _orders(9) + _orders(1, properties={"plan": 3}), tmp_path)
    assert ("error", "purchase: properties.plan", 1) in brief(rows)


def test_a_column_of_another_natural_type_than_planned_is_told(tmp_path: Path) -> None:
    plan = '[events.purchase]\ntypes = { revenue = "text", order_id = "number" }\n'
    assert brief(_held(plan, _orders(4, order_id=7), tmp_path)) == [
        ("error", "purchase: revenue", 4)
    ]


def test_values_that_are_not_allowed_are_told(tmp_path: Path) -> None:
    rows = _held(PURCHASE, _orders(9) + _orders(1, properties={"plan": "PRO"}), tmp_path)
    assert brief(rows) == [("error", "purchase: properties.plan", 1)]
    assert rows[0]["example"] == "PRO"
    plan = '[events.purchase]\nallowed = { country = ["DE"] }\n'
    rows = _held(plan, _orders(3, country="DE") + _orders(1) + _orders(1, country="FR"), tmp_path)
    assert brief(rows) == [("error", "purchase: country", 1)]


def test_nested_fields_can_be_planned(tmp_path: Path) -> None:
    plan = '[events.purchase]\nrequired = ["properties.address.city"]\n'
    lines = _orders(3, properties={"address": {"city": "Ulm"}})
    assert _held(plan, lines, tmp_path) == []
    (row,) = _held(plan, lines + _orders(1, properties={"address": {}}), tmp_path)
    assert (row["events"], row["all"]) == (1, 4)


def test_a_property_that_ingest_makes_a_column_is_that_column(tmp_path: Path) -> None:
    plan = '[events.purchase]\nrequired = ["properties.price", "properties.product_id"]\n'
    assert _held(plan, _orders(3, properties={"price": 5, "product_id": "p"}), tmp_path) == []


def test_other_event_types_are_told_only_where_the_plan_is_strict(tmp_path: Path) -> None:
    lines = [*_orders(3), line("tap", 1), line("tap", 2)]
    assert _held(PURCHASE, lines, tmp_path) == []
    assert brief(_held("strict = true\n" + PURCHASE, lines, tmp_path)) == [("error", "tap", 2)]


def test_a_planned_type_that_does_not_occur_is_worth_knowing(tmp_path: Path) -> None:
    plan = PURCHASE + "[events.signup]\n"
    assert brief(_held(plan, _orders(3), tmp_path)) == [("info", "signup", 0)]


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("stirct = true", "unknown key of the plan 'stirct'", "strict"),
        ("strict = 1", "strict in the plan must be true or false, was 1", None),
        ("events = 3", "events of the plan must be a table, was 3", None),
        ("[events]\nbuy = 3", "events.buy in the plan must be a table, was 3", None),
        ("[events.buy]\nrequire = []", "'require'", "required"),
        ("[events.buy]\nrequired = 'ts'", "must be a list of texts, was ts", None),
        ("[events.buy]\nrequired = [1]", "must be a list of texts, was [1]", None),
        ("[events.buy]\nrequired = ['pricee']", "unknown column 'pricee', in events.buy", "price"),
        ("[events.buy]\nrequired = ['properties.']", "properties.KEY", None),
        ("[events.buy]\ntypes = ['text']", "types of events.buy in the plan must be a table", None),
        ("[events.buy.types]\nprice = 'nmber'", "'nmber'", "number"),
        ("[events.buy.types]\nprice = 3", "must be text, was 3", None),
        ("[events.buy.allowed]\nprice = ['3']", "must name texts, was price, a number", None),
        ("[events.buy.allowed]\ncountry = 'DE'", "must be a list of texts, was DE", None),
    ],
)
def test_what_is_wrong_with_a_plan_is_said(text: str, says: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_plan(tomllib.loads(text))
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    if hint is not None:
        assert caught.value.hint is not None
        assert hint in caught.value.hint


def test_hostile_files_are_clear_errors(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    with pytest.raises(StorageError, match="cannot read the plan"):
        read_plan(path)
    with pytest.raises(StorageError):
        read_plan(tmp_path)
    for content in (b"\xff\xfe", b"a = ", b"[" * 100_000, b"a = " + b"[" * 5000, b"\0"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="must be TOML"):
            read_plan(path)
    path.write_bytes(b"#" * (5 << 20))
    with pytest.raises(UsageError, match="at most 4 MB"):
        read_plan(path)
    many = ", ".join(f"'properties.k{n}'" for n in range(10_001))
    path.write_text(f"[events.buy]\nrequired = [{many}]\n")
    with pytest.raises(UsageError, match="at most 10,000 texts, was 10,001"):
        read_plan(path)


_toml = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["text", "price", "properties.x", 'properties."a"', "required"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["events", "strict", "required", "types", "allowed", "buy", "price", "é"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["events", "strict"]), _toml, max_size=2))
def test_no_document_breaks_the_reader(document: dict[str, Any]) -> None:
    try:
        parse_plan(document)
    except ClickcliError as error:
        assert isinstance(error, UsageError)  # noqa: PT017 - any other error would be a defect


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_is_written_as_it_is_read(text: str) -> None:
    written = quoted(text)
    assert tomllib.loads(f"a = {written}") == {"a": text}
    assert written.isprintable()


_names = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    min_size=1,
    max_size=6,
).filter(lambda name: name.strip() != "")
_lines = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "tap", "\x1b[31mred", 'a "b".c']),
        st.dictionaries(
            st.sampled_from(["price", "revenue", "item_id", "rating", "items", "country"]),
            st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
            | st.just([{"item_id": "p"}]), max_size=3,
        ),
        st.dictionaries(
            _names, st.none() | st.integers() | st.text(max_size=3) | st.just({"k": [1]}),
            max_size=3,
        ),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=20)
@given(_lines)
def test_a_derived_plan_is_kept_by_its_own_log(events: list[tuple[str, Line, Line]]) -> None:
    lines = [
        line(event, n / 10, properties=inner) | fields
        for n, (event, fields, inner) in enumerate(events)
    ]
    with store(numbered(lines * 20)) as log:
        plan = parse_plan(tomllib.loads(log.tracking_plan()))
        from clickcli.doctor import diagnose

        result = diagnose(log._evidence({}, plan), PLAN_CHECKS)
    assert result.to_polars().to_dicts() == []
    assert set(plan.events) == {event for event, _, _ in events}


def test_a_derived_plan_requires_what_is_always_there() -> None:
    lines = _orders(19) + _orders(1, properties={"plan": "pro", "gift": True})
    with store(numbered(lines)) as log:
        plan = parse_plan(tomllib.loads(log.tracking_plan()))
    own = plan.events["purchase"]
    assert plan.is_strict
    assert set(own.required) == {"event_id", "user_id", "order_id", "revenue", "properties.plan"}
    assert own.types == {
        "revenue": "number",
        "properties.plan": "text",
        "properties.gift": "boolean",
    }


def test_nineteen_events_are_too_few_to_require_anything() -> None:
    with store(numbered(_orders(19))) as log:
        text = log.tracking_plan()
    assert "too few" in text
    assert parse_plan(tomllib.loads(text)).events["purchase"].required == ()
