"""A tree at a terminal: branches, bars, nothing of the data obeyed; other formats as they were."""

from __future__ import annotations

from collections.abc import Sequence

from clickcli.analysis import Column, Grid, Table, Tree
from clickcli.render import by_name, write
from clickcli.render.page import Page, Style, sheet_of_rows

COLUMNS = (
    Column("path", "string", "key", "way"),
    Column("paths", "int64", "count", "paths"),
    Column("share", "float64", "share", "paths ÷ all"),
    Column("node", "string", "text", "last node"),
    Column("step", "int64", "key", "depth"),
)
TREE = Table(
    "tree", "A tree.", COLUMNS, keys=("path",),
    tree=Tree(label="node", depth="step", bar="share", hidden=("path",)),
)  # fmt: skip
ROWS = [
    ("a", 8, 0.8, "a", 1),
    ("a > b", 6, 0.6, "b", 2),
    ("a > b > c", 1, 0.001, "c", 3),
    ("a > d", 2, 0.2, "d", 2),
    ("a > d > e", 2, 0.2, "e\x1b[31m", 3),
    ("f", None, None, "f", 1),
]


def shown(table: Table, rows: Sequence[tuple[object, ...]], name: str = "table") -> list[str]:
    page = Page("t", 1, (sheet_of_rows(table, rows),))
    style = Style(width=60, is_terminal=True)
    return b"".join(write(page, by_name(name), style)).decode().splitlines()


def test_rows_hang_below_one_another_and_the_longest_bar_is_whole() -> None:
    assert shown(TREE, ROWS)[1:] == [
        "node        paths  share",
        "─────────────────────────────",
        "a               8  ██████████",
        "├ b             6  ███████▌",
        "│ └ c           1  ▏",
        "└ d             2  ██▌",
        "  └ e␛[31m      2  ██▌",
        "f               –  –",
    ]


def test_columns_of_a_breakdown_stand_before_the_tree() -> None:
    key = Column("country", "string", "key", "country")
    table = Table("tree", "A tree.", (key, *COLUMNS), keys=("country", "path"), tree=TREE.tree)
    lines = shown(table, [("DE", *ROWS[0]), ("DE", *ROWS[1]), ("FR", *ROWS[0])])
    assert [line.split()[:3] for line in lines[3:]] == [
        ["DE", "a", "8"], ["DE", "└", "b"], ["FR", "a", "8"],
    ]  # fmt: skip


def test_other_formats_have_every_declared_column() -> None:
    assert shown(TREE, ROWS, "csv")[:2] == ["path,paths,share,node,step", "a,8,0.8,a,1"]


def test_a_tree_without_rows_says_so() -> None:
    assert shown(TREE, [])[-1] == "(no rows)"


def test_a_grid_can_show_its_first_value_and_do_without_open_cells() -> None:
    grid = Grid(across="step", value="share", beside=(), help="Percent.", has_first=True)
    table = Table("matrix", "M.", (COLUMNS[3], COLUMNS[4], COLUMNS[2]), ("node", "step"), grid=grid)
    lines = shown(table, [("a", 1, 0.75), ("b", 1, 0.25), ("a", 2, 0.5)])
    assert [line.split() for line in lines[3:]] == [["a", "75.0", "50.0"], ["b", "25.0", "–"]]
