"""Find the checks: every module of ``clickcli.doctor.checks`` declares some as ``CHECKS``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from clickcli.doctor.check import Check
from clickcli.errors import unknown

_FOLDER: Final = Path(__file__).parent / "checks"


@cache
def load_all() -> tuple[Check[Any], ...]:
    """Import every check; they come in the order of their names."""
    modules = sorted(path.stem for path in _FOLDER.glob("*.py") if path.stem[0] != "_")
    found = [
        check
        for module in modules
        for check in import_module(f"clickcli.doctor.checks.{module}").CHECKS
    ]
    return tuple(sorted(found, key=lambda check: str(check.name)))


def names() -> list[str]:
    """Return the names of the checks, sorted."""
    return [check.name for check in load_all()]


def chosen(wanted: Iterable[str]) -> tuple[Check[Any], ...]:
    """Return the checks of these names, all without any; UsageError for an unknown name."""
    asked = set(wanted)
    for name in sorted(asked):
        if name not in names():
            raise unknown("check", name, names())
    return tuple(check for check in load_all() if not asked or check.name in asked)
