"""Find what is wrong with the log: tracking, ids, clocks, money, types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Annotated, Any, Final

from clickcli.analysis import Shared
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, put, target
from clickcli.config import load
from clickcli.doctor.diagnosis import CHECKS, FINDINGS
from clickcli.doctor.registry import load_all
from clickcli.errors import UsageError, unknown
from clickcli.units import zone

_PERIOD: Final = frozenset({"from_", "to", "last", "tz"})
_TABLES: Final = (FINDINGS, CHECKS)


class FailOn(StrEnum):
    """From which severity on a finding makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


_FAILING: Final[Mapping[FailOn, tuple[str, ...]]] = {
    FailOn.ERROR: ("error",),
    FailOn.WARNING: ("error", "warning"),
    FailOn.NEVER: (),
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``doctor``."""

    check: Annotated[
        tuple[str, ...],
        Flag("Make this check only; may be given again.", metavar="NAME", group="Doctor"),
    ] = ()
    plan: Annotated[
        str | None,
        Flag("Tracking plan: what each event type must carry.", metavar="FILE", complete="file",
             group="Doctor"),
    ] = None  # fmt: skip
    fail_on: Annotated[
        FailOn,
        Flag("The least finding that makes the exit code 1.", group="Doctor"),
    ] = FailOn.ERROR
    write_plan: Annotated[
        bool, Flag("Print a tracking plan that the log keeps instead.", group="Doctor")
    ] = False


def _run(given: Mapping[str, Any]) -> int:
    from clickcli.doctor.registry import chosen
    from clickcli.render.page import page_of

    general, output = make(General, given), make(Output, given)
    parameters, settings = make(Parameters, given), load()
    period = {**settings.given("shared"), **only(Shared, given)}
    period = {name: value for name, value in period.items() if name in _PERIOD}
    if parameters.write_plan:
        return _write_plan(general, output, parameters, period)
    to = target(output, general, configured=settings["format"])
    if output.table is not None and output.table not in [table.name for table in _TABLES]:
        raise unknown("table", output.table, [table.name for table in _TABLES])
    chosen(parameters.check)
    with opened(general, settings) as log:
        result = log.doctor(checks=parameters.check, plan=parameters.plan, **period)
    if to.kind.name == "table" and output.table is None:
        to = replace(to, style=replace(to.style, table=FINDINGS.name))
    emit(page_of(result), to.in_zone(zone(period.get("tz", "UTC"))))
    found = result.meta["findings"]
    return int(any(found[severity] for severity in _FAILING[parameters.fail_on]))


def _write_plan(
    general: General, output: Output, parameters: Parameters, period: Mapping[str, Any]
) -> int:
    """Write a derived plan to stdout or to the file of ``-o``."""
    if output.format is not None or output.table is not None or parameters.plan is not None:
        raise UsageError("--write-plan writes TOML: leave out --format, --table and --plan")
    with opened(general, load()) as log:
        text = log.tracking_plan(**period)
    put(iter([text.encode()]), None if output.output in (None, "-") else output.output)
    return 0


COMMAND = Command(
    "doctor",
    "Find what is wrong with the log: tracking, ids, clocks, money, types.",
    (Parameters, Shared, Output, General),
    _run,
    examples=(
        "clickcli doctor",
        "clickcli doctor --last 7d --fail-on warning -q -f json",
        "clickcli doctor --write-plan -o plan.toml && clickcli doctor --plan plan.toml",
    ),
    sections={
        "Tables": tuple((table.name, table.help) for table in _TABLES),
        "Checks": tuple((check.name, check.help) for check in load_all()),
    },
    without=frozenset(field.name for field in fields(Shared)) - _PERIOD,
)
