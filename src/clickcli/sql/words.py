"""What a query may be made of: parts, functions and types, by their names in sqlglot."""

from __future__ import annotations

from typing import Final

DIALECT: Final = "duckdb"
EXAMPLE: Final = "select event_type, count(*) as events from events group by event_type"
STRUCTURE: Final = frozenset({
    "Select", "From", "Join", "Where", "Group", "Having", "Qualify", "Order", "Ordered", "Limit",
    "Offset", "Distinct", "With", "CTE", "Subquery", "Union", "Except", "Intersect", "Table",
    "TableAlias", "Identifier", "Column", "Dot", "Star", "Alias", "Paren", "Tuple", "Literal",
    "Boolean", "Null", "Interval", "Var", "DataType", "Window", "WindowSpec", "Filter",
    "And", "Or", "Not", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "In", "Between", "Exists",
    "Like", "ILike", "Add", "Sub", "Mul", "Div", "Mod", "IntDiv", "Neg", "DPipe", "Case", "If",
    "Cast", "TryCast",
})  # fmt: skip
"""Parts of a query that are no functions, by the names of their classes."""
FUNCTIONS: Final = {
    "Count": "count", "Sum": "sum", "Avg": "avg", "Min": "min",
    "Max": "max", "Median": "median", "PercentileCont": "quantile_cont",
    "PercentileDisc": "quantile_disc", "Stddev": "stddev", "Variance": "variance",
    "RowNumber": "row_number", "Rank": "rank", "DenseRank": "dense_rank", "Ntile": "ntile",
    "PercentRank": "percent_rank", "CumeDist": "cume_dist", "Lag": "lag", "Lead": "lead",
    "FirstValue": "first_value", "LastValue": "last_value",
    "Abs": "abs", "Ceil": "ceil", "Floor": "floor", "Round": "round", "Sign": "sign",
    "Sqrt": "sqrt", "Pow": "power", "Exp": "exp", "Ln": "ln", "Log": "log",
    "Greatest": "greatest", "Least": "least", "Coalesce": "coalesce", "Nullif": "nullif",
    "Lower": "lower", "Upper": "upper", "Length": "length", "Trim": "trim",
    "Substring": "substr", "Left": "left", "Right": "right", "Replace": "replace",
    "Reverse": "reverse", "Concat": "concat", "ConcatWs": "concat_ws", "StrPosition": "strpos",
    "StartsWith": "starts_with", "EndsWith": "ends_with", "SplitPart": "split_part",
    "RegexpLike": "regexp_like",
    "Extract": "extract", "Year": "year", "Quarter": "quarter", "Month": "month", "Week": "week",
    "Day": "day", "DayOfWeek": "dayofweek", "DayOfYear": "dayofyear", "Hour": "hour",
    "Minute": "minute", "Second": "second", "TimestampTrunc": "date_trunc",
    "DateTrunc": "date_trunc", "Date": "date", "TimeToStr": "strftime", "StrToTime": "strptime",
}  # fmt: skip
"""Functions by the names of their classes, with the names that people know them by."""
NARROW: Final = (
    "Extract", "Year", "Quarter", "Month", "Week", "Day", "DayOfWeek", "DayOfYear", "Hour",
    "Minute", "Second", "Length", "StrPosition", "Sum", "Sign",
)  # fmt: skip
"""Functions whose whole numbers Polars gives in fewer than 64 bits, or without a sign."""
TYPES: Final = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), "BIGINT"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), "DOUBLE"),
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR"), "TEXT"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"), "TIMESTAMP"),
    "BOOLEAN": "BOOLEAN", "DATE": "DATE",
}  # fmt: skip
"""Types that a value can be cast to, and what they are here."""
