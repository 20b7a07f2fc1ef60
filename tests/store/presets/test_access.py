"""Access logs: what is a page, and who is a visitor."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from clickcli.store.presets.access import is_page, read_line
from tests.store.presets.samples import FOLDER, expected_of
from tests.store.presets.test_lines import APACHE, request, rows

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/118.0"


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/", True), ("/shop", True), ("/shop/", True), ("/a.html", True), ("/a.php?x=b.png", True),
     ("/v1.2/notes", True), ("/john.smith", True), ("/v1.2", True), ("*", True),
     ("/a.PNG", False), ("/a.b.css?v=1", False), ("/robots.txt", False), ("/feed.xml?page", False),
     ("/files/a.tar.gz", False)],
)  # fmt: skip
def test_a_page_is_told_by_its_ending(target: str, expected: bool) -> None:
    assert is_page(target) is expected


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("GET", 200, "page_view"), ("HEAD", 304, "page_view"), ("GET", 302, "page_view"),
     ("POST", 200, "request"), ("GET", 404, "request"), ("GET", 500, "request"),
     ("get", 200, "request"), ("OPTIONS", 200, "request")],
)  # fmt: skip
def test_a_page_view_is_a_page_read_and_delivered(method: str, status: int, expected: str) -> None:
    line = request("/a").replace("GET", method).replace("200", str(status))
    row = rows([line], APACHE)[0]
    assert row["event_type"] == expected
    assert ("page_path" in row) == (expected == "page_view")
    assert ("endpoint" in row) == (expected == "request")


def visitor(line: str, **changes: bool) -> str | None:
    """Return who did a request."""
    found: str | None = rows([line], APACHE, **changes)[0].get("anonymous_id")
    return found


VISITORS: dict[str, list[tuple[str, str] | None]] = {
    "apache": [
        ("192.0.2.0", LINUX), ("192.0.2.0", LINUX), None,
        ("198.51.100.0", r"Mozilla/5.0 \"odd\" \xe2\x82"), ("198.51.100.0", ""),
        ("provider.example", ""), ("203.0.113.0", ""), ("203.0.113.0", ""), None, None, None,
        ("203.0.113.0", 'Agent "with" quotes'),
    ],
    "nginx": [
        ("198.51.100.0", r"Mozilla/5.0 \x22odd\x22"), None, ("203.0.113.0", ""),
        ("203.0.113.0", "curl/8.4.0"),
    ],
}  # fmt: skip
"""What is hashed of each line of a sample; None where a user is logged in or there is no row."""


@pytest.mark.parametrize("name", VISITORS)
def test_the_visitors_of_a_sample_are_the_hashes_that_the_preset_describes(name: str) -> None:
    expected = expected_of(FOLDER / f"{name}.log")
    hashes = [
        None if who is None
        else "v_" + blake2b("\0".join(who).encode(), digest_size=8).hexdigest()
        for who in VISITORS[name]
    ]  # fmt: skip
    assert [row.get("anonymous_id") for row in expected] == hashes


def test_one_network_with_one_agent_is_one_visitor() -> None:
    line = request()
    assert visitor(line) == visitor(line.replace("192.0.2.1 ", "192.0.2.99 "))
    assert visitor(line) != visitor(line.replace("192.0.2.1 ", "192.0.3.1 "))
    assert visitor(line) != visitor(line.replace("Mozilla", "Opera"))


def test_whole_addresses_tell_visitors_apart_when_they_are_kept() -> None:
    line, other = request(), request().replace("192.0.2.1 ", "192.0.2.99 ")
    assert visitor(line, keep_ip=True) != visitor(other, keep_ip=True)


def test_a_logged_in_user_is_linked_to_no_visitor() -> None:
    row = rows([request().replace("- - [", "- anna [")], APACHE)[0]
    assert (row["user_id"], row.get("anonymous_id")) == ("anna", None)


def test_a_host_given_by_name_keeps_only_its_end() -> None:
    name = "p-192-0-2-1.dip.provider.example"
    row = rows([request().replace("192.0.2.1", name)], APACHE)[0]
    assert row["properties"]["host"] == "provider.example"
    assert "192-0-2-1" not in str(row)
    assert row["anonymous_id"].startswith("v_")


@pytest.mark.parametrize(
    ("end", "expected"),
    [("", {}), (' "-" "-"', {}), (' "r" "a"', {"referrer": "r", "user_agent": "a"}),
     (' "r" "a" 12 "x y" -', {"referrer": "r", "user_agent": "a", "extra": ["12", "x y", "-"]}),
     (' "r" "a \\"b\\" c"', {"referrer": "r", "user_agent": 'a \\"b\\" c'}),
     (' "r" "a "b" c"', {"referrer": "r", "user_agent": 'a "b" c'}),
     (' "r" "cut off', {"extra": ["r", '"cut', "off"]}), (" 0.5", {"extra": ["0.5"]}),
     (' "r" "\xe9"', {"referrer": "r", "user_agent": "\\xe9"})],
)  # fmt: skip
def test_what_follows_the_size_is_kept(end: str, expected: dict[str, object]) -> None:
    head = request().removesuffix(' "-" "Mozilla/5.0"')
    line = read_line(head.encode() + end.encode("latin-1"))
    assert isinstance(line, dict)
    names = ("referrer", "user_agent", "extra")
    assert {name: line[name] for name in names if name in line} == expected


def test_a_line_that_is_made_to_be_slow_is_not() -> None:
    for piece in (b' [x] "', b'\\"', b'" ', b" [", b"a ", b'" "', b"1:1 ", b"1.", b"::", b"f"):
        long = piece * (100_000 // len(piece))
        for start in (b"", b'1 - - [x] "', request().encode(), request().encode()[:-1]):
            read_line(start + long)
