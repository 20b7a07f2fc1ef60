"""Settings: who wins, what is refused, where a value came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clickcli.config import KEYS, example, load
from clickcli.errors import UsageError
from tests.cli.conftest import Run


def _user(home: Path, text: str) -> dict[str, str]:
    folder = home / "config" / "clickcli"
    folder.mkdir(parents=True)
    (folder / "clickcli.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(home / "config")}


def test_environment_wins_over_project_over_user_over_default(tmp_path: Path) -> None:
    environment = _user(tmp_path, 'tz = "Europe/Rome"\nweek_start = "sunday"\ncurrency = "chf"\n')
    project = tmp_path / "project" / "deep"
    project.mkdir(parents=True)
    (tmp_path / "project" / "clickcli.toml").write_text('tz = "Europe/Berlin"\ncurrency = "EUR"\n')
    settings = load(project, {**environment, "CLICKCLI_TZ": "Asia/Tokyo"})
    assert settings["tz"] == "Asia/Tokyo"
    assert settings["currency"] == "EUR"
    assert settings["week_start"] == "sunday"
    assert settings["store"] == "clickstore"
    origins = {setting.key.name: setting.origin for setting in settings}
    assert origins["tz"] == "CLICKCLI_TZ (environment)"
    assert origins["currency"].endswith("project/clickcli.toml")
    assert origins["week_start"].endswith("config/clickcli/clickcli.toml")
    assert origins["store"] == "default"


def test_a_relative_store_is_beside_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "clickcli.toml").write_text('store = "data/shop"\n')
    monkeypatch.chdir(tmp_path / "deep")
    assert Path(load(environment={})["store"]).resolve() == (tmp_path / "data/shop").resolve()


def test_files_of_costs_are_beside_their_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "clickcli.toml").write_text('[costs]\nitems = "costs.csv"\n')
    monkeypatch.chdir(tmp_path / "deep")
    settings = load(environment={"CLICKCLI_COSTS_TRAFFIC": "/spend.csv"})
    assert settings.given("dataset") == {
        "costs_items": "../costs.csv", "costs_traffic": "/spend.csv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("timezone = 'UTC'", "unknown key 'timezone'"),
        ("tz = 3", "tz must be the name of a time zone"),
        ("tz = 'Mars/Base'", "tz must be the name of a time zone"),
        ("week_start = 'friday'", "week_start must be monday or sunday, was 'friday'"),
        ("format = 'xml'", "format must be one of table, json"),
        ("passive_events = 'x'", "passive_events must be a list of texts"),
        ("passive_events = [1]", "passive_events must be a list of texts"),
        ("currency = 'EURO'", "currency must be an ISO 4217 code"),
        ("max_error_rate = 5", "max_error_rate must be a number from 0 to 1"),
        ("max_error_rate = true", "max_error_rate must be a number from 0 to 1"),
        ("store = ''", "store must be text"),
        ("tz = [", "is not TOML"),
        ("[tz]\nx = 1", "tz must be"),
        ("[costs]\nitem = 'x.csv'", "unknown key 'costs.item'"),
        ("costs.items = 3", "costs.items must be text"),
        ("costs = 'x.csv'", "unknown key 'costs'"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "clickcli.toml").write_text(text)
    with pytest.raises(UsageError, match=r"clickcli\.toml") as caught:
        load(tmp_path, {})
    assert error in caught.value.message
    assert caught.value.hint


def test_a_huge_or_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clickcli.toml"
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(UsageError, match="over 1 MB"):
        load(tmp_path, {})
    path.write_bytes(bytes(range(256)))
    with pytest.raises(UsageError, match="is not TOML"):
        load(tmp_path, {})


def test_a_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clickcli.toml").write_text("tz = " + "[" * 100_000)
    with pytest.raises(UsageError, match="is not TOML"):
        load(tmp_path, {})


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(UsageError, match="CLICKCLI_MAX_ERROR_RATE"):
        load(Path("/"), {"CLICKCLI_MAX_ERROR_RATE": "much"})


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    settings = load(Path("/"), {"CLICKCLI_PASSIVE_EVENTS": "email_sent, push_sent"})
    assert settings["passive_events"] == ("email_sent", "push_sent")


def test_the_example_names_every_key_and_is_valid(tmp_path: Path) -> None:
    text = example()
    assert all(f"{key.name} = " in text for key in KEYS)
    uncommented = "\n".join(
        line.removeprefix("# ") if " = " in line else line for line in text.split("\n")
    )
    (tmp_path / "clickcli.toml").write_text(uncommented)
    load(tmp_path, {})


def test_flags_win_over_the_configuration(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("clickcli.toml").write_text(f"store = {json.dumps(str(shop))}\ntz = 'Europe/Berlin'\n")
    monkeypatch.setenv("CLICKCLI_FORMAT", "json")

    def zone(*options: str) -> str:
        return str(json.loads(run("active", *options).out)["meta"]["tz"])

    assert zone() == "Europe/Berlin"
    assert zone("--tz", "Asia/Tokyo") == "Asia/Tokyo"
    assert run("info", "-f", "csv").out.startswith("store,events")


def test_config_show_tells_origins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKCLI_TZ", "Asia/Tokyo")
    rows = json.loads(run("config", "show", "--origin", "-f", "json").out)["data"]
    assert {row["key"] for row in rows} == {key.name for key in KEYS}
    (tz,) = [row for row in rows if row["key"] == "tz"]
    assert tz["value"] == "Asia/Tokyo"
    assert tz["origin"] == "CLICKCLI_TZ (environment)"


def test_a_bad_configuration_stops_a_command(run: Run) -> None:
    Path("clickcli.toml").write_text("tzz = 'UTC'\n")
    ran = run("info")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean tz?" in ran.err
