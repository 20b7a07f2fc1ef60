"""Settings from the environment and from configuration files, each with its origin.

A flag wins over the environment (``CLICKCLI_TZ``), that over ``clickcli.toml`` of the project
(searched upward from the working directory), that over the user's own
(``$XDG_CONFIG_HOME/clickcli/clickcli.toml``), that over the default. Keys are declared once,
in ``KEYS``; an unknown one is refused. A key ``person.new_days`` stands in the section
``[person]``, and is ``CLICKCLI_PERSON_NEW_DAYS`` in the environment.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

from clickcli.errors import StorageError, UsageError, suggestion
from clickcli.person.rules import Rules, rules_of

FILE_NAME: Final = "clickcli.toml"
PREFIX: Final = "CLICKCLI_"
_MAX_BYTES: Final = 1 << 20

Use = Literal["command", "shared", "dataset", "ingest", "traffic", "privacy", "person"]
Kind = Literal[
    "text", "path", "list", "sites", "zone", "week", "format", "currency", "share", "flag",
    "number", "count", "property", "properties", "rules",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """A setting: who uses it, what it may be, what it is when nobody says."""

    name: str
    use: Use
    kind: Kind
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """Environment variable of the key."""
        return PREFIX + self.name.upper().replace(".", "_")


KEYS: Final[tuple[Key, ...]] = (
    Key("store", "command", "path", "clickstore", "Folder of the store."),
    Key("format", "command", "format", None, "Output format where -f is not given."),
    Key("tz", "shared", "zone", "UTC", "Time zone of days, weeks and months."),
    Key("week_start", "shared", "week", "monday", "First day of the week: monday or sunday."),
    Key("conversion_event", "dataset", "text", "purchase", "Event type that is the conversion."),
    Key("passive_events", "dataset", "list", (), "Event types that people do not cause."),
    Key("currency", "dataset", "currency", "USD", "ISO 4217 code of amounts that carry none."),
    Key("own_hosts", "dataset", "list", (), "Hosts of the site itself, not a traffic source."),
    Key("sites", "dataset", "sites", (), "Further sites that send traffic: kind and hosts."),
    Key("input_tz", "ingest", "zone", None, "Time zone of log times that have no offset."),
    Key("max_error_rate", "ingest", "share", 0.05, "Share of bad lines that an ingest allows."),
    Key("scrub", "ingest", "list", (), "Kinds of personal data taken out of new events' texts."),
    Key("key_file", "privacy", "path", None, "Key that hides ids; default: STORE.key beside it."),
    Key("require_consent", "privacy", "flag", False, "Only people who agreed are kept and seen."),
    Key("costs.items", "dataset", "path", None, "CSV file of item costs: item_id, cost, currency."),
    Key("costs.traffic", "dataset", "path", None, "CSV file of spend: date, source, cost …."),
    Key("segments.new_days", "dataset", "number", 30, "New: first seen at most so many days ago."),
    Key("segments.risk_days", "dataset", "number", 30, "At risk: not seen for longer than this."),
    Key("segments.power_days", "dataset", "number", 10, "Power: at least so many active days."),
    Key("segments.high_value", "dataset", "number", 1000, "High-value: revenue from here on."),
    *(
        Key(f"person.{one.name}", "person", one.metadata["kind"], one.default, one.metadata["help"])
        for one in fields(Rules)
    ),
)
BY_NAME: Final[dict[str, Key]] = {key.name: key for key in KEYS}
_SECTIONS: Final = frozenset(name.partition(".")[0] for name in BY_NAME if "." in name)


@dataclass(frozen=True, slots=True)
class Setting:
    """A key's value and where it came from."""

    key: Key
    value: Any
    origin: str


class Settings:
    """The values of all keys, checked."""

    def __init__(self, values: Mapping[str, Setting]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[Setting]:
        return iter(self._values.values())

    def given(self, use: Use) -> dict[str, Any]:
        """Return the values of one use that differ from the default's origin.

        A key of a section is named as a field of Python's: ``costs_items``.
        """
        return {
            setting.key.name.replace(".", "_"): setting.value
            for setting in self
            if setting.key.use == use and setting.origin != "default"
        }

    def section(self, name: str) -> dict[str, Any]:
        """Return the values of a section by the keys' own names."""
        start = f"{name}."
        return {
            key.removeprefix(start): setting.value
            for key, setting in self._values.items()
            if key.startswith(start)
        }


def load(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read every source and return the settings.

    Raises UsageError for an unknown key or a value of the wrong type, naming the file or
    variable.
    """
    environment = os.environ if environment is None else environment
    values = {key.name: Setting(key, key.default, "default") for key in KEYS}
    for path in files(folder, environment):
        for name, value in _flat(_read(path)):
            key = _known(name, str(path))
            values[name] = Setting(key, _checked(key, value, str(path), path.parent), str(path))
    for key in KEYS:
        if text := environment.get(key.variable):
            given = _parsed(key, text)
            value = _checked(key, given, key.variable, None)
            values[key.name] = Setting(key, value, f"{key.variable} (environment)")
    return Settings(values)


def files(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> list[Path]:
    """Return the configuration files that exist, the least important first."""
    environment = os.environ if environment is None else environment
    found: list[Path] = []
    base = environment.get("XDG_CONFIG_HOME") or ""
    home = environment.get("HOME") or ""
    user = Path(base) if base else Path(home, ".config") if home else None
    if user is not None and (path := user / "clickcli" / FILE_NAME).is_file():
        found.append(path)
    try:
        start = Path.cwd() if folder is None else folder.absolute()
    except FileNotFoundError:
        return found
    for parent in (start, *start.parents):
        if (path := parent / FILE_NAME).is_file():
            if path not in found:
                found.append(path)
            break
    return found


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path} is over 1 MB: not a configuration file")
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not TOML: {error}", hint="clickcli init writes an example"
        ) from None


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys and values, those of a section under its name and a dot."""
    for name, value in values.items():
        if name in _SECTIONS and isinstance(value, dict):
            yield from ((f"{name}.{own}", inner) for own, inner in value.items())
        else:
            yield name, value


def _known(name: str, where: str) -> Key:
    if name in BY_NAME:
        return BY_NAME[name]
    hint = suggestion(name, BY_NAME) or f"known: {', '.join(sorted(BY_NAME))}"
    raise UsageError(f"{where}: unknown key {name!r}", hint=hint)


def _parsed(key: Key, text: str) -> Any:
    """Return the value that an environment variable's text means."""
    if key.kind in ("list", "sites", "properties"):
        return [part.strip() for part in text.split(",") if part.strip()]
    if key.kind in ("share", "number", "count"):
        try:
            return int(text) if key.kind == "count" else float(text)
        except ValueError:
            return text
    if key.kind == "rules":
        return _toml_value(text)
    if key.kind == "flag":
        return _FLAGS.get(text.strip().lower(), text)
    return text


def _checked(key: Key, value: Any, where: str, folder: Path | None) -> Any:
    """Return the value in the type of its key; UsageError when it has another."""
    must = _MUST[key.kind](value)
    if must is not None:
        raise UsageError(f"{where}: {key.name} must be {must}, was {_short(value)}", hint=key.help)
    if key.kind in ("list", "sites", "properties"):
        return tuple(value)
    if key.kind == "rules":
        return rules_of(value)
    if key.kind == "currency":
        return str(value).upper()
    if key.kind == "share":
        return float(value)
    if key.kind == "path" and folder is not None:
        return os.path.relpath(folder / Path(value).expanduser())
    return value


def _toml_value(text: str) -> Any:
    """Return the value that a text means in TOML, the text itself where it means none."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "text"


def _list(value: Any) -> str | None:
    is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return None if is_list else "a list of texts"


def _sites(value: Any) -> str | None:
    from clickcli.data.sites import Kind, site_of

    if _list(value) is None and all(site_of(text) for text in value):
        return None
    return f"a list of texts, each a kind ({', '.join(get_args(Kind))}) and hosts"


def _zone(value: Any) -> str | None:
    from clickcli.units import zone

    if not isinstance(value, str):
        return "the name of a time zone"
    try:
        zone(value)
    except UsageError:
        return "the name of a time zone, such as Europe/Berlin"
    return None


def _week(value: Any) -> str | None:
    return None if value in ("monday", "sunday") else "monday or sunday"


def _format(value: Any) -> str | None:
    from clickcli.render import FORMATS

    names = [known.name for known in FORMATS]
    return None if value in names else f"one of {', '.join(names)}"


def _currency(value: Any) -> str | None:
    is_code = isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha()
    return None if is_code else "an ISO 4217 code of three letters"


def _share(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and 0 <= value <= 1 else "a number from 0 to 1"


_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
"""What the text of an environment variable means."""


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and value >= 0 and math.isfinite(value) else "a number from 0"


def _count(value: Any) -> str | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return None if is_count else "a whole number from 1"


def _property(value: Any) -> str | None:
    from clickcli.filters import property_ref

    try:
        property_ref(value if isinstance(value, str) else "")
    except UsageError:
        return "a property, such as properties.plan"
    return None


def _properties(value: Any) -> str | None:
    is_list = isinstance(value, list) and all(_property(part) is None for part in value)
    return None if is_list else "a list of properties, such as properties.plan"


def _rules(value: Any) -> str | None:
    try:
        rules_of(value)
    except ValueError as error:
        return str(error)
    return None


_MUST: Final[dict[Kind, Callable[[Any], str | None]]] = {
    "text": _text,
    "path": _text,
    "list": _list,
    "sites": _sites,
    "zone": _zone,
    "week": _week,
    "format": _format,
    "currency": _currency,
    "share": _share,
    "flag": _flag,
    "number": _number,
    "count": _count,
    "property": _property,
    "properties": _properties,
    "rules": _rules,
}
"""What a value of a kind must be, None when it is."""


def example(store: str | None = None) -> str:
    """Return a commented configuration file with every key and its default."""
    lines = [
        "# Settings of clickcli for this folder and those below it.",
        "# A flag wins over CLICKCLI_… variables, and those win over this file.",
        "",
    ]
    for key in KEYS:
        if key.name == "store":
            value = f"store = {_quoted(str(key.default) if store is None else store)}"
        else:
            value = "# " + _toml(key)
        lines += [f"# {key.help}", value, ""]
    return "\n".join(lines)


_EXAMPLES: Final[Mapping[str, str]] = {
    "format": '"json"',
    "input_tz": '"Europe/Berlin"',
    "passive_events": '["email_sent"]',
    "own_hosts": '["shop.example.com"]',
    "sites": '["search find.example", "pass pay.example"]',
    "key_file": '"~/.config/clickcli/shop.key"',
    "require_consent": "true",
    "scrub": '["email", "phone", "card", "ip", "token"]',
    "costs.items": '"item_costs.csv"',
    "costs.traffic": '"spend.csv"',
    "person.likes": '["properties.likes"]',
    "person.actions": '[{ cart = "abandoned", action = "recover_cart" }, { action = "show_news" }]',
}


def _toml(key: Key) -> str:
    default = key.default
    text = _quoted(default) if isinstance(default, str) else str(default)
    return f"{key.name} = {_EXAMPLES.get(key.name, text)}"


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are a part of TOML's."""
    import json

    return json.dumps(text)
