"""SQL as Polars reads it: like DuckDB's, but without a word nulls come where Postgres has them."""

from __future__ import annotations

from sqlglot.dialects.duckdb import DuckDB


class Polars(DuckDB):
    """Writes NULLS LAST where it is meant: in ``order by revenue desc``."""

    NULL_ORDERING = "nulls_are_large"
