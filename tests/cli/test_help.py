"""Help pages: as looked at, at 80 columns, complete, with sentences that end."""

from __future__ import annotations

import dataclasses

import pytest

from clickcli.analysis import Option
from clickcli.cli.commands import ENTRIES
from clickcli.cli.group import Entry
from clickcli.cli.options import parameters_of
from clickcli.errors import InternalError
from tests.cli.conftest import Run
from tests.cli.snapshot import same


def _paths(entries: tuple[Entry, ...], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    paths = []
    for entry in entries:
        own = (*before, entry.name)
        paths += [own, *_paths(entry.entries, own)]
    return paths


PATHS = [(), *_paths(ENTRIES)]
WRITTEN = [
    (),
    ("init",),
    ("ingest",),
    ("info",),
    ("events",),
    ("doctor",),
    ("person",),
    ("predict",),
    *(("predict", name) for name in ("train", "score", "report")),
    ("features",),
    *(("features", name) for name in ("build", "show", "drop")),
    ("identity",),
    *(("identity", name) for name in ("preview", "link", "unlink", "split", "list", "suspects")),
    ("privacy",),
    *(
        ("privacy", name)
        for name in ("consent", "hash", "export", "delete", "retain", "scrub", "audit")
    ),
    ("demo",),
    ("train",),
    ("recommend",),
    ("sql",),
    ("export",),
    ("batches",),
    ("undo",),
    ("compact",),
    ("verify",),
    ("config", "show"),
]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_page_fits_80_columns(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0
    assert ran.err == ""
    page, _, examples = ran.out.partition("Examples:")
    assert max(map(len, page.split("\n"))) <= 80
    assert examples.strip() or path in [
        (),
        ("config",),
        ("features",),
        ("identity",),
        ("predict",),
        ("privacy",),
    ]


@pytest.mark.parametrize("path", WRITTEN, ids=" ".join)
def test_a_page_is_as_looked_at(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--help")
    if path:
        same(f"help-{'-'.join(path)}.txt", ran.out.encode())
    else:
        head, _, rest = ran.out.partition("Analyses:")
        same("help.txt", (head + rest[rest.index("\n\n") :]).encode())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_headline_and_option_is_a_sentence(entry: Entry) -> None:
    assert entry.headline().endswith(".")
    if entry.load is None:
        return
    command = entry.load()
    assert command.headline == entry.headline()
    for parameter in parameters_of(*command.kinds):
        assert parameter.option.help.endswith(".")
        assert parameter.option.help[0] != " "


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_there_are_three_examples_that_name_real_commands(entry: Entry) -> None:
    if entry.load is None:
        return
    command = entry.load()
    assert len(command.examples) >= 3
    names = {known.name for known in ENTRIES}
    for example in command.examples:
        words = example.split()
        assert words[words.index("clickcli") + 1] in names


def test_short_help_is_the_same_page(run: Run) -> None:
    assert run("info", "-h").out == run("info", "--help").out


def test_two_options_of_one_name_are_a_defect_that_is_found() -> None:
    made = dataclasses.make_dataclass("Made", [("limit", int, 1)])
    made.__annotations__["limit"] = None
    from typing import Annotated

    made.__annotations__["limit"] = Annotated[int, Option("A limit.")]
    with pytest.raises(InternalError, match="limit"):
        parameters_of(made, made)
