"""Field maps: which value fills which column, what stays, and what a map file may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.errors import ClickcliError, DataError, StorageError, UsageError
from clickcli.store.mapfile import parse_map, read_map
from clickcli.store.mapping import FieldMap
from clickcli.store.plans import PlanCache
from tests.store.test_values import row

WHEN = "2024-03-01T00:00:00Z"
TS = 1_709_251_200_000_000


def mapped(line: dict[str, Any], **declared: Any) -> dict[str, Any]:
    """Return the row of a line; its type and time are ours unless it is said otherwise."""
    mapping = FieldMap(usual_names=False, **declared)
    return row(line, mapping=mapping)


BASE: dict[str, Any] = {"fields": {"event_type": ("e",), "ts": ("t",)}}
LINE: dict[str, Any] = {"e": "a", "t": WHEN}


def test_the_first_path_that_holds_something_fills_the_column() -> None:
    declared = {"event_type": ("e",), "ts": ("when", "meta.time", "t")}
    found = mapped({"e": "a", "when": None, "meta": {"time": WHEN}, "t": "later"}, fields=declared)
    assert (found["ts"], found["properties"]) == (TS, {"t": "later"})


def test_a_key_that_is_the_whole_dotted_path_goes_first() -> None:
    declared = {"event_type": ("a.b",), "ts": ("t",)}
    found = mapped({"a.b": "dotted", "a": {"b": "nested"}, "t": WHEN}, fields=declared)
    assert (found["event_type"], found["properties"]) == ("dotted", {"a": {"b": "nested"}})


def test_keys_that_are_not_declared_fill_no_column() -> None:
    found = mapped(LINE | {"price": 3, "url": "http://a/"}, **BASE)
    assert found["properties"] == {"price": 3, "url": "http://a/"}
    assert "price" not in found


def test_a_containers_keys_become_properties_and_fill_columns_by_their_usual_names() -> None:
    line = LINE | {"bag": {"sku": "p1", "plan": "pro", "e": 1, "type": "x"}, "plan": "top"}
    found = mapped(line, containers=("bag",), **BASE)
    assert found["item_id"] == "p1"
    assert found["properties"] == {"plan": "pro", "e": 1, "type": "x", "$top.plan": "top"}


def test_what_is_declared_goes_before_a_containers_usual_names() -> None:
    declared = BASE["fields"] | {"page_url": ("page.url",)}
    line = LINE | {"page": {"url": "http://a/x"}, "bag": {"url": "http://b/y"}}
    found = mapped(line, fields=declared, containers=("bag",))
    assert (found["page_url"], found["properties"]) == ("http://a/x", {"url": "http://b/y"})


def test_containers_with_the_same_keys_lose_nothing() -> None:
    line = LINE | {"one": {"a": 1, "$top.a": 2}, "two": {"a": 3}, "odd": [4]}
    found = mapped(line, containers=("one", "two", "odd", "none"), **BASE)
    assert found["properties"] == {"a": 1, "$top.a": 2, "$top.$top.a": 3, "odd": [4]}


def test_a_container_of_thousands_of_equal_names_is_no_burden() -> None:
    many = {f"k{number}": number for number in range(20_000)}
    found = mapped(LINE | {"one": many, "two": many}, containers=("one", "two"), **BASE)
    assert len(found["properties"]) == 40_000


def test_a_form_replaces_its_original_and_a_value_keeps_it() -> None:
    line = LINE | {"e": "$view", "n": "7"}
    declared = BASE["fields"] | {"quantity": ("n",)}
    found = mapped(line, fields=declared, forms={"quantity": int},
                   values={"event_type": lambda text: text.removeprefix("$")})  # fmt: skip
    assert (found["event_type"], found["quantity"]) == ("view", 7)
    assert found["properties"] == {"e": "$view"}


def test_a_reader_that_cannot_read_leaves_the_value_and_the_next_path_counts() -> None:
    declared = BASE["fields"] | {"quantity": ("n", "m")}
    readers = {"quantity": lambda value: value if isinstance(value, int) else None}
    found = mapped(LINE | {"n": "x", "m": 2}, fields=declared, forms=readers)
    assert (found["quantity"], found["properties"]) == (2, {"n": "x"})


def test_a_rule_goes_first_and_takes_away_only_what_says_the_same() -> None:
    declared = {**BASE["fields"], "user_id": ("u", "v")}
    line = LINE | {"u": "other", "v": "7", "w": "7"}
    found = mapped(line, fields=declared, rules={"user_id": lambda line: line["w"]})
    assert (found["user_id"], found["properties"]) == ("7", {"u": "other", "w": "7"})


def test_a_value_that_does_not_fit_its_column_is_kept() -> None:
    found = mapped(LINE | {"n": "many"}, fields=BASE["fields"] | {"quantity": ("n",)})
    assert found["properties"] == {"quantity": "many"}
    assert "quantity" not in found


def test_an_object_that_is_empty_without_what_was_taken_goes() -> None:
    declared = {"event_type": ("a.b.e",), "ts": ("a.t",)}
    found = mapped({"a": {"b": {"e": "x"}, "t": WHEN}, "c": {}}, fields=declared)
    assert found["properties"] == {"c": {}}


def test_a_constant_counts_only_where_a_line_has_no_value_under_any_name() -> None:
    mapping = parse_map({"constants": {"currency": "EUR", "price": 5, "event_type": "hit"}})
    lines: list[dict[str, Any]] = [
        {"t": 1},
        {"currencyCode": "USD"},
        {"properties": {"currency": "JPY", "price": 7}},
    ]
    found = [row(line | {"ts": WHEN}, mapping=mapping) for line in lines]
    assert [(one["price"], one["currency"]) for one in found] == [
        (500, "EUR"), (500, "USD"), (7, "JPY"),
    ]  # fmt: skip


def test_mapping_a_line_leaves_it_as_it_was() -> None:
    mapping = FieldMap(fields={"event_type": ("a.e",), "ip": ("a.ip",)}, containers=("a.p",))
    line = {"a": {"e": "x", "ip": "192.0.2.7", "p": {"k": 1}}}
    before = json.dumps(line)
    assert mapping.apply(line).moved == {"event_type": "x", "ip": "192.0.2.0"}
    assert json.dumps(line) == before


def test_arrival_is_no_part_of_what_an_event_is() -> None:
    mapping = FieldMap(fields={"received_at": ("got.at",)}, arrival=("sent",))
    lines = [{"e": 1, "sent": n, "got": {"at": n}} for n in range(2)] + [{"e": 2, "sent": 0}]
    contents = [mapping.apply(line).content for line in lines]
    assert contents[0] == contents[1] != contents[2]
    assert mapping.apply({"e": 1}).content is None


def test_shapes_of_lines_are_forgotten_before_they_fill_memory() -> None:
    cache, mapping = PlanCache(), FieldMap(usual_names=False)
    for number in range(PlanCache.LIMIT + 5):
        cache.plan_mapped(mapping.apply({f"k{number}": 1}), usual_names=False)
    assert len(cache._plans) <= PlanCache.LIMIT


def test_a_map_file_may_name_several_paths(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[fields]\nts = ["when", "meta.time"]\nproperties = ["a", "b"]\n')
    mapping = read_map(path)
    line = {"event": "x", "meta": {"time": WHEN}, "a": {"k": 1}, "b": {"k": 2}}
    found = row(line, mapping=mapping)
    assert (found["ts"], found["properties"]) == (TS, {"k": 1, "$top.k": 2})


WRONG_MAPS = {
    "[fields]\nts = []": "list of them",
    '[fields]\nts = ["a", 3]': "list of them",
    '[fields]\nts = ""': "list of them",
    "[fields]\nts.a.b = 1": "list of them",
    f'[fields]\nts = "{".".join("a" * 100)}"': "64 keys",
    f"[fields]\nts = {['a'] * 100}": "list of them",
    "[[fields]]\nts = 1": "must be a table",
    '[fields]\n"x\\u001b[31m" = "a"': "unknown column",
    f'[fields]\n{"x" * 5000} = "a"': "unknown column",
    "[constants]\nprice = nan": "text or a number",
    "[constants]\nprice = inf": "text or a number",
    "[constants]\nprice = true": "text or a number",
    f"[constants]\nprice = {'9' * 400}": "text or a number",
    f"[constants]\nprice = {'9' * 5000}": "must be TOML",
    "[constants]\nts = 2024-01-01T00:00:00Z": "text or a number",
    '[constants]\nproperties = "x"': "cannot be a constant",
    '[other]\na = "b"': "unknown section",
    "fields": "must be TOML",
    '[fields]\nts = "a"\nts = "b"': "must be TOML",
    "x = " + "[" * 5000 + "]" * 5000: "must be TOML",
    "x = " + "{a=" * 5000 + "1" + "}" * 5000: "must be TOML",
    "#" * (1 << 20) + "\n": "smaller than 1 MB",
}


@pytest.mark.parametrize(
    ("text", "message"), WRONG_MAPS.items(), ids=[f"{n}" for n, _ in enumerate(WRONG_MAPS)]
)
def test_a_hostile_map_is_refused_in_one_short_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises((UsageError, DataError), match=message) as caught:
        read_map(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_map_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(DataError):
        read_map(tmp_path / "binary")
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(StorageError):
            read_map(path)
    with pytest.raises(DataError, match="smaller"):
        read_map("/dev/zero")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_map_or_refused(data: bytes) -> None:
    import tomllib

    try:
        parse_map(tomllib.loads(data.decode()))
    except (ClickcliError, ValueError):
        return
