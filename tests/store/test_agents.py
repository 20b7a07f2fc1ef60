"""What user agents say, against a table made by hand, and what hostile ones cannot do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.store import Store, agents
from clickcli.store.agents import KNOWN_AGENTS, MAX_AGENT, Agent, agent_columns, read_agent
from tests.store.logs import event, events, ingest, write

ANY = "*"
TABLE = Path(__file__).with_name("agents.tsv")
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari"
)
KINDS = {"desktop", "mobile", "tablet", "tv", "console", "watch", None}


def table() -> list[list[str]]:
    """Return kind (``bot``, ``-`` for none), browser, system and agent; ``*`` is any."""
    _, *lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    read_agent.cache_clear()
    yield
    read_agent.cache_clear()


def test_the_table_has_bots_and_people_of_every_kind() -> None:
    kinds = [kind for kind, *_ in table()]
    assert len(kinds) >= 100
    assert kinds.count("bot") >= 50
    assert {kind for kind in KINDS if kind} < set(kinds)


@pytest.mark.parametrize(("kind", "browser", "system", "agent"), table())
def test_an_agent_is_told_as_by_hand(kind: str, browser: str, system: str, agent: str) -> None:
    found = read_agent(agent[:MAX_AGENT])
    assert found.is_bot == (kind == "bot")
    assert found.device_type == (None if kind in ("bot", "-") else kind)
    if browser != ANY:
        assert found.browser == browser
    if system != ANY:
        assert found.os == system


def test_mobile_and_desktop_forms_of_a_browser_have_one_name() -> None:
    forms = ("CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome/142.0 Mobile Safari/537.36")
    phones = ("iPhone; CPU iPhone OS 18_6 like Mac OS X", "Linux; Android 10; K")
    for phone, form in zip(phones, forms, strict=True):
        assert read_agent(f"Mozilla/5.0 ({phone}) AppleWebKit/605 {form}").browser == "Chrome"


def test_a_piece_of_an_address_is_no_name() -> None:
    assert read_agent("Mozilla/5.0 (compatible; Hawk/1.2; +https://bot.example/about)") == Agent(
        None, None, None, is_bot=True
    )


def test_what_says_nothing_is_not_looked_at() -> None:
    found = agent_columns(pl.Series(["", " ", "-", None, "\t-\n"], dtype=pl.String))
    assert found.null_count().row(0) == (5, 5, 5, 5)
    assert read_agent.cache_info().misses == 0


def test_each_agent_is_parsed_once_however_often_and_in_however_many_chunks_it_comes() -> None:
    names = [f"{CHROME}/{number % 7}" for number in range(700)]
    for _ in range(3):
        found = agent_columns(pl.Series([*names, None]))
        assert found.height == 701
        assert found["browser"][:700].null_count() == 0
    assert read_agent.cache_info().misses == 7


def test_agents_without_end_do_not_fill_memory() -> None:
    agent_columns(pl.Series([f"n{number}" for number in range(KNOWN_AGENTS + 50)]))
    info = read_agent.cache_info()
    assert (info.misses, info.currsize) == (KNOWN_AGENTS + 50, KNOWN_AGENTS)


@pytest.mark.parametrize(
    "piece",
    [
        "A",
        "(",
        "Mozilla/5.0 (",
        "; Android ",
        "a.b-",
        "1",
        " x",
        "\u0130",
        "Chrome/1.",
        "bot+",
        "((a+)+",
    ],
)
def test_of_an_agent_of_a_megabyte_only_the_beginning_is_read(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def spy(text: str) -> Agent:
        read.append(text)
        return read_agent(text)

    monkeypatch.setattr(agents, "read_agent", spy)
    huge = (piece * (1 << 20))[: 1 << 20]
    assert agent_columns(pl.Series([huge])).height == 1
    assert [len(text) for text in read] == [MAX_AGENT]


def test_the_beginning_decides() -> None:
    start = f"{CHROME} "
    assert not read_agent((start + "x" * MAX_AGENT + " Googlebot")[:MAX_AGENT]).is_bot
    rows = agent_columns(pl.Series([start + "x" * 5000 + " Googlebot", start]))
    assert rows["browser"].to_list() == ["Chrome", "Chrome"]


@given(st.lists(st.none() | st.text(max_size=80) | st.sampled_from([row[3] for row in table()])))
def test_any_text_gives_one_row_of_known_words(texts: list[str | None]) -> None:
    found = agent_columns(pl.Series(texts, dtype=pl.String))
    assert found.columns == list(Agent._fields)
    assert found.height == len(texts)
    for text, row in zip(texts, found.iter_rows(), strict=True):
        one = Agent(*row)
        assert one.device_type in KINDS
        assert (one.is_bot is None) == (text is None or text.strip()[:MAX_AGENT] in ("", "-"))
        assert not (one.is_bot and one.device_type)


def test_ingest_stores_what_the_agent_says(tmp_path: Path) -> None:
    lines = [event(0, user_agent=CHROME), event(1, ua="curl/8.5.0"), event(2)]
    with Store.create(tmp_path / "s") as store:
        assert ingest(store, write(tmp_path / "l", lines)).bots == 1
        rows = events(store).select("device_type", "browser", "os", "is_bot", "user_agent").rows()
    assert rows == [
        ("desktop", "Chrome", "Linux", False, CHROME),
        (None, "curl", None, True, "curl/8.5.0"),
        (None, None, None, None, None),
    ]


LAZY = """
import sys
from clickcli.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*{"ua_parser", "ua_parser_rs", "crawleruseragents"} & set(sys.modules), file=sys.stderr)
"""


def loaded(folder: Path, words: list[str]) -> str:
    """Return which of the libraries a command loads."""
    ran = subprocess.run(
        [sys.executable, "-c", LAZY, *words],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("words", [["--help"], ["ingest", "log.jsonl"], ["info"], ["active"]])
def test_the_libraries_are_loaded_only_for_a_log_with_agents(
    words: list[str], tmp_path: Path
) -> None:
    agent = {"user_agent": "curl/8"}
    with Store.create(tmp_path / "clickstore") as store:
        ingest(store, write(tmp_path / "old", [event(0, **agent)]))
    write(tmp_path / "log.jsonl", [event(1), event(2)])
    assert loaded(tmp_path, words) == ""
    if words[0] == "ingest":
        write(tmp_path / "log.jsonl", [event(3, **agent)])
        assert set(loaded(tmp_path, words).split()) == {
            "ua_parser", "ua_parser_rs", "crawleruseragents",
        }  # fmt: skip
