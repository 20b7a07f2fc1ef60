"""Show how far an ingest is: a bar at a terminal, a line a phase elsewhere, always on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clickcli.cli.output import is_quiet_stderr, say
from clickcli.render.cells import grouped

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from clickcli.store import Progress

Report = Callable[["Progress"], None]


@contextmanager
def shown(*, is_quiet: bool) -> Iterator[Report | None]:
    """Yield what an ingest reports to; None when nothing is to be shown."""
    if is_quiet:
        yield None
    elif is_quiet_stderr():
        yield _lines()
    else:
        with _bar() as bar:
            yield _moving(bar)


def _lines() -> Report:
    seen: set[str] = set()

    def report(progress: Progress) -> None:
        if progress.phase not in seen:
            seen.add(progress.phase)
            say(progress.phase)

    return report


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows", markup=False),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )


def _moving(bar: Bar) -> Report:
    tasks: dict[str, TaskID] = {}

    def report(progress: Progress) -> None:
        rows = grouped(progress.rows, 0)
        if progress.phase not in tasks:
            for other in tasks.values():
                bar.update(other, visible=False)
            tasks[progress.phase] = bar.add_task(
                f"{progress.phase:14}", total=progress.total, rows=rows
            )
        bar.update(tasks[progress.phase], completed=progress.done, total=progress.total, rows=rows)

    return report
