"""Where a comparison works: data, stores and the contenders' own environment, made once."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import bench_data
from bench_measure import Contender, measure, table
from bench_sql import BY_PERSON

_PACKAGES = ("duckdb>=2.0", "chdb>=4", "pandas", "pyarrow", "retentioneering>=5")
HERE = Path(__file__).parent
CLICKCLI = str(Path(sys.executable).with_name("clickcli"))
Rows = list[dict[str, object]]


def do(*command: str) -> None:
    """Run what prepares a measurement; SystemExit with its last words when it fails."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {run.returncode}: {run.stderr[-2000:]}")


@cache
def _is_here(package: str) -> bool:
    """Return whether our own environment has a package; say so where it has not."""
    is_here = importlib.util.find_spec(package) is not None
    if not is_here:
        print(f"{package} is left out: not installed here")
    return is_here


@dataclass(frozen=True)
class Bench:
    """A folder with data, stores and the contenders' environment, and how much is asked for."""

    folder: Path
    events: int
    rounds: int
    quick: bool = False

    @cached_property
    def python(self) -> str:
        """Return the interpreter of the contenders; in a quick run our own, nothing installed."""
        if self.quick:
            return sys.executable
        python = self.folder / "contenders" / "bin" / "python"
        if not python.exists():
            do(sys.executable, "-m", "venv", str(python.parents[1]))
        do(str(python), "-m", "pip", "install", "--quiet", *_PACKAGES)
        return str(python)

    def has(self, package: str) -> bool:
        """Return whether a contender is there: all are but in a quick run."""
        return not self.quick or _is_here(package)

    def log(self, events: int | None = None) -> Path:
        """Return the log of so many events, made if need be."""
        events = self.events if events is None else events
        return bench_data.write(self.folder / f"events-{events}.jsonl", events)

    def store(self, events: int | None = None) -> Path:
        """Return the store of so many events, made if need be."""
        events = self.events if events is None else events
        root = self.folder / f"store-{events}"
        if not root.exists():
            part = self.folder / f"store-{events}.part"
            shutil.rmtree(part, ignore_errors=True)
            do(CLICKCLI, "ingest", str(self.log(events)), "--store", str(part))
            part.rename(root)
        return root

    def query(self, work: str, engine: str, query: str, events: str) -> list[Contender]:
        """Return a database asked over the store's files, and ClickHouse over one of its own too.

        That file is sorted by person, as its tables are; DuckDB gained nothing from it.
        """
        path = self.folder / f"{work}-{engine}.sql"
        path.write_text(query, encoding="utf-8")
        ask = (self.python, str(HERE / "bench_query.py"), engine, str(path))
        if engine == "duckdb":
            return [Contender("DuckDB", (*ask, events))]
        own = self.folder / f"by-person-{self.events}"
        if not own.exists():
            part = self.folder / "by-person.part"
            shutil.rmtree(part, ignore_errors=True)
            (part / "all").mkdir(parents=True)
            copy = self.folder / "by-person.sql"
            copy.write_text(BY_PERSON.replace("{target}", str(part)), encoding="utf-8")
            do(self.python, str(HERE / "bench_query.py"), "duckdb", str(copy), events)
            part.rename(own)
        return [
            Contender("ClickHouse (chdb)", (*ask, events)),
            Contender("ClickHouse, file by person", (*ask, str(own))),
        ]

    def compare(self, title: str, contenders: Sequence[Contender]) -> Rows:
        """Measure contenders that must agree and print the table."""
        return table(title, measure(contenders, self.rounds, warm=self.rounds > 1))
