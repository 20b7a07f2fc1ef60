"""Answer one SQL query over Parquet files with DuckDB or ClickHouse; run in their environment.

Usage: bench_query.py duckdb|chdb QUERY.sql EVENTS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def duckdb(query: str) -> list[list[object]]:
    """Return the rows that DuckDB finds."""
    import duckdb

    return [list(row) for row in duckdb.connect().execute(query).fetchall()]


def chdb(query: str) -> list[list[object]]:
    """Return the rows that ClickHouse finds."""
    import chdb

    found = str(chdb.query(query, "JSONCompactEachRow"))
    return [json.loads(line) for line in found.splitlines()]


if __name__ == "__main__":
    engine, path, events = sys.argv[1:]
    text = Path(path).read_text("utf-8").replace("{files}", f"{events}/*/*.parquet")
    print(json.dumps({"duckdb": duckdb, "chdb": chdb}[engine](text)))
