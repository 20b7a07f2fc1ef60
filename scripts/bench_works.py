"""What is compared: each work is one question, put to clickcli and to what people would use."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import bench_data
from bench_measure import Answer, Contender, measure, table
from bench_setup import CLICKCLI, HERE, Bench, Rows, do
from bench_sql import QUERIES

STEPS = ("page_view", "product_view", "add_to_cart", "purchase")
_EPOCH = date(1970, 1, 1)
_MOST_OF_FRAMES = 1_000_000
"""Events up to which libraries that hold a table in memory as objects are asked."""

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
texts = ("event_id", "event_type", "user_id", "session_id", "page_url", "referrer", "device_type",
         "country", "user_agent", "item_id", "currency")
types = dict.fromkeys(texts, "VARCHAR") | {"timestamp": "TIMESTAMP", "price": "DOUBLE",
                                           "properties": "JSON"}
db.execute(f\"\"\"COPY (SELECT *, CAST(timestamp AS DATE) AS date
    FROM read_json('{source}', format = 'newline_delimited', ignore_errors = true,
        columns = {types})
    WHERE event_id IS NOT NULL)
    TO '{target}' (FORMAT parquet, PARTITION_BY (date), COMPRESSION zstd)\"\"\")
rows = db.execute(f"SELECT count(*) FROM read_parquet('{target}/*/*.parquet')").fetchone()[0]
print(f"[[{rows}]]")
"""
"""DuckDB without rejects by line, deduplication, order and derived columns.

With types found instead of told, and properties as a struct, it took 1.25 times the CPU.
"""


def clickcli(
    arguments: Sequence[str], store: Path, answer: Callable[[dict[str, Any]], Answer]
) -> Contender:
    """Return clickcli asked for JSON, whose rows are read by ``answer``."""
    command = (CLICKCLI, *arguments, "--store", str(store), "-f", "json")
    return Contender(f"clickcli {arguments[0]}", command, lambda out: answer(json.loads(out)))


def _asked(
    bench: Bench, work: str, arguments: Sequence[str], answer: Callable[[dict[str, Any]], Answer],
    *libraries: str,
) -> Rows:  # fmt: skip
    """Ask the databases that a query is written for, the libraries, and clickcli."""
    store = bench.store()
    events = str(store / "events")
    contenders = []
    for engine, query in QUERIES.get(work, {}).items():
        if bench.has(engine):
            contenders += bench.query(work, engine, query, events)
    for library in libraries:
        if bench.events <= _MOST_OF_FRAMES and bench.has(library):
            program = str(HERE / "bench_frames.py")
            contenders.append(
                Contender(library, (bench.python, program, library, work, events),
                          environment={"RETENTIONEERING_NO_TRACK": "1"})
            )  # fmt: skip
    contenders.append(clickcli(arguments, store, answer))
    return bench.compare(f"{work}, {bench.events:,} events", contenders)


def ingest(bench: Bench) -> Rows:
    """JSON Lines to partitioned Parquet."""
    source = bench.log()
    store, lake = bench.folder / "ingest-store", bench.folder / "ingest-lake"
    script = bench.folder / "duckdb_ingest.py"
    script.write_text(_DUCKDB_INGEST, encoding="utf-8")

    def read(out: str) -> Answer:
        row = json.loads(out)["data"][0]
        return [[row["stored"] + row["duplicates"]]]

    contenders = [
        Contender("DuckDB read_json + COPY", (bench.python, str(script), str(source), str(lake)),
                  before=lambda: shutil.rmtree(lake, ignore_errors=True)),
        Contender("clickcli ingest", (CLICKCLI, "ingest", str(source), "--store", str(store),
                  "-f", "json"), read, before=lambda: shutil.rmtree(store, ignore_errors=True)),
    ]  # fmt: skip
    megabytes = source.stat().st_size / 1e6
    return bench.compare(f"ingest, {bench.events:,} events, {megabytes:,.0f} MB", contenders)


def sessions(bench: Bench) -> Rows:
    """Sessions with aggregates: how many, how long, how many engaged and converted."""
    names = ("sessions", "people", "events", "page_views", "engaged", "converted", "zero_length",
             "duration_mean_s", "duration_median_s", "duration_p90_s")  # fmt: skip

    def read(told: dict[str, Any]) -> Answer:
        return [[told["data"][0][name] for name in names]]

    return _asked(bench, "sessions", ("sessions",), read, "pandas")


def funnel(bench: Bench) -> Rows:
    """Four steps within seven days, the best entry: people, then people and times."""
    spans = [f"from_{since}_{name}_s" for since in ("previous", "entry")
             for name in ("mean", "p25", "median", "p75", "p90")]  # fmt: skip

    def people(told: dict[str, Any]) -> Answer:
        return [[row["step"], row["people"]] for row in told["data"]]

    def times(told: dict[str, Any]) -> Answer:
        return [
            [row["step"], row["people"], *(row[name] for name in spans)] for row in told["data"]
        ]

    arguments = ("funnel", *STEPS)
    return [
        *_asked(bench, "funnel", arguments, people),
        *_asked(bench, "funnel, with times", arguments, times),
    ]


def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


def retention(bench: Bench) -> Rows:
    """Day by day: who came back on each of the thirty days after the first."""

    def read(told: dict[str, Any]) -> Answer:
        return [
            [_day(row["cohort"]), row["period"], row["retained"]]
            for row in told["data"]
            if row["retained"]
        ]

    arguments = ("retention", "--every", "day", "--periods", "30", "--table", "retention")
    return _asked(bench, "retention", arguments, read)


def active(bench: Bench) -> Rows:
    """Distinct people of each day and its last 7 and 28; who is new, who came the day before."""

    def read(told: dict[str, Any]) -> Answer:
        states = {row["period"]: row for row in told["tables"]["lifecycle"]}
        return [
            [_day(row["date"]), row["dau"], row["wau"], row["mau"],
             states[row["date"]]["new"], states[row["date"]]["returning"]]
            for row in told["data"]
            if row["dau"]
        ]  # fmt: skip

    return _asked(bench, "active", ("active", "--every", "day"), read)


def journeys(bench: Bench) -> Rows:
    """Three event types in a row within a session, repeats kept apart: how often each."""

    def read(told: dict[str, Any]) -> Answer:
        return [[*row["path"].split(" > "), row["times"]] for row in told["data"]]

    arguments = ("journeys", "--keep-repeats", "--ngram", "3", "--table", "ngrams")
    return _asked(bench, "journeys", arguments, read)


def transitions(bench: Bench) -> Rows:
    """Transitions between a person's events, however far apart: what retentioneering counts."""
    if bench.events > _MOST_OF_FRAMES:
        return []

    def read(told: dict[str, Any]) -> Answer:
        marks = {"(start)", "(exit)", "(cut)"}
        return [
            [row["source"], row["target"], row["transitions"]]
            for row in told["data"]
            if not {row["source"], row["target"]} & marks
        ]

    arguments = ("journeys", "--keep-repeats", "--unit", "person", "--gap", "none",
                 "--table", "edges")  # fmt: skip
    return _asked(bench, "transitions", arguments, read, "pandas", "retentioneering")


def _fits(bench: Bench, title: str, work: str, data: Path, number: int, *who: str) -> Rows:
    program = str(HERE / "bench_fit.py")
    contenders = [
        Contender(name, (sys.executable, program, work, name, str(data), str(number)),
                  environment={"OPENBLAS_NUM_THREADS": "1"})
        for name in who
    ]  # fmt: skip
    return bench.compare(title, contenders)


def patterns(bench: Bench) -> Rows:
    """Frequent item sets of up to three items in sparse baskets, at falling support."""
    baskets, supports = (2_000, (20,)) if bench.quick else (200_000, (1000, 200, 50))
    data = bench_data.write_baskets(bench.folder / f"baskets-{baskets}.npy", baskets)
    return [
        row
        for least in supports
        for row in _fits(
            bench, f"item sets in {least} of {baskets:,} baskets or more", "sets", data, least,
            "mlxtend-sparse", "mlxtend-dense", "clickcli",
        )
    ]  # fmt: skip


def als(bench: Bench) -> Rows:
    """Fit 64 factors to interactions; implicit with its own threads only, as it advises."""
    pairs, iterations = (5_000, 2) if bench.quick else (5_000_000, 15)
    data = bench_data.write_interactions(bench.folder / f"interactions-{pairs}.npy", pairs)
    title = f"ALS, {pairs:,} interactions, 64 factors, {iterations} iterations"
    return _fits(bench, title, "als", data, iterations, "implicit", "clickcli")


def startup(bench: Bench) -> Rows:
    """Start-up against a hello-world program of two Typer commands; nothing to agree on."""
    hello = bench.folder / "hello.py"
    hello.write_text(_HELLO, encoding="utf-8")
    store = str(bench.store(10_000))
    if not Path(store, "models").exists():
        do(CLICKCLI, "train", "--method", "als", "--store", store)
    commands = {
        "--help": ("--help",),
        "recommend": ("recommend", "--user", "user_0000042", "--store", store),
        "info": ("info", "--store", store),
    }
    rows = []
    rounds = bench.rounds if bench.quick else max(bench.rounds, 15)
    for name, command in commands.items():
        greeting = "--help" if name == "--help" else "hello"
        pair = [
            Contender("hello world, Typer", (sys.executable, str(hello), greeting), lambda _: []),
            Contender(f"clickcli {name}", (CLICKCLI, *command), lambda _: []),
        ]
        rows += table(f"start-up, {name}", measure(pair, rounds, warm=rounds > 1))
    return rows


WORKS: dict[str, Callable[[Bench], Rows]] = {
    work.__name__: work
    for work in (
        ingest, sessions, funnel, retention, active, journeys, transitions, patterns, als, startup,
    )
}  # fmt: skip
