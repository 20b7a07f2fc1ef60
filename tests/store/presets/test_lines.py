"""Foreign lines on their way into a store: identity, several events a line, rejects."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from clickcli.errors import DataError, UsageError
from clickcli.store import Store
from clickcli.store.parse import ParseSettings, parse_chunk
from clickcli.store.presets import MODULES, find_preset
from clickcli.store.presets.base import Preset, enveloped
from clickcli.store.presets.detect import detect
from tests.store.logs import check, event, events, ingest, to_bytes, write

APACHE = find_preset("apache")
AGENT = '"-" "Mozilla/5.0"'


def request(path: str = "/", second: int = 0, agent: str = AGENT) -> str:
    """Return a line of an access log."""
    stamp = f"10/Oct/2023:13:{second // 60:02d}:{second % 60:02d} +0000"
    return f'192.0.2.1 - - [{stamp}] "GET {path} HTTP/1.1" 200 10 {agent}'


def _enveloped(line: Any) -> Iterable[Any]:
    return line if isinstance(line, list) else enveloped(line, "batch")


BATCHED = Preset(
    name="batched", headline="", recognises=bool, takes_lists=True,
    explode=_enveloped, fields={"event_id": ("id",), "event_type": ("event",), "ts": ("at",),
    "received_at": ("sent",), "ip": ("ip", "context.ip")}, containers=("properties",),
)  # fmt: skip
FIRST = {"event": "a", "at": "2024-03-01T00:00:00Z"}


def rows(lines: Any, preset: Preset = BATCHED, **changes: Any) -> list[dict[str, Any]]:
    """Return the rows of good lines, nulls left out, properties decoded."""
    chunk = parse_chunk(to_bytes(lines), 1, ParseSettings(**{"mapping": preset} | changes))
    assert not chunk.rejects, chunk.rejects
    found = [{k: v for k, v in row.items() if v is not None} for row in chunk.frame.to_dicts()]
    for row in found:
        if "properties" in row:
            row["properties"] = json.loads(row["properties"])
    return found


REJECTED: dict[tuple[str, bytes], str] = {
    ("apache", b"GET / HTTP/1.1"): "not_access_log",
    ("apache", b'{"event":"a"}'): "not_access_log",
    ("apache", request("/\0").encode()): "nul_byte",
    ("apache", request().replace("Oct", "Foo").encode()): "bad_time",
    ("apache", request().replace("13:00:00 +0000", "13:00:00").encode()): "bad_time",
    ("apache", request().replace("2023", "1066").encode()): "time_out_of_range",
    ("snowplow", b"a\tb\tc"): "wrong_fields",
    ("snowplow", b"\xff" + b"\t" * 130): "invalid_utf8",
    ("snowplow", b"\t" * 130 + b"x"): "no_event_type",
    ("snowplow", b'{"event":'): "invalid_json",
    ("batched", b"[]"): "no_event",
    ("batched", b'{"batch":[]}'): "no_event",
    ("batched", b"null"): "not_object",
    ("batched", json.dumps({"batch": [{}] * 500, "x": "y" * 9999}).encode()): "too_many_events",
}


@pytest.mark.parametrize(("line", "expected"), REJECTED.items(), ids=lambda value: str(value)[:40])
def test_each_bad_line_has_its_reason(line: tuple[str, bytes], expected: str) -> None:
    preset = BATCHED if line[0] == "batched" else find_preset(line[0])
    chunk = parse_chunk(line[1], 7, ParseSettings(mapping=preset))
    assert [(number, why) for number, why, _ in chunk.rejects] == [(7, expected)]
    assert chunk.read == 1
    assert chunk.frame.height == 0


def test_a_long_line_of_text_is_rejected() -> None:
    line = request("/" + "x" * 200).encode()
    chunk = parse_chunk(line, 1, ParseSettings(mapping=APACHE, max_line_bytes=100))
    assert [why for _, why, _ in chunk.rejects] == ["too_long"]


def test_line_numbers_count_blank_lines_ends_and_a_byte_order_mark() -> None:
    data = b"\xef\xbb\xbf" + request().encode() + b"\r\n\n \r\nodd\n" + request("/b").encode()
    chunk = parse_chunk(data, 1, ParseSettings(mapping=APACHE))
    assert chunk.frame["page_path"].to_list() == ["/", "/b"]
    assert [(number, raw) for number, _, raw in chunk.rejects] == [(4, b"odd")]
    assert (chunk.read, chunk.blank) == (3, 2)


def test_each_event_of_a_line_is_a_row() -> None:
    line = {"batch": [FIRST, FIRST | {"event": "b"}], "sent": "2024-03-02T00:00:00Z", "key": "k"}
    found = rows([line, [FIRST | {"event": "c"}]])
    assert [row["event_type"] for row in found] == ["a", "b", "c"]
    assert [row.get("properties") for row in found] == [{"key": "k"}, {"key": "k"}, None]
    assert "received_at" in found[0]


def test_what_event_and_envelope_both_say_is_kept_twice() -> None:
    line = {"batch": [FIRST | {"key": "inner"}], "key": "outer", "at": "2024-03-05T00:00:00Z"}
    assert rows([line])[0]["properties"] == {
        "key": "inner", "$top.key": "outer", "$top.at": "2024-03-05T00:00:00Z",
    }  # fmt: skip


def test_a_bad_event_of_a_line_is_one_reject_with_its_own_text() -> None:
    line = json.dumps({"batch": [FIRST, {"event": "b"}, 7, FIRST | {"n": 1}]}).encode()
    chunk = parse_chunk(b"\n" + line, 1, ParseSettings(mapping=BATCHED))
    assert chunk.rejects == [(2, "no_time", b'{"event":"b"}'), (2, "not_object", b"7")]
    assert (chunk.read, chunk.frame.height) == (4, 2)


def test_events_of_one_line_that_are_alike_are_all_stored(store: Store, tmp_path: Path) -> None:
    line = {"batch": [FIRST, FIRST]}
    path = write(tmp_path / "a.jsonl", [line, line])
    assert ingest(store, path, mapping=BATCHED).stored == 4
    copy = write(tmp_path / "b.jsonl", [line, line])
    again = ingest(store, copy, mapping=BATCHED)
    assert (again.stored, again.duplicates) == (0, 4)
    check(again)


def test_the_same_event_in_another_batch_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    one = FIRST | {"id": "x"}
    first = {"batch": [one, FIRST], "sent": "2024-03-02T00:00:00Z"}
    later = {"batch": [FIRST | {"n": 1}, one], "sent": "2024-03-03T00:00:00Z"}
    other = {"batch": [one | {"n": 2}, FIRST | {"n": 3}]}
    summary = ingest(
        store, write(tmp_path / "a.jsonl", [first, later, other]), mapping=BATCHED
    )  # fmt: skip
    assert (summary.read, summary.stored) == (6, 4)
    assert (summary.duplicates, summary.conflicts) == (1, 1)


def test_lines_that_repeat_to_the_letter_survive_and_a_replay_adds_none(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "access.log", [request(), request("/b"), request(), request()])
    assert ingest(store, path, mapping=APACHE).stored == 4
    assert ingest(store, path, mapping=APACHE).batch is None
    packed = tmp_path / "copy.log.gz"
    packed.write_bytes(gzip.compress(path.read_bytes().replace(b"\n", b"\r\n")))
    again = ingest(store, packed, mapping=APACHE)
    assert (again.stored, again.duplicates) == (0, 4)


@pytest.mark.parametrize(
    "changes", [{"mapping": APACHE}, {"detect": True}], ids=["named", "detected"]
)
def test_a_grown_file_goes_on_counting_its_repeats(
    store: Store, tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = write(tmp_path / "access.log", [request(), request()])
    assert ingest(store, path, **changes).stored == 2
    with path.open("ab") as stream:
        stream.write(to_bytes([request(), request("/b")]))
    grown = ingest(store, path, **changes)
    assert (grown.files[0].status, grown.read, grown.stored) == ("grown", 2, 2)
    copy = tmp_path / "copy.log"
    copy.write_bytes(path.read_bytes())
    assert ingest(store, copy, **changes).duplicates == 4


FOREIGN = {"type": "track", "event": "a", "messageId": "m", "userId": "u",
           "timestamp": "2024-03-01T00:00:00Z", "context": {}}  # fmt: skip


@pytest.mark.parametrize(
    ("head", "more", "told"),
    [
        ([request(second=1), request(second=2)], [FOREIGN] * 200, "apache"),
        ([event(1), event(2)], [FOREIGN] * 200, "clickcli"),
        ([FOREIGN], [event(number) for number in range(200)], "segment"),
        ([FOREIGN] * 150, [request()] * 200, "segment"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_that_grows_is_read_as_before_whatever_comes_after_its_head(
    store: Store, tmp_path: Path, head: list[Any], more: list[Any], told: str
) -> None:
    path = write(tmp_path / "a.log", head)
    first = ingest(store, path, detect=True)
    path.write_bytes(path.read_bytes() + to_bytes(more))
    grown = ingest(store, path, detect=True)
    assert (first.files[0].status, grown.files[0].status) == ("new", "grown")
    assert (first.files[0].preset, grown.files[0].preset) == (told, told)
    assert grown.read == len(more)


def test_a_file_with_another_head_is_told_anew(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [request()])
    assert ingest(store, path, detect=True).files[0].preset == "apache"
    write(path, [FOREIGN] * 3)
    turned = ingest(store, path, detect=True).files[0]
    assert (turned.status, turned.preset) == ("rotated", "segment")


def test_worker_processes_give_the_same_rows(store: Store, tmp_path: Path) -> None:
    lines = [request(f"/{number % 50}", number % 3000) for number in range(3000)]
    path = write(tmp_path / "access.log", lines)
    summary = ingest(store, path, mapping=APACHE, workers=2)
    assert (summary.stored, summary.people) == (3000, 1)
    assert events(store)["page_path"].to_list() == [f"/{number % 50}" for number in range(3000)]


def test_each_file_of_a_call_is_told_by_its_own_lines(store: Store, tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a.log", [request(second=n) for n in range(60)] + ["odd"] * 40),
        write(tmp_path / "b.jsonl", [event(number) for number in range(3)]),
        write(tmp_path / "c.jsonl", [{"event_id": "s", "event": "page_view", "v_collector": "1",
                                      "collector_tstamp": "2024-03-01T00:00:00Z"}]),
        write(tmp_path / "empty.log", []),
    ]  # fmt: skip
    summary = ingest(store, *paths, detect=True)
    assert [file.preset for file in summary.files] == ["apache", "clickcli", "snowplow", "clickcli"]
    assert (summary.stored, summary.rejected) == (64, 40)


def test_a_dry_run_shows_rows_by_the_preset(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "access.log", [request(f"/{n}", n) for n in range(9)])
    summary = ingest(store, path, detect=True, dry_run=True)
    assert [row["page_path"] for row in summary.sample] == [f"/{n}" for n in range(5)]


def test_text_that_no_preset_reads_is_refused_with_a_way_out(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.txt", ["[", "  {", '"event": "a"', "}", "]"])
    with pytest.raises(DataError, match="knows nothing like") as caught:
        ingest(store, path, detect=True)
    assert "jq" in str(caught.value.hint)
    assert store.info().batches == 0


def test_json_lines_that_no_preset_knows_are_our_own() -> None:
    assert detect(to_bytes([event(number) for number in range(200)]), "a") is None
    assert detect(to_bytes([request()] * 50 + [event()] * 50), "a") is None
    assert detect(b"", "a") is None


def test_a_preset_that_is_not_there_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        find_preset("segmnt")
    assert "segment" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["", "auto", "../base", "base", "a" * 10_000, "\x1b[31m", "\0"])
def test_hostile_names_are_no_presets(name: str) -> None:
    with pytest.raises(UsageError):
        find_preset(name)


@pytest.mark.parametrize("name", MODULES)
def test_every_preset_says_what_it_is(name: str) -> None:
    preset = find_preset(name)
    assert MODULES[preset.name] == MODULES[name]
    assert 0 < len(preset.headline) < 60


ADDRESSES: dict[str, Callable[[str], str]] = {
    "apache": lambda ip: request().replace("192.0.2.1", ip) + f' "{ip}, 10.1.2.3"',
    "snowplow": lambda ip: json.dumps({"event_id": "a", "event": "b", "user_ipaddress": ip,
                                       "collector_tstamp": "2024-03-01T00:00:00Z"}),
    "batched": lambda ip: json.dumps(FIRST | {"ip": ip, "context": {"ip": ip, "x": ip[:3]}}),
}  # fmt: skip


@pytest.mark.parametrize("ip", ["203.0.113.77", "2001:db8:1:2:3:4:5:6"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_no_whole_address_is_stored_unless_wished(name: str, ip: str) -> None:
    preset = BATCHED if name == "batched" else find_preset(name)
    short = rows([ADDRESSES[name](ip)], preset)[0]
    assert ip not in json.dumps(short)
    assert short["ip"] in ("203.0.113.0", "2001:db8:1::")
    assert rows([ADDRESSES[name](ip)], preset, keep_ip=True)[0]["ip"] == ip
