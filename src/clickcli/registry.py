"""Find the analyses: every module of ``clickcli.analyses`` that declares one.

Names and headlines are read from the files without importing them, so that help and
completion stay fast.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from clickcli.analysis import Analysis
from clickcli.errors import unknown

_FOLDER = Path(__file__).parent / "analyses"


def names() -> list[str]:
    """Return the names of the analyses, sorted; a module's underscores are hyphens."""
    return sorted(
        path.stem.replace("_", "-") for path in _FOLDER.glob("*.py") if path.stem[0] != "_"
    )


def headline(name: str) -> str:
    """Return the first line of an analysis' docstring, without importing it."""
    with (_FOLDER / f"{name.replace('-', '_')}.py").open(encoding="utf-8") as file:
        return file.readline().strip().removeprefix('"""').removesuffix('"""')


def load(name: str) -> Analysis[Any]:
    """Import an analysis and return its declaration; UsageError for an unknown name."""
    if name not in names():
        raise unknown("analysis", name, names())
    analysis = import_module(f"clickcli.analyses.{name.replace('-', '_')}").ANALYSIS
    assert isinstance(analysis, Analysis)
    return analysis


def load_all() -> list[Analysis[Any]]:
    """Import every analysis."""
    return [load(name) for name in names()]
