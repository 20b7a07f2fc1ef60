"""What a user agent says of a visitor: kind of device, browser, system, and whether it is a bot.

Definition
    Browser and operating system are the families of ua-parser, the mobile and the desktop form
    of a browser under one name. The kind of device is ``desktop``, ``mobile``, ``tablet``, ``tv``,
    ``console`` or ``watch``, the first whose words stand in the agent; none for a bot and for an
    agent that does not tell.
    A **bot** is what no person looks at: crawlers, link previews, monitors, feed readers, headless
    browsers, and programs such as curl. One is known by ua-parser (its devices called Spider), by
    a word that bots use of themselves, or by beginning with the name of a program. An agent that
    names no operating system, as a person's browser always does, is a bot's also when it has the
    address of a page or mailbox in it, or is on the list of crawler-user-agents; some of that
    list's patterns are found in browsers, too. An iPad that asks for desktop pages is a desktop.
Input
    User agents as logged, the first 512 characters of each.
Source
    ua-parser (Apache-2.0; its data comes monthly) with its engine in Rust, which takes time linear
    in an agent's length whatever that holds, and crawler-user-agents (MIT; monthly). Libraries
    inside apps (okhttp, CFNetwork, Dalvik, Dart) are no bots: the app is used by a person.
Cost
    About 75 µs for an agent that was not seen before; 0.4 s for the first one.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import polars as pl
    from ua_parser.regex import Resolver

MAX_AGENT: Final = 512
"""Characters of an agent that are looked at."""
KNOWN_AGENTS: Final = 10_000
"""Agents that are remembered, the least recently seen of them forgotten first."""

_NOTHING: Final = ("", "-")
_BROWSERS: Final = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Android WebView",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari (in-app)",
    "Opera Mobile": "Opera",
}
_SYSTEMS: Final = {"Mac OS X": "macOS"}
_KINDS: Final = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        ("watch", r"\bwatch ?os\b|apple ?watch|\bwear ?os\b"),
        ("console", r"playstation|xbox|nintendo"),
        ("mobile", r"iphone|ipod"),
        ("tablet", r"ipad"),
        ("tv", r"smart-?tv|apple ?tv|google ?tv|hbbtv|\btv\b|netcast|web0s|vidaa"),
        ("tv", r"bravia|viera|crkey|\broku|\b(?-i:AFT[A-Z0-9]+)\b"),
        ("tablet", r"tablet(?! pc)|kindle|playbook|\bsilk/"),
        ("mobile", r"mobi|windows phone|blackberry|\bbb10\b|symbian|kaios|opera mini|\bmidp"),
        ("tablet", r"^mozilla/.*android"),
        ("mobile", r"android"),
        ("desktop", r"windows|macintosh|mac ?os|\bx11\b|\bcros\b|linux|bsd\b"),
    )
)
"""Words by kind, in the order in which they are looked for.

A browser on Android that does not say that it is mobile is on a tablet.
"""
_SPIDER: Final = "Spider"
_WORDS: Final = re.compile(
    r"(?<!cu)bots?(?![a-z])|crawl|spider|slurp|scrap(?:er|y|ing)|headless|phantomjs|lighthouse"
    r"|\+ ?https?:|fetch(?:er)?\b|feedparser|health-?check|monitor|probe\b|synthetic|pingdom",
    re.IGNORECASE,
)
"""What bots call themselves; Cubot is a make of telephones."""
_PROGRAMS: Final = re.compile(
    r"(?:apache-httpclient|axios|curl|deno|go-http-client|googlehc|guzzlehttp|httpie|insomnia"
    r"|java|libwww-perl|lwp|node(?:-fetch|\.js)?|perl|php|postmanruntime|python|ruby|undici|wget)"
    r"(?![a-z])",
    re.IGNORECASE,
)
"""Programs and libraries of servers, at the beginning of an agent."""
_CONTACT: Final = re.compile(r"https?://|\w@\w", re.IGNORECASE)
"""Where to ask about a bot."""
_OF_PEOPLE: Final = frozenset({"okhttp", "Amazon CloudFront", "Sogou", "Viber"})
"""Listed patterns that apps and networks of people match."""


class Agent(NamedTuple):
    """What is known of one user agent; None is not known."""

    device_type: str | None
    browser: str | None
    os: str | None
    is_bot: bool


def agent_columns(agents: pl.Series) -> pl.DataFrame:
    """Return device_type, browser, os and is_bot of each agent, null where none is given."""
    import polars as pl

    unique = agents.drop_nulls().unique()
    cut = ((agent, agent.strip()[:MAX_AGENT]) for agent in unique)
    known = [(agent, *read_agent(text)) for agent, text in cut if text not in _NOTHING]
    types = dict(zip(Agent._fields, (pl.String, pl.String, pl.String, pl.Boolean), strict=True))
    table = pl.DataFrame(known, schema={"agent": pl.String, **types}, orient="row")
    rows = agents.alias("agent").to_frame()
    return rows.join(table, on="agent", how="left", maintain_order="left").drop("agent")


@lru_cache(maxsize=KNOWN_AGENTS)
def read_agent(text: str) -> Agent:
    """Return what an agent says; the text is cut already."""
    from ua_parser import Domain

    families, crawlers = _parsers()
    found = families(text, Domain.ALL)
    browser = None if found.user_agent is None else found.user_agent.family
    system = None if found.os is None else found.os.family
    is_bot = (
        (found.device is not None and found.device.family == _SPIDER)
        or _WORDS.search(text) is not None
        or _PROGRAMS.match(text) is not None
        or (system is None and _CONTACT.search(text) is not None)
        or (system is None and crawlers(text, Domain.USER_AGENT).user_agent is not None)
    )
    if is_bot and browser and "/" in browser:
        browser = None  # the end of an address, taken for a name
    return Agent(
        device_type=None if is_bot else _device_type(text, system),
        browser=browser and _BROWSERS.get(browser, browser),
        os=system and _SYSTEMS.get(system, system),
        is_bot=is_bot,
    )


def _device_type(text: str, system: str | None) -> str | None:
    kinds = (kind for kind, words in _KINDS if words.search(text))
    return next(kinds, "mobile" if system == "iOS" else None)


@cache
def _parsers() -> tuple[Resolver, Resolver]:
    """Return the parser of ua-parser's families, and one that finds listed bots as browsers."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA
    from ua_parser.loaders import UserAgentDict, load_lazy, load_lazy_builtins
    from ua_parser.regex import Resolver

    bots: list[UserAgentDict] = [
        {"regex": entry["pattern"], "family_replacement": "bot"}
        for entry in CRAWLER_USER_AGENTS_DATA
        if entry["pattern"] not in _OF_PEOPLE
    ]
    return Resolver(load_lazy_builtins()), Resolver(load_lazy((bots, [], [])))
