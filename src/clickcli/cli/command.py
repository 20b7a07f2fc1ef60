"""Make a Typer command from a declaration: parameters, call, examples, sections of help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from clickcli.cli.help import HelpCommand
from clickcli.cli.options import Parameter, converted, parameters_of, require

Call = Callable[[Mapping[str, Any]], int | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command.

    ``call`` is given the values of the options that the user gave, by field name, and returns
    the exit code (None is 0). ``sections`` are further rows of help under a title.
    """

    name: str
    headline: str
    kinds: tuple[type, ...]
    call: Call
    examples: tuple[str, ...] = ()
    sections: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    """Fields of the kinds that make no sense for the command."""


def typer_command(declared: Command) -> TyperCommand:
    """Return the Typer command of a declaration."""
    parameters = [one for one in parameters_of(*declared.kinds) if one.name not in declared.without]

    def call(**given: Any) -> int:
        values = converted(parameters, given)
        require(parameters, values, declared.examples[0] if declared.examples else "")
        return declared.call(values) or 0

    made = cast("Any", call)
    made.__signature__ = inspect.Signature([_signed(parameter) for parameter in parameters])
    made.__annotations__ = {parameter.name: _annotation(parameter) for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(
        declared.name,
        cls=HelpCommand,
        help=declared.headline,
        context_settings={"help_option_names": ["-h", "--help"]},
    )(call)
    command = get_command(app)
    assert isinstance(command, HelpCommand)
    command.declare(parameters, declared.examples, declared.sections)
    return command


def _signed(parameter: Parameter) -> inspect.Parameter:
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if parameter.is_flag else None,
        annotation=_annotation(parameter),
    )


def _annotation(parameter: Parameter) -> Any:
    """Return text (or lists of it, or bool) for Typer: types are checked by ``options``."""
    from clickcli.cli.completion import completer

    complete = completer(parameter)
    if parameter.option.is_argument:
        argument = typer.Argument(
            metavar=parameter.metavar, help=parameter.option.help, show_default=False,
            autocompletion=complete,
        )  # fmt: skip
        return Annotated[list[str] | None if parameter.is_list else str | None, argument]
    flags = [parameter.flag] + ([parameter.short] if parameter.short else [])
    option = typer.Option(
        *flags, metavar=parameter.metavar or None, help=parameter.option.help,
        show_default=False, autocompletion=complete,
    )  # fmt: skip
    if parameter.is_flag:
        return Annotated[bool, option]
    return Annotated[list[str] | None if parameter.is_list else str | None, option]
