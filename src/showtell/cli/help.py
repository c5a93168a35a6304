"""Help texts for people: `--beam N` and `--html FILE`, without Python's types."""

import inspect
import re
import typing
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.models import OptionInfo

_VALUES = {int: "N", float: "X", Path: "FILE", str: "TEXT"}


ENCODERS = "{encoders}"
"""In a help text: the names of all encoders."""


class _PlainHelp:
    """Shows no value for flags, and only their own name for arguments."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Complete the help and write it."""
        self.complete_help()
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def complete_help(self) -> None:
        """Fill in what help texts take from registries. Only shown help is filled, because that imports their room.

        A blank line before the examples keeps them apart: Typer removes the indentation of all lines after the first of
        the paragraphs that it renders, and an example without indentation is no longer a line of its own.
        """
        command: Any = self
        command.help = re.sub(r"\n+Examples:", "\n\n\nExamples:", command.help or "")
        for param in command.params:
            if ENCODERS in (getattr(param, "help", None) or ""):
                from showtell.encoders import encoder_names

                *names, last = encoder_names()
                param.help = param.help.replace(ENCODERS, f"{', '.join(names)} or {last}")

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if param.param_type_name == "argument":
                param.metavar = param.metavar or param.name.upper()
                param.display_type_rich = lambda **_: None
            elif getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class PlainCommand(_PlainHelp, TyperCommand):
    """A command with such help."""


class PlainGroup(_PlainHelp, TyperGroup):
    """A group of commands with such help."""


def named_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; each option without a named value gets one from its type or its choices."""
    for annotation in typing.get_type_hints(inspect.unwrap(function), include_extras=True).values():
        for option in getattr(annotation, "__metadata__", ()):
            if isinstance(option, OptionInfo) and option.metavar is None:
                option.metavar = _value_of(typing.get_args(annotation)[0])
    return function


def _value_of(kind: Any) -> str | None:
    inner = [one for one in typing.get_args(kind) if one is not NoneType]
    if inner:
        return _value_of(inner[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return _VALUES.get(kind)
