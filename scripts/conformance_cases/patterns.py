"""Ask patterns and sequences: which sets and sequences are frequent, and what implies what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields, Unsupported
from conformance_cases.words import log_of, shared, span

if TYPE_CHECKING:
    from clickcli.run import Result

_BASKETS = {"session_id": "session", "user_id": "person"}
_REPORTS = {"itemsets": "itemsets", "rules": "itemsets", "sequential": "sequential"}
_LONGEST = {"itemsets": 10, "sequential": 20}
Row = dict[str, Any]
Key = tuple[tuple[str, ...], ...]


def patterns(case: Case, check: Check) -> None:
    """Compare the sets, sequences and rules that the case lists, and how many there are."""
    from clickcli.relations.set_texts import parted

    query = case.query
    report = query.choose("report", _REPORTS, "itemsets")
    options: dict[str, Any] = {
        "basket": query.choose("basket", _BASKETS, "session_id"),
        "over": "event_type",
        "session_rule": "given",
        "min_support": float(query.take("min_support", 0)),
        "min_count": int(query.take("min_count", 1)),
        "min_len": int(query.take("min_length", 1)),
        "max_len": int(query.take("max_length", _LONGEST[report])),
        **shared(query),
        **span(query),
    }
    sign, key = ",", "items"
    if report == "sequential":
        sign, key = "→", "pattern"
        options |= {"closed": bool(query.take("closed")), "top_k": query.take("top_k")}
    else:
        options |= {
            "min_confidence": float(query.take("min_confidence", 0)),
            "min_lift": 0,
            "consequent_size": int(query.take("consequent_size", options["max_len"])),
        }
    given = {name: value for name, value in options.items() if value is not None}
    with log_of(case, check) as log:
        result = log.sequences(**given) if report == "sequential" else log.patterns(**given)

    def found(table: str, *keys: str) -> dict[Key, Row]:
        rows = result.to_polars(table).to_dicts()
        return {tuple(tuple(parted(row[name], sign)) for name in keys): row for row in rows}

    main = found("patterns" if report == "sequential" else "itemsets", key)
    for word in ("itemset", "sequence", "pattern"):
        _compare(case, check, word, main, ("items", "sequence", "pattern"), report)
    if report != "sequential":
        _rules(case, check, result, found("rules", "antecedents", "consequents"))


def _compare(
    case: Case, check: Check, word: str, got: Mapping[Key, Row], names: Sequence[str], report: str
) -> None:
    """Compare the listed sets or sequences, and their number."""
    expected = case.expected
    if expected.has(f"{word}_count"):
        check.equal(f"{word}s", len(got), expected.take(f"{word}_count"))
    for given in expected.take(f"{word}s", ()):
        stated = Fields(given, f"expected {word}")
        members = next((_things(stated.take(name)) for name in names if stated.has(name)), None)
        if members is None:
            raise Unsupported(f"expected {word} without its members: {given}")
        key = (members if report == "sequential" else tuple(sorted(members)),)
        _row(check, str(members), got.get(key), stated)


def _rules(case: Case, check: Check, result: Result, got: Mapping[Key, Row]) -> None:
    expected = case.expected
    if expected.has("rule_count"):
        check.equal("rules", result.to_polars("rules").height, expected.take("rule_count"))
    for given in expected.take("rules", ()):
        stated = Fields(given, "expected rule")
        sides = [
            _things(next((stated.take(n) for n in (f"{side}s", side) if stated.has(n)), ()))
            for side in ("antecedent", "consequent")
        ]
        key = tuple(tuple(sorted(side)) for side in sides)
        _row(check, f"{sides[0]} -> {sides[1]}", got.get(key), stated)


def _row(check: Check, name: str, row: Row | None, stated: Fields) -> None:
    """Compare the numbers that are stated of one row; a whole support is a number of baskets."""
    if row is None:
        check.differences.append(f"{name}: not found")
        return
    check.compared += 1
    for word in stated.untaken():
        column = word.rpartition(" ")[2]
        value = stated.take(column)
        own = {"freq": "count", "frequency": "count"}.get(column, column)
        if own == "support" and isinstance(value, int) and value > 1:
            own = "count"
        if own in row:
            check.equal(f"{name} {column}", row[own], value)
        else:
            check.cannot(f"unknown: {word}")


def _things(members: Any) -> tuple[str, ...]:
    """Return the things of a list; a list of lists of one is a sequence of single things."""
    members = [members] if isinstance(members, str) else members
    flat: list[str] = []
    for member in members:
        place = member if isinstance(member, list) else [member]
        if len(place) != 1:
            raise Unsupported(f"several things at one place of a sequence: {member}")
        flat += map(str, place)
    return tuple(flat)
