"""The tree as a whole: no machine's traces, locks that match, versions that agree."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import clickcli
from clickcli.registry import names

ROOT = Path(__file__).parents[1]
FOLDERS = (".ci", "docs", "scripts", "src", "tests")
LOCKS = ("requirements.lock", "requirements-dev.lock")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|work|home|Users)/\w")
ADDRESSES = re.compile(r"https?://|index-url|find-links|pypi\.org|file:")


def texts() -> list[Path]:
    """Return the files that people write: code, scripts, pages and settings."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".coverage"]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def locked(lock: str) -> dict[str, list[str]]:
    """Return the versions of each package in a lock file; more than one where Pythons differ."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([\w.]+)", (ROOT / lock).read_text(), re.MULTILINE
    ):
        versions.setdefault(name, []).append(version)
    return versions


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    for path in texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not MACHINE_PATHS.search(text), path


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_pins_every_package_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not ADDRESSES.search(text)
    assert not MACHINE_PATHS.search(text)
    for entry in re.split(r"\n(?=\S)", text):
        assert "==" in entry
        assert "--hash=sha256:" in entry


def test_locks_hold_what_the_project_asks_for() -> None:
    metadata = project()
    runtime = [*metadata["project"]["dependencies"], *metadata["dependency-groups"]["build"]]
    spark = metadata["project"]["optional-dependencies"]["spark"]
    dev = [entry for entry in metadata["dependency-groups"]["dev"] if isinstance(entry, str)]
    for lock, asked in zip(LOCKS, (runtime, [*runtime, *spark, *dev]), strict=True):
        versions = locked(lock)
        for requirement in map(Requirement, asked):
            assert requirement.name in versions, f"{lock}: run scripts/lock"
            for version in versions[requirement.name]:
                assert version in requirement.specifier, f"{lock}: run scripts/lock"


def test_the_larger_lock_holds_all_of_the_smaller() -> None:
    smaller, larger = (locked(lock) for lock in LOCKS)
    assert smaller.items() <= larger.items()


def test_the_version_is_the_same_everywhere() -> None:
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest is not None
    assert latest[1] == project()["project"]["version"] == clickcli.__version__


def test_scripts_are_executable_and_find_their_interpreter() -> None:
    for name in (".ci/run", "scripts/campaign", "scripts/demo", "scripts/lock", "scripts/test"):
        path = ROOT / name
        assert os.access(path, os.X_OK), name
        assert path.read_text().startswith("#!/usr/bin/env bash\n"), name


def test_every_package_of_ours_says_what_it_is() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert path.read_text().startswith(('"""', 'r"""')), path


def test_readme_names_every_analysis() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in names() if f"`{name}" not in readme] == []
