"""Tables and texts that try to trick a terminal, a spreadsheet or a parser."""

from __future__ import annotations

from datetime import UTC, datetime

from clickcli.analysis import Column, Table
from clickcli.render.page import Page, sheet_of_rows

TEXTS = (
    "plain",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\u202egnp.exe",
    "\u2066isolate",
    "[bold]markup[/bold]",
    "[/]",
    "tab\there",
    "two\nlines",
    "back\\slash",
    "carriage\rreturn",
    "\x9b31m",
    "\x00nul",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    '"quoted", twice',
    "pipe | star * <b>",
    "日本語",
    "",
)

EVERY_KIND = Table(
    "kinds",
    "One row of every kind.",
    (
        Column("name", "string", "key", "a name"),
        Column("period", "int64", "key", "a number that names"),
        Column("people", "int64", "count", "how many"),
        Column("conversion", "float64", "share", "part of the whole"),
        Column("per_person", "float64", "ratio", "one by the other"),
        Column("revenue", "float64", "money", "earned"),
        Column("time_s", "float64", "duration_s", "how long"),
        Column("at", "timestamp", "timestamp", "when"),
        Column("score", "float64", "score", "how good"),
        Column("is_new", "bool", "flag", "whether"),
        Column("conversion_low", "float64", "share", "lower bound"),
        Column("conversion_high", "float64", "share", "upper bound"),
        Column("complete", "bool", "flag", "whether it is over"),
    ),
    keys=("name",),
)
_AT = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
ROWS = (
    ("view", 1, 12345, 1.0, 1.5, 1234.5, 65.2, _AT, 0.12345, True, 0.99, 1.0, True),
    ("\x1b[1m=cart\tx|", 2, 0, 0.2731, 0.0, -2.0, 0.25, _AT, 1.0, False, 0.25, 0.3, True),
    (None, 3, None, None, None, None, None, None, None, None, None, None, None),
    ("bought", 4, 999, float("nan"), float("inf"), 0.1, 90061.0, _AT, 0.0, True, 0.1, 0.2, False),
)
SECOND = Table(
    "second",
    "A second table.",
    (Column("word", "string", "key", "a word"), Column("n", "int64", "count", "how many")),
    keys=("word",),
)


def page() -> Page:
    """Return a page with every kind of column, and a second table."""
    sheets = (sheet_of_rows(EVERY_KIND, ROWS), sheet_of_rows(SECOND, [("a", 1), ("b", 2)]))
    return Page("kinds", 1, sheets, {"as_of": "2024-04-01", "by": []}, ("a note",), "Every kind")


def texts_page() -> Page:
    """Return a page whose only column holds the hostile texts, and whose name is one."""
    schema = Table(
        "texts",
        "Texts.",
        (Column("a\x1b[2Jb[bold]", "string", "key", "a text"),),
        keys=(),
    )
    return Page("texts", 1, (sheet_of_rows(schema, [(text,) for text in TEXTS]),))
