"""Steps: what is written, what is meant, and what is refused."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.filters import parse, property_ref
from clickcli.steps import Step, parse_exclusion, parse_step
from tests import filter_cases as cases

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    ["view", "add to cart", "a|b", "a=b", 'a"b', "[x]", "*", "x:1-2", " x ", "$pageview", "'"]
)
PREDICATES = st.none() | cases.FILTERS.map(lambda pair: parse(pair[0]))
ALTERNATIVES = st.lists(st.tuples(st.none() | NAMES, PREDICATES), min_size=1, max_size=3).map(tuple)


def filled(step: Step, *events: tuple[str, int | None]) -> list[int]:
    """Return the numbers of the events, given as type and quantity, that fill a step."""
    table = pl.DataFrame(
        events, schema={"event_type": pl.String, "quantity": pl.Int64}, orient="row"
    )
    frame: nw.LazyFrame[Any] = nw.from_native(table.lazy())
    answers = frame.with_columns(step.expression().alias("fills")).collect("polars")["fills"]
    assert answers.null_count() == 0
    return [number for number, fills in enumerate(answers.to_list()) if fills]


@given(st.none() | NAMES, ALTERNATIVES)
def test_the_text_of_a_step_is_read_back_as_that_step(
    label: str | None, alternatives: tuple[Any, ...]
) -> None:
    unnamed = Step("", alternatives).text.removeprefix("=")
    step = Step(unnamed if label is None else label, alternatives)
    assert parse_step(step.text) == step


@given(ALTERNATIVES, st.integers(1, 9), st.integers(1, 9))
def test_the_text_of_an_exclusion_is_read_back(
    alternatives: tuple[Any, ...], first: int, more: int
) -> None:
    step = parse_step(Step("a", alternatives).text)
    text = f"{step.text}:{first}-{first + more}"
    assert parse_exclusion(text, steps=20) == (step, first, first + more)
    assert parse_exclusion(step.text, steps=20) == (step, 1, 20)


@given(st.text() | st.text("ab|[]=\"'* :1-2"))
def test_hostile_text_is_a_step_or_a_usage_error(text: str) -> None:
    for read in (parse_step, lambda given: parse_exclusion(given, steps=3)[0]):
        try:
            step = read(text)
        except UsageError:
            continue
        assert parse_step(step.text) == step


@pytest.mark.parametrize(
    ("text", "label", "events"),
    [
        ("view", "view", [0, 3]),
        ("view|buy", "view|buy", [0, 1, 3]),
        ("buy[quantity > 1]|view", "buy[quantity > 1]|view", [0, 3]),
        ("any = *", "any", [0, 1, 2, 3]),
        ("*[quantity>=1]", "*[quantity >= 1]", [1, 2, 3]),
        ("view[quantity = 1]|view[quantity is null]",
         "view[quantity = 1]|view[quantity is null]", [0]),
        ('"add to cart"', "add to cart", [2]),
        ("add to cart", "add to cart", [2]),
        ("purchase", "purchase", []),
    ],
)  # fmt: skip
def test_which_events_fill_a_step(text: str, label: str, events: list[int]) -> None:
    step = parse_step(text)
    assert step.label == label
    assert filled(step, ("view", None), ("buy", 1), ("add to cart", 2), ("view", 7)) == events


def test_it_names_what_it_reads() -> None:
    step = parse_step(
        "x = view[price > 3 and properties.a = 'b'] | buy[properties.a = 'c' or properties.n = 1]"
    )
    assert step.columns == {"event_type", "price", "currency"}
    assert step.properties == (property_ref("properties.a"), property_ref("properties.n", "number"))
    assert step.event_types == frozenset({"view", "buy"})
    assert parse_step("view|*").event_types is None


def test_brackets_quotes_and_bars_inside_a_filter_are_text() -> None:
    step = parse_step("""a[country = ']|b[' and properties."]" = 'x''y']|c""")
    assert [name for name, _ in step.alternatives] == ["a", "c"]
    (_, predicate), _ = step.alternatives
    assert predicate == parse("""country = ']|b[' and properties."]" = 'x''y'""")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the step '' has no event (character 1)"),
        ("a|", "the step 'a|' has no event (character 3)"),
        ("=a", "the step '=a' has no label before = (character 1)"),
        ("a=b=c", "the step 'a=b=c' has '=' where it must end or go on with | (character 4)"),
        ('"a', "the step '\"a' has a double quote that is not closed (character 1)"),
        ("a[x='y'", "the step \"a[x='y'\" has a filter that is not closed (character 2)"),
        ("a[os='y']b",
         "the step \"a[os='y']b\" has 'b' where it must end or go on with | (character 10)"),
        ("a[]", "the filter is empty"),
        ("a[countri = 'x']", "unknown column 'countri'"),
        ("\ud800", "'\\ud800' is not UTF-8 (character 1)"),
    ],
)  # fmt: skip
def test_errors_show_where(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_step(text)
    assert caught.value.message == message


def test_event_types_are_checked_against_the_vocabulary() -> None:
    vocabulary = {"purchase": 3, "view": 9}
    assert parse_step("label=view|purchase", event_types=vocabulary).label == "label"
    assert parse_step("*", event_types=vocabulary).event_types is None
    assert parse_step("anything", event_types={}).event_types == frozenset({"anything"})
    with pytest.raises(UsageError) as caught:
        parse_step("view|purchse", event_types=vocabulary)
    assert caught.value.message == "unknown event type 'purchse'"
    assert caught.value.hint == "did you mean purchase?"


@pytest.mark.parametrize("text", ["x:2-1", "x:1-1", "x:0-1", "x:1-4", "x:99999-1", ":1-2"])
def test_an_exclusion_lies_between_two_steps(text: str) -> None:
    with pytest.raises(UsageError):
        parse_exclusion(text, steps=3, event_types=["x"])


def test_an_exclusion_without_numbers_spans_all_steps() -> None:
    step, first, last = parse_exclusion("label=x[quantity = 1]", steps=3)
    assert (step.label, first, last) == ("label", 1, 3)
    assert parse_exclusion('"x:1-2"', steps=3)[0].event_types == frozenset({"x:1-2"})


def test_long_unclosed_text_is_refused_at_once() -> None:
    with pytest.raises(UsageError):
        parse_step("a[" + "''" * 50_000)
