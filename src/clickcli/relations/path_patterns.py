"""Which paths hold a pattern: ``home -> .* -> product -> [purchase|cart]``.

Grammar::

    pattern   element ("->" element)*       each element right after the one before
    element   NAME | [NAME|NAME…] | . | .*  one of them, any one node, any number of nodes
    way       NAME (">" NAME)*              nodes one after the other, as answers write them

A pattern may lie anywhere in a path; it begins with the path after ``(start)`` and ends with it
before ``(exit)``. A name that holds ``> | [ ] "``, begins or ends with a space, or is ``.`` or
``.*``, stands in double quotes, a quote in it doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.integer[Any]]
    Bools = NDArray[np.bool_]

START: Final = "(start)"
EXIT: Final = "(exit)"
CUT: Final = "(cut)"
OTHER_NODES: Final = "(other)"
MARKS: Final = frozenset({START, EXIT, CUT, OTHER_NODES})
"""Names in answers that are no nodes; a node that reads like one is quoted."""
BETWEEN: Final = " > "
"""What stands between the nodes of a way."""
_ANY, _GAP = ".", ".*"
_ELEMENTS: Final = frozenset({_ANY, _GAP, START, EXIT})
_SIGN = re.compile(r'\s*(?:(?P<sign>->|[\[\]|])|"(?P<quoted>(?:[^"]|"")*)"|'
                   r'(?P<bare>(?:(?!->)[^\[\]|">])+))\s*')  # fmt: skip
_NODE = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^">]+))\s*(?P<end>>|\Z)')
_NEEDS_QUOTES = re.compile(r'[>|\[\]"]|^\s|\s$|^\.\*?$|^$')
_EXAMPLE: Final = 'example: "home -> .* -> product_view -> [purchase|add_to_cart]"'

Choice = frozenset[str] | None
"""The nodes that may stand at a place of a pattern; None: any."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Runs of places that follow one another in this order, with any nodes between two runs."""

    text: str
    runs: tuple[tuple[Choice, ...], ...]
    at_start: bool = False
    at_end: bool = False

    def names(self) -> frozenset[str]:
        """Return the nodes that it names."""
        choices = (choice for run in self.runs for choice in run if choice is not None)
        return frozenset().union(*choices)


def as_node(value: str) -> str:
    """Return the name of the node of a value: in single quotes where it reads like a mark."""
    return f"'{value}'" if value in MARKS else value


def quoted(name: str) -> str:
    """Return a node's name as it stands in a way or a pattern."""
    return '"' + name.replace('"', '""') + '"' if _NEEDS_QUOTES.search(name) else name


def parse_way(text: str) -> tuple[str, ...]:
    """Return the nodes of ``A > B > C``; UsageError where there is none between two signs."""
    names: list[str] = []
    at = 0
    while True:
        match = _NODE.match(text, at)
        if match is None:
            raise UsageError(f"nodes must be written A>B>C, was {text!r}")
        bare, between = match["bare"], match["quoted"]
        names.append(bare.strip() if between is None else between.replace('""', '"'))
        at = match.end()
        if match["end"] != ">":
            return tuple(names)


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern; UsageError that shows where it goes wrong."""
    elements = list(_elements(text))
    at_start, at_end = elements[0] == START, elements[-1] == EXIT
    runs: list[list[Choice]] = [[]]
    for element in elements[at_start : len(elements) - at_end]:
        if element == _GAP:
            runs.append([])
        elif element == _ANY:
            runs[-1].append(None)
        elif isinstance(element, str):
            raise UsageError(
                f"the pattern {text!r} has {element} where it cannot stand",
                hint=f"{START} comes first, {EXIT} last",
            )
        else:
            runs[-1].append(element)
    kept = tuple(tuple(run) for run in runs if run)
    if not kept:
        raise UsageError(f"the pattern {text!r} names no node", hint=_EXAMPLE)
    return Pattern(text.strip(), kept, at_start and bool(runs[0]), at_end and bool(runs[-1]))


def _elements(text: str) -> Iterator[frozenset[str] | str]:
    """Yield the elements: the names of a choice, or one of ``.``, ``.*``, the start, the end."""
    signs = list(_signs(text))
    at = 0
    while True:
        kind, word = signs[at]
        if kind == "mark":
            at += 1
            yield word
        else:
            names, at = _choice(signs, at, text)
            yield names
        if signs[at] == ("sign", ""):
            return
        if signs[at] != ("sign", "->"):
            raise _wrong(text, signs[at][1])
        at += 1


def _choice(signs: Sequence[tuple[str, str]], at: int, text: str) -> tuple[frozenset[str], int]:
    """Return the names of a choice, and where it ends."""
    in_brackets = signs[at] == ("sign", "[")
    at += in_brackets
    names = []
    while True:
        kind, word = signs[at]
        if kind != "name":
            raise _wrong(text, word)
        names.append(word)
        at += 1
        if signs[at] != ("sign", "|"):
            break
        at += 1
    if in_brackets:
        if signs[at] != ("sign", "]"):
            raise _wrong(text, signs[at][1])
        at += 1
    return frozenset(names), at


def _signs(text: str) -> Iterator[tuple[str, str]]:
    """Yield signs, marks and names, an empty sign last."""
    at = 0
    while at < len(text):
        match = _SIGN.match(text, at)
        if match is None:
            raise _wrong(text, text[at])
        if match["sign"] is not None:
            yield "sign", match["sign"]
        elif match["bare"] is not None:
            word = match["bare"].strip()
            yield "mark" if word in _ELEMENTS else "name", word
        else:
            yield "name", match["quoted"].replace('""', '"')
        at = match.end()
    yield "sign", ""


def _wrong(text: str, word: str) -> UsageError:
    what = f"{word!r} where it cannot stand" if word else "an end where a node must follow"
    return UsageError(f"the pattern {text!r} has {what}", hint=_EXAMPLE)


def matching(
    pattern: Pattern, nodes: Ints, first: Ints, length: Ints, number: Mapping[str, int]
) -> Bools:
    """Return which paths hold the pattern.

    ``nodes`` are the numbers of the paths' nodes, path after path, each from row ``first`` on for
    ``length`` rows. The earliest place of every run is as good as any later one.
    """
    import numpy as np

    end, at = first + length, first.copy()
    holds = np.ones(len(first), dtype=np.bool_)
    for place, run in enumerate(pattern.runs):
        fits = _fitting(run, nodes, number)
        rows = np.append(np.flatnonzero(fits), len(nodes))
        found = rows[np.searchsorted(rows, at)]
        is_last = place == len(pattern.runs) - 1
        if pattern.at_end and is_last:
            last = end - len(run)
            found = np.where((last >= at) & fits[np.maximum(last, 0)], last, len(nodes))
        if pattern.at_start and place == 0:
            found = np.where(found == at, found, len(nodes))
        holds &= found + len(run) <= end
        at = np.where(holds, found + len(run), at)
    return holds


def _fitting(run: Sequence[Choice], nodes: Ints, number: Mapping[str, int]) -> Bools:
    """Return the rows from which on a run's choices hold; the end of a path is not looked at."""
    import numpy as np

    fits = np.ones(len(nodes), dtype=np.bool_)
    for after, choice in enumerate(run):
        if choice is None:
            continue
        wanted = np.zeros(max(number.values(), default=0) + 2, dtype=np.bool_)
        wanted[[number[name] for name in choice if name in number]] = True
        own = wanted[nodes[after:]]
        fits[: len(own)] &= own
        fits[len(own) :] = False
    return fits
