"""What stage a person is at, what they are after, and what to do next: the thresholds and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from clickcli.errors import suggestion

STAGES: Final = ("new", "incomplete profile", "low engagement", "power", "active")
INTENTS: Final = ("searching", "buying", "comparing", "researching", "browsing")
CARTS: Final = ("active", "abandoned", "none")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask about a person.

    ``cart`` is the state of the latest cart that is still open; ``completeness`` None is unknown.
    """

    is_known: bool
    days_known: float
    days_away: float
    events: int
    completeness: float | None
    purchases: int
    cart: str


@dataclass(frozen=True, slots=True)
class Recent:
    """What the last events were, counted; ``same_item`` are the views of the item viewed most."""

    searches: int
    carts: int
    same_item: int
    views: int


@dataclass(frozen=True, slots=True)
class Rule:
    """An action and the conditions that must all hold; a condition that is not given holds."""

    action: str
    stage: tuple[str, ...] = ()
    intent: tuple[str, ...] = ()
    cart: tuple[str, ...] = ()
    known: bool | None = None
    min_days_away: float | None = None
    min_purchases: float | None = None
    max_purchases: float | None = None

    def reason(self, facts: Facts, stage: str, intent: str) -> str | None:
        """Return why the rule fits, None where it does not."""
        away, bought = facts.days_away, facts.purchases
        words = {"stage": stage, "intent": intent, "cart": facts.cart}
        checks = [
            (f"{name} is {words[name]}", words[name] in getattr(self, name))
            for name in words
            if getattr(self, name)
        ]
        if self.known is not None:
            known = "a known user" if facts.is_known else "not a known user"
            checks.append((known, facts.is_known is self.known))
        if self.min_days_away is not None:
            checks.append((f"last seen {away:.0f} days ago", away >= self.min_days_away))
        if self.min_purchases is not None or self.max_purchases is not None:
            low = 0 if self.min_purchases is None else self.min_purchases
            is_few = self.max_purchases is None or bought <= self.max_purchases
            noun = "purchase" if bought == 1 else "purchases"
            checks.append((f"{bought} {noun}", low <= bought and is_few))
        if not all(holds for _, holds in checks):
            return None
        return ", ".join(text for text, _ in checks) or "no other rule fits"

    def __str__(self) -> str:
        """Return the rule in a line."""
        given = {one.name: getattr(self, one.name) for one in fields(self)[1:]}
        conditions = [
            f"{name} {'/'.join(value) if isinstance(value, tuple) else value}"
            for name, value in given.items()
            if value not in ((), None)
        ]
        return f"{' and '.join(conditions) or 'else'}: {self.action}"


DEFAULT_ACTIONS: Final = (
    Rule("recover_cart", cart=("abandoned",)),
    Rule("help_checkout", cart=("active",), intent=("buying",)),
    Rule("win_back", min_days_away=30, min_purchases=1),
    Rule("complete_profile", stage=("incomplete profile",)),
    Rule("welcome", stage=("new",)),
    Rule("invite_to_sign_up", intent=("buying", "comparing"), known=False),
    Rule("help_search", intent=("searching",)),
    Rule("help_decide", intent=("buying",)),
    Rule("compare_items", intent=("comparing",)),
    Rule("send_guide", intent=("researching",)),
    Rule("reward", stage=("power",)),
    Rule("invite_back", stage=("low engagement",)),
    Rule("show_news"),
)


def _setting(default: Any, kind: str, text: str) -> Any:
    """Declare a field that is a key of ``[person]`` in the configuration."""
    return field(default=default, metadata={"kind": kind, "help": text})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The thresholds of stage and intent, and the rule table: ``[person]`` in the configuration."""

    new_days: float = _setting(1, "number", "New: first seen less than so many days ago.")
    complete_share: float = _setting(0.5, "share", "A profile less complete is incomplete.")
    low_events: float = _setting(10, "number", "Low engagement: fewer events than this.")
    power_days: float = _setting(30, "number", "Power: first seen more than so many days ago,")
    power_events: float = _setting(100, "number", "and with more events than this.")
    intent_events: int = _setting(20, "count", "Intent is told by so many of the last events.")
    intent_searches: float = _setting(5, "number", "Searching: more searches than this.")
    intent_carts: float = _setting(3, "number", "Buying: more cart and checkout events than this.")
    intent_same_item: float = _setting(3, "number", "Comparing: more views of one item than this.")
    intent_views: float = _setting(
        3, "number", "Researching: more views of items and content than this."
    )
    completeness: str = _setting(
        "properties.completeness", "property", "Property that says how complete a profile is."
    )
    likes: tuple[str, ...] = _setting(
        ("properties.likes",), "properties", "Properties in which people say what they like."
    )
    actions: tuple[Rule, ...] = _setting(
        DEFAULT_ACTIONS, "rules", "What to do next: the first rule that fits."
    )

    def stage(self, facts: Facts) -> str:
        """Return the first stage that fits."""
        if facts.days_known < self.new_days:
            return "new"
        if facts.completeness is not None and facts.completeness < self.complete_share:
            return "incomplete profile"
        if facts.events < self.low_events:
            return "low engagement"
        if facts.days_known > self.power_days and facts.events > self.power_events:
            return "power"
        return "active"

    def intent(self, recent: Recent) -> str:
        """Return the first intent that the last events show."""
        if recent.searches > self.intent_searches:
            return "searching"
        if recent.carts > self.intent_carts:
            return "buying"
        if recent.same_item > self.intent_same_item:
            return "comparing"
        if recent.views > self.intent_views:
            return "researching"
        return "browsing"

    def next_action(self, facts: Facts, stage: str, intent: str) -> tuple[str | None, str | None]:
        """Return the action of the first rule that fits, and why; none where none does."""
        for rule in self.actions:
            if (why := rule.reason(facts, stage, intent)) is not None:
                return rule.action, why
        return None, None


_WORDS: Final[Mapping[str, Sequence[str]]] = {"stage": STAGES, "intent": INTENTS, "cart": CARTS}


def rules_of(value: Any) -> tuple[Rule, ...]:
    """Return the rules of a configuration; ValueError says what is wrong with which one."""
    if not isinstance(value, list):
        raise ValueError("a list of tables")  # noqa: TRY004 - what is wrong is a value
    return tuple(_rule(number, one) for number, one in enumerate(value, start=1))


def _rule(number: int, given: Any) -> Rule:
    where = f"a list of rules, and in rule {number}"
    if not isinstance(given, dict):
        raise ValueError(f"{where} keys with values")  # noqa: TRY004 - as above
    known = [one.name for one in fields(Rule)]
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = suggestion(name, known) or f"known: {', '.join(known)}"
            raise ValueError(f"{where} no key {name!r} ({near})")
        values[name] = _checked(f"{where} {name}", name, value)
    if "action" not in values:
        raise ValueError(f"{where} an action")
    return Rule(**values)


def _checked(where: str, name: str, value: Any) -> Any:
    if name in _WORDS:
        words = [value] if isinstance(value, str) else value
        if isinstance(words, list) and words and all(word in _WORDS[name] for word in words):
            return tuple(words)
        raise ValueError(f"{where} one or a list of {', '.join(_WORDS[name])}")
    if name == "known":
        if isinstance(value, bool):
            return value
        raise ValueError(f"{where} true or false")
    if name == "action":
        if isinstance(value, str) and value.strip():
            return value
        raise ValueError(f"{where} text")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return value
    raise ValueError(f"{where} a number from 0")
