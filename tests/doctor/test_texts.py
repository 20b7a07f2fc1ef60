"""Broken letters and page views without an address."""

from __future__ import annotations

import pytest

from tests.doctor.world import brief, findings, line, numbered, steady

BASE = steady(range(2), a_day=50)


def _latin(text: str) -> str:
    """Return text as it looks when its UTF-8 is read as Windows-1252."""
    return text.encode().decode("cp1252", "replace")


@pytest.mark.parametrize(
    "text", ["München", "Zoë’s", "naïve", "10 °C", "“quoted”", "Łódź", "Bj�rn"]
)
def test_utf_8_read_as_latin_is_told(text: str) -> None:
    broken = text if "�" in text else _latin(text)
    rows = findings("encoding", numbered([*BASE, line("search", 1, city=broken)]))
    assert brief(rows) == [("warning", "city", 1)]
    assert rows[0]["all"] == 1


@pytest.mark.parametrize(
    "text", ["München", "SÃO PAULO", "Ångström", "Â", "€5", "東京", "a Ã b", "Ã"]
)
def test_right_letters_of_any_script_are_not(text: str) -> None:
    assert findings("encoding", numbered([*BASE, line("search", 1, city=text)])) == []


def test_in_properties_too_and_few_are_worth_knowing_only() -> None:
    many = [line("note", n / 5000, properties={"text": "fine"}) for n in range(10_001)]
    many[7]["properties"] = {"text": "x" * 90 + _latin("für") + "y" * 90}
    (row,) = findings("encoding", numbered(many))
    assert brief([row]) == [("info", "properties", 1)]
    assert "fÃ¼r" in row["example"]
    assert len(row["example"]) <= 50


@pytest.mark.parametrize("name", ["page_view", "Page Viewed", "pageview", "$pageview"])
def test_page_views_without_an_address_are_told(name: str) -> None:
    with_path = [line(name, 1, n, page_url=f"https://shop.example/{n}") for n in range(495)]
    without = [line(name, 2, n) for n in range(5)]
    assert brief(findings("page_addresses", numbered(with_path + without))) == [
        ("warning", name, 5)
    ]
    assert findings("page_addresses", numbered(with_path + without[:4])) == []
    assert (
        findings(
            "page_addresses", numbered([*with_path, *without[:4], line(name, 3, page_path="/a")])
        )
        == []
    )


def test_other_events_need_no_address() -> None:
    assert findings("page_addresses", numbered(BASE)) == []
