"""Matomo visits: lists on one line, visits that go on, what is a page and what is earned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickcli.errors import DataError
from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, events, ingest, write
from tests.store.presets.foreign import row, rows, who
from tests.store.presets.samples import FOLDER

MATOMO = find_preset("matomo")
PAGE: dict[str, Any] = {
    "type": "action", "url": "https://a.example/b", "pageId": 5, "timestamp": 1709287200,
}  # fmt: skip
VISIT: dict[str, Any] = {"idSite": 1, "idVisit": 9, "visitorId": "v1", "siteCurrency": "EUR"}


def visit(*actions: Any, **more: Any) -> dict[str, Any]:
    """Return a visit with these actions."""
    return VISIT | {"actionDetails": list(actions)} | more


def test_a_list_on_one_line_is_its_visits() -> None:
    one, other = visit(PAGE), visit(PAGE | {"pageId": 6}, idVisit=10)
    assert rows("matomo", [one, other]) == rows("matomo", one, other)
    assert rows("matomo", []) == [{"line": 1, "reject": "no_event"}]
    assert [found["reject"] for found in rows("matomo", [7])] == ["not_object"]


def test_a_list_over_several_lines_is_refused_with_a_way_out(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "visits.json"
    path.write_text(json.dumps([visit(PAGE)] * 9, indent=1))
    for changes in ({"detect": True}, {"mapping": MATOMO, "max_error_rate": 0.05}):
        with pytest.raises(DataError) as caught:
            ingest(store, path, **changes)
        assert "jq -c" in str(caught.value.hint)


def test_a_visit_that_went_on_adds_its_new_actions_only(store: Store, tmp_path: Path) -> None:
    later = PAGE | {"pageId": 6, "timestamp": 1709287300}
    before = visit(PAGE | {"timeSpent": 0}, visitDuration=0, actions=1, serverTimestamp=1709287200)
    after = visit(
        PAGE | {"timeSpent": 100}, later, visitDuration=100, actions=2, serverTimestamp=1709287300
    )
    first = ingest(store, write(tmp_path / "a.jsonl", [before]), mapping=MATOMO)
    again = ingest(store, write(tmp_path / "b.jsonl", [after]), mapping=MATOMO)
    assert (first.stored, again.stored, again.duplicates, again.conflicts) == (1, 1, 1, 0)
    assert events(store)["event_id"].to_list() == ["1.9.5", "1.9.6"]
    check(again)


def test_every_action_of_a_visit_has_an_id_of_its_own() -> None:
    lines = [json.loads(line) for line in (FOLDER / "matomo.jsonl").read_bytes().splitlines()]
    ids = [found["event_id"] for found in rows("matomo", *lines) if "reject" not in found]
    assert len(set(ids)) == len(ids) == 10


@pytest.mark.parametrize(
    "action",
    [
        {"type": "ecommerceOrder"},
        {"type": "goal", "goalId": None, "goalPageId": 1},
        {"type": "form"},
        {"type": [], "pageId": []},
    ],
    ids=str,
)
def test_what_names_no_single_action_is_known_by_its_line(action: dict[str, Any]) -> None:
    line = visit(action | {"timestamp": 1709287200}, PAGE)
    assert MATOMO.explode is not None
    first = next(iter(MATOMO.explode(line)))
    assert MATOMO.rules["event_id"](first) is None


@pytest.mark.parametrize("more", [{}, {"actionDetails": []}, {"actionDetails": None}], ids=str)
def test_a_visit_without_actions_is_one_event(more: dict[str, Any]) -> None:
    found = row("matomo", VISIT | {"firstActionTimestamp": 1709287200} | more)
    assert (found["event_type"], found["event_id"]) == ("visit", "1.9.visit")
    assert found["ts"] == "2024-03-01T10:00:00Z"


@pytest.mark.parametrize(
    ("kind", "is_page"),
    [("action", True), ("search", True), ("event", True), ("goal", True), ("outlink", False),
     ("download", False), (None, True), ([], True)],
)  # fmt: skip
def test_where_a_link_goes_is_no_page(kind: Any, is_page: bool) -> None:
    (found,) = rows("matomo", visit(PAGE | {"type": kind}))
    if "reject" not in found:
        assert found.get("page_url", found["properties"].get("url")) == PAGE["url"]
        assert ("page_url" in found) is is_page


def test_an_abandoned_cart_earns_nothing() -> None:
    kinds = ("ecommerceOrder", "ecommerceAbandonedCart", "goal")
    actions = [
        {"type": kind, "revenue": 12.5, "orderId": "o", "timestamp": 1709287200 + number}
        for number, kind in enumerate(kinds)
    ]
    found = rows("matomo", visit(*actions))
    assert [one.get("revenue") for one in found] == [1250, None, 1250]
    assert [one.get("currency") for one in found] == ["EUR", None, "EUR"]
    assert found[1]["properties"]["revenue"] == 12.5


@pytest.mark.parametrize("visitor", [False, None, "", [], 0])
def test_a_visit_without_a_visitor_is_nobodys(visitor: Any) -> None:
    assert who(row("matomo", visit(PAGE, visitorId=visitor))) == (None, None)


@pytest.mark.parametrize("seconds", [-1, 10**9, "x", True, 10**30, 1.5, None], ids=str)
def test_an_odd_time_spent_is_no_duration(seconds: Any) -> None:
    found = row("matomo", visit(PAGE | {"timeSpent": seconds}))
    assert "duration_ms" not in found
    assert found["properties"]["timeSpent"] == seconds


def test_a_campaign_is_only_what_came_by_one() -> None:
    named = {"referrerName": "spring", "referrerKeyword": "coats"}
    found = row("matomo", visit(PAGE, referrerType="campaign", **named))
    assert (found["utm_campaign"], found["utm_term"]) == ("spring", "coats")
    other = row("matomo", visit(PAGE, referrerType="search", **named))
    assert not {"utm_campaign", "utm_term"} & other.keys()
