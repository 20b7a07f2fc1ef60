"""One command for each analysis, made from its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from clickcli.analysis import Analysis, Aside, Shared
from clickcli.cli.command import Command
from clickcli.cli.explain import explain
from clickcli.cli.options import Flag, make, only, parameters_of
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load as settings_of
from clickcli.errors import UsageError, unknown
from clickcli.registry import headline, load
from clickcli.units import zone


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Options of every analysis that say what to tell beside its tables."""

    who: Annotated[
        str | None,
        Flag("List the people behind a cell instead, as JSON Lines.", metavar="CELL",
             group="Output"),
    ] = None  # fmt: skip
    explain: Annotated[bool, Flag("Say in words what was computed from what.", group="Output")] = (
        False
    )


def analysis_command(name: str) -> Command:
    """Import an analysis and declare its command."""
    analysis = load(name)
    asides = () if analysis.aside is None else (analysis.aside.options,)
    kinds: tuple[type, ...] = (analysis.parameters, *asides, Shared, Asking, Output, General)
    sections: dict[str, tuple[tuple[str, str], ...]] = {}
    if analysis.cells:
        sections["Cells of --who"] = tuple((cell.form, cell.help) for cell in analysis.cells)
    if len(analysis.tables) > 1:
        sections["Tables"] = tuple((table.name, table.help) for table in analysis.tables)
    return Command(
        name, headline(name), kinds, partial(_run, analysis), analysis.examples, sections
    )


def _run(analysis: Analysis[Any], given: Mapping[str, Any]) -> int:
    """Compute the analysis over the store and write its tables."""
    from clickcli.cli.opened import opened
    from clickcli.render.page import page_of

    general, output = make(General, given), make(Output, given)
    if analysis.aside is not None and only(analysis.aside.options, given):
        return _aside(analysis, analysis.aside, given)
    asking = make(Asking, given)
    settings = settings_of()
    usual = "jsonl" if asking.who is not None else None
    to = target(output, general, configured=settings["format"], usual=usual)
    names = [table.name for table in analysis.tables]
    if output.table is not None and asking.who is None and output.table not in names:
        raise unknown("table", output.table, names)
    shared = {**settings.given("shared"), **only(Shared, given)}
    with opened(general, settings) as log:
        result = log.run(
            analysis.name, only(analysis.parameters, given), shared,
            who=asking.who, table=output.table,
        )  # fmt: skip
    emit(page_of(result), to.in_zone(zone(shared.get("tz", "UTC"))))
    if asking.explain:
        explain(result, general)
    return 0


def _aside(analysis: Analysis[Any], aside: Aside, given: Mapping[str, Any]) -> int:
    """Answer what needs no store; options that would need one are refused."""
    from clickcli.render.page import Page, sheet_of_rows

    own = only(aside.options, given)
    known = {*own, *only(Output, given), *only(General, given)}
    if strange := [name for name in given if name not in known]:
        flags = {
            one.name: one.label() for one in parameters_of(analysis.parameters, Shared, Asking)
        }
        word = f"--{aside.table.name}"
        raise UsageError(f"{word} and {flags[strange[0]]} contradict each other")
    settings = settings_of()
    row = aside.answer(aside.options(**own), settings.given("dataset"))
    to = target(make(Output, given), make(General, given), configured=settings["format"])
    sheet = sheet_of_rows(aside.table, [row], is_card=True)
    name = f"{analysis.name}-{aside.table.name}"
    emit(Page(name, analysis.version, (sheet,), title=aside.table.help), to)
    return 0
