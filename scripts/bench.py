"""Compare clickcli with what people would use instead, as whole processes in one run.

Every contender runs as its own process on the same files, in turns, with byte code cached;
results are checked equal before any time is believed. The table gives medians, the ratio to
the first contender named and peak memory. Times drift on a shared machine: read the ratios.

    scripts/bench.py ingest --events 1000000 --rounds 5
    scripts/bench.py startup
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bench_data

_CONTENDERS = ("duckdb>=1.1", "typer>=0.20")
_HELLO = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you"): typer.echo(f"hello {name}")
@app.command()
def bye(): typer.echo("bye")
app()
"""
_DUCKDB_INGEST = """
import duckdb, sys
source, target = sys.argv[1:]
db = duckdb.connect()
db.execute("SET preserve_insertion_order = false")
db.execute(f\"\"\"COPY (SELECT *, CAST(timestamp AS DATE) AS date
    FROM read_json('{source}', format = 'newline_delimited', ignore_errors = true)
    WHERE event_id IS NOT NULL)
    TO '{target}' (FORMAT parquet, PARTITION_BY (date), COMPRESSION zstd)\"\"\")
print(db.execute(f"SELECT count(*) FROM read_parquet('{target}/*/*.parquet')").fetchone()[0])
"""

_SETS_MLXTEND = """
import sys, numpy as np, pandas as pd
from mlxtend.frequent_patterns import fpgrowth
from scipy.sparse import csr_array
basket, item = np.load(sys.argv[1]).T
shape = basket[-1] + 1, item.max() + 1
if sys.argv[3] == "dense":
    cells = np.zeros(shape, bool)
    cells[basket, item] = True
    table = pd.DataFrame(cells, copy=False)
else:
    ones = csr_array((np.ones(len(item), bool), (basket, item)), shape=shape)
    table = pd.DataFrame.sparse.from_spmatrix(ones)
    table.columns = table.columns.astype(str)
found = fpgrowth(table, (int(sys.argv[2]) - 0.5) / shape[0], max_len=3)
print(len(found), round((found["support"] * shape[0]).sum()))
"""
_SETS_CLICKCLI = """
import sys, numpy as np
from clickcli.models.itemsets import frequent_sets
basket, item = np.load(sys.argv[1]).T
owners = np.arange(basket[-1] + 1)
found = frequent_sets(basket, item, owners, min_count=int(sys.argv[2]), max_len=3)
print(sum(len(one.counts) for one in found), sum(int(one.counts.sum()) for one in found))
"""


@dataclass(frozen=True)
class Contender:
    """A command whose last line of output is its answer; ``before`` runs untimed."""

    name: str
    command: tuple[str, ...]
    before: Callable[[], None] = lambda: None
    answer: Callable[[str], str] = lambda out: out.strip().splitlines()[-1]


@dataclass
class Measured:
    """What the rounds of one contender gave: seconds, CPU seconds, peak MiB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


_WRAPPER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
run = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, run.returncode,
                  run.stdout.decode(errors="replace")[-2000:]]))
"""


def measure(contenders: Iterable[Contender], rounds: int, *, check: bool) -> dict[str, Measured]:
    """Run the contenders in turns; SystemExit when one fails or their answers differ."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    contenders = list(contenders)
    result = {contender.name: Measured() for contender in contenders}
    answers: dict[str, str] = {}
    for number in range(rounds + 1):
        for contender in contenders:
            contender.before()
            run = subprocess.run(
                [sys.executable, "-c", _WRAPPER, *contender.command],
                capture_output=True, text=True, check=True, env=environment,
            )  # fmt: skip
            wall, cpu, peak, code, out = json.loads(run.stdout)
            if code:
                raise SystemExit(f"{contender.name} ended with {code}: {out}")
            answers[contender.name] = contender.answer(out)
            if number:  # the first round warms caches and byte code
                mine = result[contender.name]
                mine.wall.append(wall)
                mine.cpu.append(cpu)
                mine.peak.append(peak)
    if check and len(set(answers.values())) > 1:
        raise SystemExit(f"answers differ: {answers}")
    return result


def table(title: str, measured: Mapping[str, Measured]) -> list[dict[str, object]]:
    """Print and return medians and ratios to the first contender."""
    base = next(iter(measured.values()))
    rows: list[dict[str, object]] = []
    print(f"\n{title}\n{'':28} wall s   ratio   cpu s   ratio   peak MiB")
    for name, mine in measured.items():
        wall, cpu = statistics.median(mine.wall), statistics.median(mine.cpu)
        wall_ratio = statistics.median(a / b for a, b in zip(mine.wall, base.wall, strict=True))
        cpu_ratio = statistics.median(a / b for a, b in zip(mine.cpu, base.cpu, strict=True))
        peak = max(mine.peak)
        print(
            f"{name:28} {wall:6.3f}  {wall_ratio:6.2f}  {cpu:6.3f}  {cpu_ratio:6.2f}  {peak:9.0f}"
        )
        rows.append({"work": title, "contender": name, "wall_s": wall, "wall_ratio": wall_ratio,
                     "cpu_s": cpu, "cpu_ratio": cpu_ratio, "peak_mib": peak})  # fmt: skip
    return rows


def environment(folder: Path) -> Path:
    """Return the interpreter of the contenders' own environment, made once."""
    python = folder / "contenders" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "contenders")], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             *_CONTENDERS], check=True,
        )  # fmt: skip
    return python


def ingest(folder: Path, events: int, rounds: int) -> list[dict[str, object]]:
    """JSON Lines to partitioned Parquet; DuckDB does it without rejects, ids and order."""
    source = bench_data.write(folder / f"events-{events}.jsonl", events)
    size = source.stat().st_size
    store, lake = folder / "store", folder / "lake"
    clickcli = Path(sys.executable).with_name("clickcli")
    script = folder / "duckdb_ingest.py"
    script.write_text(_DUCKDB_INGEST, encoding="utf-8")

    def stored(out: str) -> str:
        return str(json.loads(out)["data"][0]["stored"])

    contenders = [
        Contender("duckdb read_json + COPY", (str(environment(folder)), str(script), str(source),
                  str(lake)), before=lambda: shutil.rmtree(lake, ignore_errors=True)),
        Contender("clickcli ingest", (str(clickcli), "ingest", str(source), "--store", str(store),
                  "-f", "json"), before=lambda: shutil.rmtree(store, ignore_errors=True),
                  answer=stored),
    ]  # fmt: skip
    measured = measure(contenders, rounds, check=True)
    rows = table(f"ingest, {events:,} events, {size / 1e6:,.0f} MB", measured)
    wall = statistics.median(measured["clickcli ingest"].wall)
    print(f"clickcli: {events / wall:,.0f} events per second")
    return rows


def startup(folder: Path, _: int, rounds: int) -> list[dict[str, object]]:
    """Start-up against a hello-world program of two Typer commands."""
    hello = folder / "hello.py"
    hello.write_text(_HELLO, encoding="utf-8")
    source = bench_data.write(folder / "events-10000.jsonl", 10_000)
    clickcli, store = str(Path(sys.executable).with_name("clickcli")), str(folder / "small")
    shutil.rmtree(store, ignore_errors=True)
    subprocess.run([clickcli, "ingest", str(source), "--store", store], check=True,
                   capture_output=True)  # fmt: skip
    mine = (sys.executable, str(hello))
    rounds = max(rounds, 15)
    pairs = {
        "--help": [Contender("hello --help", (*mine, "--help")),
                   Contender("clickcli --help", (clickcli, "--help"))],
        "info": [Contender("hello hello", (*mine, "hello")),
                 Contender("clickcli info", (clickcli, "info", "--store", store))],
    }  # fmt: skip
    rows = []
    for title, pair in pairs.items():
        rows += table(f"start-up, {title}", measure(pair, rounds, check=False))
    return rows


def patterns(folder: Path, _: int, rounds: int) -> list[dict[str, object]]:
    """Frequent item sets of up to three items in 200,000 sparse baskets, at falling support."""
    pairs = bench_data.write_baskets(folder / "baskets.npy", 200_000)
    scripts = {"mlxtend": _SETS_MLXTEND, "clickcli": _SETS_CLICKCLI}
    for name, text in scripts.items():
        (folder / f"sets_{name}.py").write_text(text, encoding="utf-8")
    rows = []
    for least in (1000, 200, 50):
        contenders = [
            Contender(name, (sys.executable, str(folder / f"sets_{script}.py"), str(pairs),
                      str(least), how))
            for name, script, how in (("mlxtend fpgrowth, sparse", "mlxtend", "sparse"),
                                      ("mlxtend fpgrowth, dense", "mlxtend", "dense"),
                                      ("clickcli", "clickcli", ""))
        ]  # fmt: skip
        title = f"item sets in {least} of 200,000 baskets or more"
        rows += table(title, measure(contenders, rounds, check=True))
    return rows


WORKS: dict[str, Callable[[Path, int, int], list[dict[str, object]]]] = {
    "ingest": ingest,
    "patterns": patterns,
    "startup": startup,
}


def main() -> None:
    """Run the works named, all when none is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("works", nargs="*", choices=[*WORKS, []], default=[])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep data and environments here")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="clickcli-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    start, rows = time.perf_counter(), []
    try:
        for name in asked.works or WORKS:
            rows += WORKS[name](folder, asked.events, asked.rounds)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{os.cpu_count()} cores; {time.perf_counter() - start:.0f} s in all")
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
