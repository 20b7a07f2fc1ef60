"""The privacy commands: what they print, what they refuse, which files they leave."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran, Run, write_log


@pytest.fixture
def stored(run: Run, tmp_path: Path) -> Path:
    """Return the folder of a fresh store of the shop's log, the configured one of ``run``."""
    assert run("ingest", write_log(tmp_path / "events.jsonl"), "-q").code == 0
    return tmp_path / "clickstore"


def data(ran: Ran) -> Any:
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def people(run: Run) -> set[str]:
    rows = run("events", "--head", 0, "--columns", "person_id", "-f", "jsonl", "-q").out
    return {json.loads(line)["person_id"] for line in rows.splitlines()}


def test_opting_out_and_in_again(run: Run, stored: Path) -> None:
    ran = run("privacy", "consent", "--opt-out", "anna", "nobody yet", "-f", "json")
    assert data(ran)["data"] == [{"action": "opt_out", "given": 2, "changed": 2, "known": 1}]
    assert "1 of 2 ids have no events in the store so far" in ran.err
    assert people(run) == {"bert", "cleo", "dora"}
    ran = run("privacy", "consent", "--list", "-f", "json")
    assert data(ran)["data"][0] == {"list": "opted_out", "people": 2}
    assert (
        data(run("privacy", "consent", "--opt-in", "anna", "-f", "json"))["data"][0]["known"] == 1
    )
    assert "anna" in people(run)
    assert (stored.parent / "clickstore.key").stat().st_mode & 0o777 == 0o600


def test_ids_come_from_a_file_of_lines_or_a_column(run: Run, stored: Path, tmp_path: Path) -> None:
    lines = tmp_path / "ids.txt"
    lines.write_bytes("\ufeffanna\r\n\r\nbert\n".encode())
    assert (
        data(run("privacy", "consent", "--opt-out", "--file", lines, "-f", "json"))["data"][0][
            "known"
        ]
        == 2
    )
    table = tmp_path / "ids.csv"
    table.write_text('name,id\n"x, y",cleo\n,\nshort\n"q",dora\n')
    asked = ("privacy", "consent", "--opt-out", "--file", table, "--column", "id", "-f", "json")
    assert data(run(*asked))["data"][0]["given"] == 2
    assert people(run) == set()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("consent", "anna"), 2, "give one of --opt-out"),
        (("consent", "--opt-out", "--opt-in", "anna"), 2, "give one of"),
        (("consent", "--opt-out"), 2, "no ids are given"),
        (("consent", "--opt-out", "anna", "guest"), 2, "'guest' means nobody"),
        (("consent", "--list", "anna"), 2, "--list takes no ids"),
        (("consent", "--opt-out", "x", "--file", "f"), 2, "contradict"),
        (("consent", "--opt-out", "x", "--column", "c"), 2, "--column needs --file"),
        (("consent", "--opt-out", "--file", "missing"), 74, "cannot read missing"),
        (("consent", "--opt-out", "--file", "binary"), 3, "must be UTF-8"),
        (("consent", "--opt-out", "--file", "empty"), 3, "holds no ids"),
        (("consent", "--opt-out", "--file", "csv", "--column", "usr_id"), 2, "unknown column"),
        (("export",), 2, "give one of --user and --device"),
        (("export", "--user", "a", "--device", "b"), 2, "give one of"),
        (("export", "--user", "null"), 2, "means nobody"),
        (("delete",), 2, "nobody is named"),
        (("delete", "--user", "anna", "--user", "0"), 2, "means nobody"),
        (("retain",), 2, "--keep is missing"),
        (("retain", "--keep", "1h"), 2, "at least 1d"),
        (("retain", "--keep", "soon"), 2, "a duration must be"),
        (("retain", "--keep", "9d", "--as-of", "2199-01-01"), 2, "must not be in the future"),
        (("scrub",), 2, "nothing to scrub"),
        (("scrub", "--kind", "emial"), 2, "--kind must be one of"),
        (("scrub", "--field", "user_id"), 2, "must not be user_id"),
        (("hash", "--dry-run"), 2, "need --in-place"),
        (("hash", "csv", "--in-place"), 2, "takes no file"),
        (("hash", "missing"), 74, "cannot read missing"),
        (("hash", "csv"), 3, "no line is a JSON object"),
        (("nonsense",), 2, "unknown command"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_changed(
    run: Run, stored: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n\n")
    (tmp_path / "csv").write_text("user_id\nanna\n")
    before = (stored / "catalog.db").read_bytes()
    ran = run("privacy", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert (stored / "catalog.db").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("consent", "--opt-out", "anna"), ("export", "--user", "anna"), ("audit",),
        ("delete", "--user", "anna"), ("retain", "--keep", "9d"), ("scrub", "--kind", "email"),
        ("hash", "--in-place"), ("audit", "--record"),
    ],
)  # fmt: skip
def test_without_a_store_nothing_is_made(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = run("privacy", *arguments)
    assert ran.code == 3
    assert "does not exist" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "csv", "tsv", "md", "parquet", "arrow"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("consent", "--list"), ("export", "--user", "anna"), ("audit",), ("audit", "--record"),
        ("delete", "--user", "x", "--dry-run"), ("retain", "--keep", "9000d", "--dry-run"),
        ("scrub", "--kind", "email", "--dry-run"), ("hash", "--in-place", "--dry-run"),
    ],
)  # fmt: skip
def test_every_command_has_every_format(
    run: Run, stored: Path, tmp_path: Path, arguments: tuple[str, ...], kind: str
) -> None:
    out = tmp_path / "out.bin"
    ran = run("privacy", *arguments, "-f", kind, "-o", out, "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert out.stat().st_size or kind == "jsonl"


def test_an_export_is_for_its_owner_only_even_over_an_older_file(
    run: Run, stored: Path, tmp_path: Path
) -> None:
    out = tmp_path / "anna.json"
    out.write_text("older, and open to all")
    out.chmod(0o644)
    meta = tmp_path / "meta.json"
    assert run("privacy", "export", "--user", "anna", "-o", out, "--meta", meta).code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert meta.stat().st_mode & 0o777 == 0o600
    page = json.loads(out.read_text())
    assert page["schema"] == "clickcli.privacy-export.v1"
    assert {row["user_id"] for row in page["data"]} == {"anna"}
    purchase = next(row for row in page["data"] if row["event_type"] == "purchase")
    assert (purchase["revenue"], purchase["currency"]) == (9.5, "EUR")
    assert page["tables"]["person"][0]["events"] == len(page["data"]) == 8


def test_an_export_holds_the_kept_recommendations(run: Run, stored: Path) -> None:
    def kept() -> Any:
        page = data(run("privacy", "export", "--user", "anna"))
        return page["tables"]["recommendations"]

    more = {"event_type": "product_view", "ts": 1_709_251_200, "user_id": "bert", "item_id": "p9"}
    Path("more.jsonl").write_text(json.dumps(more) + "\n")
    assert run("ingest", "more.jsonl", "-q").code == 0
    assert kept() == []
    assert run("train", "--method", "popular", "-q").code == 0
    wanted = data(run("recommend", "--user", "anna", "-k", "50", "-f", "json"))["data"]
    assert [row["item_id"] for row in kept()] == [row["item_id"] for row in wanted] == ["p9"]


def test_a_deletion_gives_a_certificate_and_the_log_brings_nothing_back(
    run: Run, stored: Path, tmp_path: Path
) -> None:
    told = data(run("privacy", "delete", "--user", "anna", "--dry-run", "-f", "json"))
    assert told["data"][0]["rows"] == 8
    assert told["notes"] == ["nothing was changed: this is what would go"]
    page = data(run("privacy", "delete", "--user", "anna", "-f", "json"))
    row = page["data"][0]
    assert (row["rows"], row["left"]) == (8, 0)
    assert page["tables"]["people"][0]["kind"] == "user"
    assert "anna" not in json.dumps(page)
    assert "anna" not in people(run)
    (tmp_path / "again.jsonl").write_bytes((tmp_path / "events.jsonl").read_bytes())
    again = data(run("ingest", "again.jsonl", "-f", "json", "-q"))["data"][0]
    assert (again["stored"], again["suppressed"]) == (0, 8)
    audit = data(run("privacy", "audit", "-f", "json"))["data"]
    assert [entry["act"] for entry in audit] == ["delete"]
    assert row["certificate"] in audit[0]["detail"]


def test_something_left_is_an_error_and_is_named(
    run: Run, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickcli.store.privacy.delete.redact_catalog", lambda *_: None)
    (stored / "staging" / "x").mkdir()
    real = Path.rglob

    def with_a_leak(self: Path, pattern: str) -> Any:
        if self == stored and pattern == "*":
            (stored / "leak.txt").write_text("of cleopatra")
        return real(self, pattern)

    monkeypatch.setattr(Path, "rglob", with_a_leak)
    ran = run("privacy", "delete", "--user", "cleopatra", "--store", stored)
    assert ran.code == 3
    assert "something is left in 1 places, the first is leak.txt, raw bytes" in ran.err


def test_retention_by_the_clock_on_the_wall(run: Run, stored: Path) -> None:
    page = data(run("privacy", "retain", "--keep", "30d", "-f", "json"))
    assert page["data"][0]["rows"] == 16
    assert data(run("info", "-f", "json"))["data"][0]["events"] == 0


def test_scrubbing_at_ingest_is_a_setting(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clickcli.toml").write_text('scrub = ["email"]\n')
    line = {"event_type": "view", "ts": 1_709_251_200, "user_id": "u", "mail": "a@b.de"}
    (tmp_path / "log").write_text(json.dumps(line) + "\n")
    assert run("ingest", "log", "-q").code == 0
    assert "a@b.de" not in run("events", "-f", "json").out
    (tmp_path / "clickcli.toml").write_text('scrub = ["emial"]\n')
    ran = run("ingest", "log")
    assert (ran.code, "did you mean email" in ran.err) == (2, True)


def test_consent_may_be_required_by_the_configuration(run: Run, stored: Path) -> None:
    ran = run("privacy", "consent", "--grant", "anna")
    assert "set require_consent" in ran.err
    (stored.parent / "clickcli.toml").write_text("require_consent = true\n")
    assert people(run) == {"anna"}
    ran = run("info", "-f", "json")
    assert data(ran)["data"][0]["events"] == 16
    (stored.parent / "clickcli.toml").write_text('require_consent = "yes"\n')
    assert run("events").code == 2


def test_the_key_file_is_a_setting(
    run: Run, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").mkdir()
    monkeypatch.setenv("CLICKCLI_KEY_FILE", str(tmp_path / "keys" / "shop.key"))
    assert run("privacy", "consent", "--opt-out", "anna").code == 0
    assert (tmp_path / "keys" / "shop.key").exists()
    assert not (tmp_path / "clickstore.key").exists()
    monkeypatch.delenv("CLICKCLI_KEY_FILE")
    (tmp_path / "again.jsonl").write_bytes((tmp_path / "events.jsonl").read_bytes())
    ran = run("ingest", "again.jsonl")
    assert ran.code == 3
    assert "the key of the store is missing" in ran.err


def test_a_log_is_hashed_in_a_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "clickcli", "privacy", "hash"]
    line = b'{"user_id": "anna",  "x": 1.0}\n'
    ran = subprocess.run(command, input=line * 3, capture_output=True, cwd=tmp_path, check=True)
    lines = ran.stdout.splitlines(keepends=True)
    assert len(set(lines)) == 1
    assert lines[0].startswith(b'{"user_id": "h_')
    assert lines[0].endswith(b'",  "x": 1.0}\n')
    assert b"hashed 3 ids in 3 lines" in ran.stderr
    again = subprocess.run(command, input=ran.stdout, capture_output=True, cwd=tmp_path, check=True)
    assert again.stdout == ran.stdout


def test_control_characters_in_ids_are_shown_not_obeyed(run: Run, stored: Path) -> None:
    ran = run("privacy", "export", "--user", "\x1b[31mx", "-f", "table")
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err


def test_a_listing_says_that_people_are_left_out(run: Run, stored: Path) -> None:
    assert "opted out" not in run("events").err
    run("privacy", "consent", "--opt-out", "anna")
    assert "events of people who opted out or did not agree are left out" in run("events").err
