"""Which events fill a step: ``EVENT``, ``A|B``, ``EVENT[filter]``, ``label=EVENT[filter]``.

Grammar::

    step         [NAME =] alternative ("|" alternative)*
    alternative  (NAME | *) ["[" filter "]"]         * is any event
    exclusion    step [:i-j]                         between steps i and j, counted from 1

Names are trimmed and may hold spaces; a name that holds ``| [ ] = "`` or begins or ends with a
space stands in double quotes, a quote in it doubled; so does an event that is named ``*``, or
that ends like ``:1-2`` in an exclusion. Each alternative has its own filter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from clickcli.errors import UsageError, unknown
from clickcli.filters import Predicate, parse
from clickcli.filters.comparisons import balanced
from clickcli.filters.tokens import check_text

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.filters import PropertyRef

_NAME = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")++)"|(?P<bare>[^|\[\]="]*))\s*')
_FILTER = re.compile(r"""\[((?:[^\[\]'"]|'(?:[^']|'')*+'|"(?:[^"]|"")*+")*+)\]\s*""")
_BETWEEN = re.compile(r":([0-9]{1,4})-([0-9]{1,4})\s*\Z")
_NEEDS_QUOTES = re.compile(r'[|\[\]="]|^\s|\s$|^\*$|:[0-9]+-[0-9]+$')
_EXAMPLES: Final = 'examples: purchase, view|search, "cart=add_to_cart[price > 10]"'
_UTC: Final = ZoneInfo("UTC")

Alternative = tuple[str | None, Predicate | None]
"""An event type (None: any) and the filter that such an event must pass."""


@dataclass(frozen=True)
class Step:
    """A set of events: those that match one of the alternatives."""

    label: str
    alternatives: tuple[Alternative, ...]

    @property
    def text(self) -> str:
        """Canonical text; ``parse_step`` makes an equal step of it."""
        events = _alternatives_text(self.alternatives)
        return events if self.label == events else f"{_quoted(self.label)}={events}"

    @property
    def columns(self) -> frozenset[str]:
        """Event columns that ``expression`` reads."""
        return frozenset({"event_type"}).union(*(p.columns for p in self._predicates()))

    @property
    def properties(self) -> tuple[PropertyRef, ...]:
        """Properties that ``expression`` reads, each once."""
        refs = (ref for predicate in self._predicates() for ref in predicate.properties)
        return tuple(dict.fromkeys(refs))

    @property
    def event_types(self) -> frozenset[str] | None:
        """Event types that may fill the step; None where any may."""
        names = [name for name, _ in self.alternatives]
        known = [name for name in names if name is not None]
        return frozenset(known) if len(known) == len(names) else None

    @property
    def is_any(self) -> bool:
        """Whether every event fills the step, whatever else it names."""
        return (None, None) in self.alternatives

    def expression(self) -> nw.Expr:
        """Return whether an event fills the step; never null."""
        import narwhals as nw

        event_type = nw.col("event_type")
        plain = [name for name, predicate in self.alternatives if name and predicate is None]
        parts = [event_type.is_in(plain)] if len(plain) > 1 else [event_type == n for n in plain]
        for name, predicate in self.alternatives:
            if predicate is None and name is None:
                parts.append(~event_type.is_null())
            elif predicate is not None:
                holds = predicate.expression()
                parts.append(holds if name is None else (event_type == name) & holds)
        return balanced(parts, lambda left, right: left | right).fill_null(value=False)

    def _predicates(self) -> list[Predicate]:
        return [predicate for _, predicate in self.alternatives if predicate is not None]


def parse_step(
    text: str,
    *,
    known_properties: Iterable[str] = (),
    event_types: Collection[str] | None = None,
    tz: ZoneInfo = _UTC,
) -> Step:
    """Parse a step.

    ``event_types`` is the store's vocabulary: an event type that is not in it is a UsageError
    with a suggestion (nothing is checked without one, or with an empty one). Raises UsageError
    that shows where the text goes wrong.
    """
    check_text(text)
    known = tuple(known_properties)
    label, at = _label(text)
    alternatives: list[Alternative] = []
    while True:
        name, at = _name(text, at)
        predicate = None
        if at < len(text) and text[at] == "[":
            match = _FILTER.match(text, at)
            if match is None:
                raise _error(text, at, "a filter that is not closed")
            predicate, at = parse(match[1], known_properties=known, tz=tz), match.end()
        alternatives.append((name, predicate))
        if at == len(text):
            break
        if text[at] != "|":
            raise _error(text, at, f"{text[at]!r} where it must end or go on with |")
        at += 1
    for name, _ in alternatives:
        if event_types and name is not None and name not in event_types:
            raise unknown("event type", name, event_types)
    events = tuple(alternatives)
    return Step(_alternatives_text(events) if label is None else label, events)


def parse_exclusion(
    text: str,
    *,
    steps: int,
    known_properties: Iterable[str] = (),
    event_types: Collection[str] | None = None,
    tz: ZoneInfo = _UTC,
) -> tuple[Step, int, int]:
    """Parse ``EVENT[filter]:2-3``: a step, and the two steps between which it must not occur.

    Without ``:i-j`` it is the first and the last of ``steps``. Raises UsageError unless
    1 ≤ i < j ≤ ``steps``.
    """
    match = _BETWEEN.search(text)
    first, last = (1, steps) if match is None else (int(match[1]), int(match[2]))
    if not 1 <= first < last <= steps:
        raise UsageError(
            f"an exclusion must lie between two of the {steps} steps, was {first}-{last}",
            hint=f"example: remove_from_cart:1-{steps}",
        )
    step = parse_step(
        text if match is None else text[: match.start()],
        known_properties=known_properties,
        event_types=event_types,
        tz=tz,
    )
    return step, first, last


def _label(text: str) -> tuple[str | None, int]:
    """Return the label and where the alternatives begin; None and 0 without a label."""
    label, _, at = _word(text, 0)
    if text[at : at + 1] != "=":
        return None, 0
    if not label:
        raise _error(text, at, "no label before =")
    return label, at + 1


def _name(text: str, at: int) -> tuple[str | None, int]:
    name, is_quoted, end = _word(text, at)
    if name == "*" and not is_quoted:
        return None, end
    if not name:
        is_open = text[end : end + 1] == '"'
        raise _error(text, end, "a double quote that is not closed" if is_open else "no event")
    return name, end


def _word(text: str, at: int) -> tuple[str, bool, int]:
    """Return the name at this place, whether it was quoted, and where it ends."""
    match = _NAME.match(text, at)
    assert match is not None
    quoted = match["quoted"]
    if quoted is None:
        return match["bare"].strip(), False, match.end()
    return quoted.replace('""', '"'), True, match.end()


def _error(text: str, at: int, what: str) -> UsageError:
    shown = text if len(text) <= 80 else text[:80] + "…"
    return UsageError(f"the step {shown!r} has {what} (character {at + 1})", hint=_EXAMPLES)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if _NEEDS_QUOTES.search(name) else name


def _alternatives_text(alternatives: Iterable[Alternative]) -> str:
    return "|".join(
        ("*" if name is None else _quoted(name))
        + ("" if predicate is None else f"[{predicate.text}]")
        for name, predicate in alternatives
    )
