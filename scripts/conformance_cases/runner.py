"""Run cases and say what came of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from conformance_cases.areas import AREAS
from conformance_cases.case import Case, Check, Unsupported, files, from_json, load, readings


class Status(StrEnum):
    """What came of a case."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SUPPORTED = "not supported"


@dataclass(frozen=True)
class Outcome:
    """A case's result; ``kind`` is default, option or reading, ``details`` say why."""

    name: str
    area: str
    kind: str
    status: Status
    details: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether clickcli disagrees where it must agree."""
        return self.status is Status.FAILED and self.kind == "default"


def run(case: Case) -> Outcome:
    """Ask one question; a case passes only if all of it was understood and agrees."""
    from clickcli.errors import UsageError

    check = Check(case.tolerance)

    def outcome(status: Status, *details: str) -> Outcome:
        return Outcome(case.name, case.area, case.status, status, details)

    if case.area not in AREAS:
        return outcome(Status.NOT_SUPPORTED, f"no analysis of {case.area} is asked by this script")
    try:
        AREAS[case.area](case, check)
    except Unsupported as reason:
        return outcome(Status.NOT_SUPPORTED, str(reason))
    except UsageError as error:
        status = Status.FAILED if case.is_default else Status.NOT_SUPPORTED
        return outcome(status, f"refused: {error.message}")
    except Exception as error:  # noqa: BLE001 - a crash is a failed case, not the end of the run
        return outcome(Status.FAILED, f"{type(error).__name__}: {error}")
    unknown = [f"unknown: {key}" for key in case.query.untaken()]
    if check.differences and not unknown:
        return outcome(Status.FAILED, *check.differences)
    unknown += [*check.reasons, *(f"unknown: {key}" for key in case.expected.untaken())]
    if not check.compared:
        unknown.append("the case states nothing that can be compared")
    if unknown:
        return outcome(Status.NOT_SUPPORTED, *unknown)
    return outcome(Status.PASSED)


def run_folder(folder: Path, area: str | None = None) -> Iterator[Outcome]:
    """Run every case of a folder, and the other readings that cases state."""
    for path in files(folder):
        data: Mapping[str, Any] = {}
        try:
            data = load(path)
            if area is not None and data.get("area") != area:
                continue
            yield run(from_json(path.stem, data))
            yield from (run(reading) for reading in readings(path.stem, data))
        except Unsupported as reason:
            where = str(data.get("area", "unreadable"))
            yield Outcome(path.stem, where, "unknown", Status.NOT_SUPPORTED, (str(reason),))
