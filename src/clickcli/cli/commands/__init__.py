"""The list of commands: those written by hand, and one for each analysis."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from clickcli.cli.command import Command
from clickcli.cli.group import Entry
from clickcli.registry import headline, names

_FOLDER: Final = Path(__file__).parent


def _headline(module: str) -> str:
    """Return the first line of a command's module without importing it."""
    with (_FOLDER / f"{module}.py").open(encoding="utf-8") as file:
        return file.readline().strip().removeprefix('"""').removesuffix('"""')


def _load(module: str) -> Command:
    declared = import_module(f"clickcli.cli.commands.{module}").COMMAND
    assert isinstance(declared, Command)
    return declared


def _written(name: str, section: str, module: str | None = None) -> Entry:
    """Return the entry of a command that has a module of its own here."""
    own = module or name
    return Entry(name, section, lambda: _headline(own), lambda: _load(own))


def _analysis(name: str) -> Entry:
    def load() -> Command:
        from clickcli.cli.generated import analysis_command

        return analysis_command(name)

    return Entry(name, "Analyses", lambda: headline(name), load)


ENTRIES: Final[tuple[Entry, ...]] = (
    _written("demo", "Start"),
    _written("init", "Start"),
    _written("ingest", "Start"),
    _written("info", "What is in the store"),
    _written("events", "What is in the store"),
    _written("doctor", "What is in the store"),
    *(_analysis(name) for name in names()),
    _written("person", "People"),
    Entry(
        "predict",
        "People",
        lambda: "Foresee who will convert, buy or leave.",
        entries=(
            _written("train", "Commands", "predict_train"),
            _written("score", "Commands", "predict_score"),
            _written("report", "Commands", "predict_report"),
        ),
    ),
    _written("train", "Recommendations"),
    _written("recommend", "Recommendations"),
    _written("sql", "Tables"),
    _written("export", "Tables"),
    Entry(
        "features",
        "Tables",
        lambda: "Tables of people, items and what people do with them, for other systems.",
        entries=(
            _written("build", "Commands", "features_build"),
            _written("show", "Commands", "features_show"),
            _written("drop", "Commands", "features_drop"),
        ),
    ),
    _written("batches", "Upkeep"),
    _written("undo", "Upkeep"),
    _written("compact", "Upkeep"),
    _written("verify", "Upkeep"),
    Entry(
        "identity",
        "Identity",
        lambda: "See and correct which devices are whose.",
        entries=(
            _written("preview", "Commands", "identity_preview"),
            _written("link", "Commands", "identity_link"),
            _written("unlink", "Commands", "identity_unlink"),
            _written("split", "Commands", "identity_split"),
            _written("list", "Commands", "identity_list"),
            _written("suspects", "Commands", "identity_suspects"),
        ),
    ),
    Entry(
        "privacy",
        "Privacy",
        lambda: "See, limit and delete what is kept of people.",
        entries=(
            _written("consent", "Commands", "privacy_consent"),
            _written("hash", "Commands", "privacy_hash"),
            _written("export", "Commands", "privacy_export"),
            _written("delete", "Commands", "privacy_delete"),
            _written("retain", "Commands", "privacy_retain"),
            _written("scrub", "Commands", "privacy_scrub"),
            _written("audit", "Commands", "privacy_audit"),
        ),
    ),
    Entry(
        "config",
        "Settings",
        lambda: "Show the settings and where they come from.",
        entries=(_written("show", "Commands", "config_show"),),
    ),
)
