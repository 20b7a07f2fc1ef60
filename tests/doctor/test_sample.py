"""The sample data: every planted fault is found, and nothing on a log without faults."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from clickcli.api import Log
from clickcli.doctor.check import Severity

pytestmark = pytest.mark.xdist_group("doctor's sample")

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with Log.create(tmp_path_factory.mktemp("sample") / "store") as log:
        log.ingest(SAMPLE / "events.jsonl.gz")
        yield log


@pytest.fixture(scope="module")
def rows(sample: Log) -> dict[tuple[str, str], dict[str, Any]]:
    found = sample.doctor().to_polars().to_dicts()
    return {(row["check"], row["subject"]): row for row in found}


def clean(seed: int) -> bytes:
    """Return the shop's story as told, before any fault was put into it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        from sample.story import tell
        from sample.tables import PLACEHOLDERS

        story = tell(random.Random(seed))
    odd = {story.bot, story.fast_clock, story.unset_clock}
    events = [
        event
        for visit in story.visits
        for event in visit
        if event.fields["anonymous_id"] not in odd and event.fields["user_id"] not in PLACEHOLDERS
    ]
    for event in events:
        if "app_version" in event.properties:
            event.properties["app_version"] = str(event.properties["app_version"])
    events.sort(key=lambda event: (event.received_at, event.ts))
    return b"".join(event.line() + b"\n" for event in events)


def test_every_planted_fault_is_found_and_nothing_else(
    rows: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Any]
) -> None:
    traps = truth["planted_in_main"]["traps"]
    lines = truth["accounting"]["events.jsonl.gz"]
    bot, clock = traps["bot"], traps["clock_two_hours_ahead"]
    expected = {
        ("flagged_bots", "1 bot"): bot["lines"],
        ("clock_skew", clock["anonymous_id"]): clock["lines"],
        ("late_events", "received_at"): traps["received_a_day_late"],
        ("placeholder_ids", "user_id"): traps["placeholder_user_id"],
        ("placeholder_ids", "anonymous_id"): traps["placeholder_anonymous_id"],
        ("nobody", "page_view"): truth["main"]["log"]["events_of_nobody"],
        ("missing_event_ids", "page_view"): traps["without_event_id"],
        ("property_types", "session_start: properties.app_version"): min(
            traps["app_version_as_number"], traps["app_version_as_text"]
        ),
        ("duplicates", "lines"): lines["duplicate"],
        ("conflicts", "event_id"): lines["conflict"],
        ("rejects", "invalid_json"): lines["cut_json"],
        ("rejects", "nul_byte"): lines["binary"],
        ("rejects", "invalid_utf8"): lines["invalid_utf8"],
        ("rejects", "not_object"): lines["not_an_object"],
        ("rejects", "no_event_type"): lines["missing_type"],
        ("rejects", "time_out_of_range"): lines["clock_at_1970"],
        ("rejects", "no_time"): lines["missing_time"],
        ("rejects", "bad_time"): lines["bad_time"],
    }
    assert {key: rows[key]["events"] for key in expected if key in rows} == expected
    further = {key: row["severity"] for key, row in rows.items() if key not in expected}
    assert further == {
        ("out_of_order", "ts"): "warning",
        # An experiment ran from day 16 to day 51, which is no fault; devices are shared.
        ("new_types", "experiment_exposure"): "info",
        ("stopped_types", "experiment_exposure"): "info",
        ("shared_devices", "anonymous_id"): "info",
    }


def test_details_name_who_and_how(
    rows: dict[tuple[str, str], dict[str, Any]], truth: dict[str, Any]
) -> None:
    traps = truth["planted_in_main"]["traps"]
    devices = rows["shared_devices", "anonymous_id"]
    assert f"{len(traps['shared_devices'])} devices" in devices["meaning"]
    assert devices["example"].split(":")[0] in traps["shared_devices"]
    assert (
        "2h ahead" in rows["clock_skew", traps["clock_two_hours_ahead"]["anonymous_id"]]["meaning"]
    )
    types = rows["property_types", "session_start: properties.app_version"]
    assert types["all"] == traps["app_version_as_number"] + traps["app_version_as_text"]
    assert rows["out_of_order", "ts"]["events"] < traps["earlier_than_the_good_line_before"]


def test_a_bot_that_does_not_say_so_is_found_by_its_rate(
    truth: dict[str, Any], tmp_path: Path
) -> None:
    bot = truth["planted_in_main"]["traps"]["bot"]
    lines = gzip.decompress((SAMPLE / "events.jsonl.gz").read_bytes()).split(b"\n")
    own = [line for line in lines if bot["anonymous_id"].encode() in line]
    agent = b"(compatible; PriceHawk/1.2; +https://bot.example/about)"
    text = b"\n".join(lines[:2000] + own).replace(agent, b"(X11; Linux x86_64)")
    with Log.create(tmp_path / "store") as log:
        log.ingest(BytesIO(text))
        result = log.doctor(checks=["fast_people"])
    assert result.to_polars().select("subject", "events").rows() == [
        (bot["anonymous_id"], bot["lines"])
    ]


def test_a_plan_written_from_the_sample_is_kept_by_it(sample: Log, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(sample.tracking_plan(), encoding="utf-8")
    names = ["plan_events", "plan_fields", "plan_types", "plan_values"]
    result = sample.doctor(checks=names, plan=tmp_path / "plan.toml")
    assert result.to_polars().height == 0
    assert all(number > 30 for number in result.to_polars("checks")["looked_at"])


def test_a_log_without_faults_has_neither_errors_nor_warnings(
    truth: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "clean.jsonl").write_bytes(clean(truth["seed"]))
    with Log.create(tmp_path / "store") as log:
        assert log.ingest(tmp_path / "clean.jsonl").rejected == 0
        result = log.doctor()
    assert result.meta["findings"][Severity.ERROR] == 0
    assert result.to_polars().filter(result.to_polars()["severity"] == "warning").to_dicts() == []
    assert set(result.to_polars()["check"]) == {"new_types", "stopped_types", "shared_devices"}
