"""Options of a command, read from dataclasses whose fields are ``Annotated[type, Option]``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from clickcli.analysis import Option
from clickcli.errors import InternalError, UsageError, suggestion

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flag(Option):
    """An option of the command line itself: it may have a short form and its own metavar."""

    short: str | None = None
    metavar: str | None = None
    complete: str | None = None
    """Kind of completion where ``kind`` does not say it: format, file."""


_METAVARS: Final[Mapping[str, str]] = {
    "text": "TEXT",
    "duration": "DURATION",
    "time": "TIME",
    "zone": "ZONE",
    "event": "EVENT",
    "step": "STEP",
    "exclusion": "EVENT:I-J",
    "column": "COLUMN",
    "predicate": "FILTER",
    "count": "N",
    "address": "ADDRESS",
    "csv": "FILE",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a parameters dataclass as the command line sees it."""

    name: str
    option: Option
    type: Any
    default: Any
    is_required: bool
    is_list: bool

    @property
    def is_flag(self) -> bool:
        """Whether it is given without a value."""
        return self.type is bool

    @property
    def flag(self) -> str:
        """Long flag with dashes."""
        return "--" + (self.option.flag or self.name.strip("_").replace("_", "-"))

    @property
    def short(self) -> str | None:
        """Short flag with its dash."""
        short = self.option.short if isinstance(self.option, Flag) else None
        return None if short is None else f"-{short}"

    @property
    def choices(self) -> tuple[str, ...]:
        """Values of an enumeration."""
        if isinstance(self.type, type) and issubclass(self.type, Enum):
            return tuple(str(member.value) for member in self.type)
        return ()

    @property
    def metavar(self) -> str:
        """What stands for the value in the help; empty for a flag."""
        if self.is_flag:
            return ""
        if isinstance(self.option, Flag) and self.option.metavar:
            return self.option.metavar
        if choices := self.choices:
            return "|".join(choices)
        if self.type in (int, float):
            return "N"
        return _METAVARS[self.option.kind]

    @property
    def complete(self) -> str:
        """Kind of completion."""
        own = self.option.complete if isinstance(self.option, Flag) else None
        return own or self.option.kind

    def label(self) -> str:
        """Return how an error names it: its flag, or the argument's metavar."""
        return self.metavar if self.option.is_argument else self.flag


def parameters_of(*kinds: type) -> list[Parameter]:
    """Return the parameters of dataclasses, in the order of their fields.

    Raises InternalError when two have one name or flag: a declaration's defect.
    """
    found = [parameter for kind in kinds for parameter in _of(kind)]
    for attribute in ("name", "flag"):
        seen = [getattr(parameter, attribute) for parameter in found]
        if twice := {word for word in seen if seen.count(word) > 1}:
            raise InternalError(f"two options are called {sorted(twice)}")
    return found


def _of(kind: type) -> Iterable[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    assert dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            raise InternalError(f"{kind.__qualname__}.{field.name} has no Option")
        base, *extras = get_args(hint)
        options = [extra for extra in extras if isinstance(extra, Option)]
        if len(options) != 1:
            raise InternalError(f"{kind.__qualname__}.{field.name} needs one Option")
        base = _without_none(base)
        is_list = get_origin(base) is tuple
        yield Parameter(
            field.name,
            options[0],
            get_args(base)[0] if is_list else base,
            None if field.default is dataclasses.MISSING else field.default,
            is_required=field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING,
            is_list=is_list,
        )


def _without_none(hint: Any) -> Any:
    parts = [part for part in get_args(hint) if part is not type(None)]
    is_optional = type(None) in get_args(hint)
    return parts[0] if is_optional and len(parts) == 1 else hint


def converted(parameters: Iterable[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the options that were given, in their types.

    ``given`` has text, lists of text, and booleans; None, False and no words are not given.
    Raises UsageError for a value that an option cannot take.
    """
    values: dict[str, Any] = {}
    for parameter in parameters:
        value = given.get(parameter.name)
        if value is None or value is False or value == []:
            continue
        if parameter.is_list:
            values[parameter.name] = tuple(_one(parameter, text) for text in value)
        else:
            values[parameter.name] = value if value is True else _one(parameter, value)
    return values


def _one(parameter: Parameter, text: str) -> Any:
    if parameter.complete != "file" and not _is_unicode(text):
        raise UsageError(f"{parameter.label()} must be valid UTF-8, was {text!r}")
    if parameter.choices:
        for member in parameter.type:
            if str(member.value) == text.strip().lower():
                return member
        raise UsageError(
            f"{parameter.label()} must be one of {', '.join(parameter.choices)}, was {text!r}",
            hint=suggestion(text, parameter.choices),
        )
    if parameter.type in (int, float):
        return _number(parameter, text)
    return text


def _is_unicode(text: str) -> bool:
    """Return whether text has no bytes that the locale could not decode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(parameter: Parameter, text: str) -> int | float:
    is_whole = parameter.type is int
    try:
        number = int(text) if is_whole else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        what = "a whole number" if is_whole else "a number"
        raise UsageError(f"{parameter.label()} must be {what}, was {text!r}")
    low, high = parameter.option.minimum, parameter.option.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = [f"at least {low:g}"] if low is not None else []
        bounds += [f"at most {high:g}"] if high is not None else []
        raise UsageError(f"{parameter.label()} must be {' and '.join(bounds)}, was {text}")
    return number


def require(parameters: Iterable[Parameter], values: Mapping[str, Any], example: str) -> None:
    """Raise UsageError for a required parameter that was not given."""
    for parameter in parameters:
        if parameter.is_required and parameter.name not in values:
            raise UsageError(f"{parameter.label()} is missing", hint=example or None)


def only(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that belong to the fields of a dataclass."""
    assert dataclasses.is_dataclass(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def make(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a dataclass from the values that belong to it."""
    return kind(**only(kind, values))
