"""Help pages: the definition first, options in groups, examples last, at 80 columns."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from typer.core import TyperCommand

from clickcli.cli.options import Parameter
from clickcli.cli.terminal import Paint, has_color
from clickcli.cli.unconverted import unconverted

_WIDTH = 80
_INDENT = "  "
_LEFT = 26
"""Widest left column; a longer flag has its help on the next line."""

_NO_BREAK = "\u00a0"

Rows = Iterable[tuple[str, str]]
HELP = ("-h, --help", "Show this page.")


class HelpCommand(TyperCommand):
    """A command whose help page comes from its declaration."""

    def declare(
        self,
        parameters: Sequence[Parameter],
        examples: Sequence[str],
        sections: Mapping[str, tuple[tuple[str, str], ...]],
    ) -> None:
        """Remember what the help page shows."""
        self._declared = tuple(parameters)
        self._examples = tuple(examples)
        self._sections = dict(sections)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters as Typer parses them."""
        return unconverted(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page into the formatter."""
        paint = Paint(has_color(sys.stdout))
        arguments = [one for one in self._declared if one.option.is_argument]
        words = [_argument_usage(one) for one in arguments]
        usage = " ".join([ctx.command_path, *words, "[OPTIONS]"])
        page = [f"{paint.bold('Usage:')} {usage}", "", *paragraph(self.help or ""), ""]
        groups: dict[str, list[tuple[str, str]]] = {}
        if arguments:
            groups["Arguments"] = [(one.metavar, one.option.help) for one in arguments]
        for one in self._declared:
            if not one.option.is_argument:
                groups.setdefault(one.option.group, []).append((_left(one), _right(one)))
        groups.setdefault("General", []).append(HELP)
        for title, rows in groups.items():
            page += section(title, rows, paint)
        for title, further in self._sections.items():
            page += section(title, further, paint)
        if self._examples:
            page += [paint.bold("Examples:"), *(_INDENT + one for one in self._examples)]
        formatter.write("\n".join(page).rstrip() + "\n")


def _argument_usage(parameter: Parameter) -> str:
    word = parameter.metavar + ("…" if parameter.is_list else "")
    return word if parameter.is_required else f"[{word}]"


def _left(parameter: Parameter) -> str:
    flags = f"{parameter.short}, {parameter.flag}" if parameter.short else parameter.flag
    return f"{flags} {parameter.metavar}".rstrip()


def _right(parameter: Parameter) -> str:
    text = parameter.option.help
    facts: list[str] = []
    default = parameter.default
    if isinstance(default, Enum):
        default = default.value
    is_worth_telling = isinstance(default, str | int | float) and default not in ("", False)
    if is_worth_telling or (default == 0 and default is not False):
        facts.append(f"default: {default}")
    if parameter.is_list:
        facts.append("repeatable")
    return f"{text} [{'; '.join(facts).replace(' ', _NO_BREAK)}]" if facts else text


def paragraph(text: str) -> list[str]:
    """Return text in lines of help width."""
    return textwrap.wrap(
        text, _WIDTH - len(_INDENT), initial_indent=_INDENT, subsequent_indent=_INDENT
    )


def section(title: str, rows: Rows, paint: Paint) -> list[str]:
    """Return a titled list of names and explanations, and an empty line."""
    rows = list(rows)
    widest = max((len(left) for left, _ in rows if len(left) <= _LEFT), default=0)
    indent = " " * (len(_INDENT) + widest + 2)
    lines = [paint.bold(f"{title}:")]
    for left, right in rows:
        wrapped = textwrap.wrap(right, _WIDTH - len(indent), break_on_hyphens=False) or [""]
        if len(left) <= widest:
            lines.append(f"{_INDENT}{paint.cyan(left)}{' ' * (widest - len(left) + 2)}{wrapped[0]}")
            wrapped = wrapped[1:]
        else:
            lines.append(_INDENT + paint.cyan(left))
        lines += [indent + line for line in wrapped]
    return [*(line.replace(_NO_BREAK, " ").rstrip() for line in lines), ""]


def group_page(path: str, about: str, sections: Mapping[str, Rows], ending: Sequence[str]) -> str:
    """Return the help page of a command that holds others."""
    paint = Paint(has_color(sys.stdout))
    page = [f"{paint.bold('Usage:')} {path} COMMAND [OPTIONS]", "", *paragraph(about), ""]
    for title, rows in sections.items():
        page += section(title, rows, paint)
    return "\n".join([*page, *ending]).rstrip() + "\n"
