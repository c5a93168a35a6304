"""Errors in how a command was called -> one line for people, with the name that was meant.

Typer's own messages are those of the libraries below it, such as "Input should be a valid integer, unable to parse
string as an integer".
"""

import re

import typer

from showtell.errors import near

UsageError: type[Exception] = typer.BadParameter.__mro__[2]
"""The class of all errors that Typer finds in a command line; `exit_code` is theirs."""

_NUMBERS = (
    (r"valid integer", "must be a whole number"),
    (r"valid number|valid float", "must be a number"),
    (r"greater than or equal to (\S+)", "must be at least {}"),
    (r"less than or equal to (\S+)", "must be at most {}"),
    (r"not in the range x>=(\S+?)\.?$", "must be at least {}"),
)


def usage_line(error: Exception) -> str:
    """The message of a `UsageError` with the command whose help has the answer."""
    message = str(error.format_message()).strip()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    known = [name for one in context.command.params for name in one.opts] if context else []
    line = _plain(message, known).rstrip(".")
    return f"{line}; see {context.command_path} --help" if context else line


def _plain(message: str, options: list[str]) -> str:
    if found := re.match(r"No such option:? '?(-[\w-]*)", message):
        return f"there is no option {found[1]}{near(found[1], options)}"
    if found := re.match(r"No such command '(.*?)'\.?(?: Did you mean (.*?)\??$)?", message):
        meant = f" (did you mean {found[2]}?)" if found[2] else ""
        return f"there is no command {found[1]!r}{meant}"
    if found := re.match(r"Missing (option|argument) '(.*?)'", message):
        return f"{found[2]} is missing"
    if found := re.match(r"Option '(.*?)' requires an argument", message):
        return f"{found[1]} needs a value"
    if found := re.match(r"Option '(.*?)' does not take a value", message):
        return f"{found[1]} takes no value"
    if found := re.match(r"Invalid value for '(.*?)': (.*)", message, re.DOTALL):
        return f"{found[1].split(' / ')[0]} {_value(' '.join(found[2].split()))}"
    return message


def _value(reason: str) -> str:
    """What is wrong with a value, as what follows the option's name."""
    if found := re.search(r"'(.*?)' is not one of (.*?)\.?$", reason):
        names = re.findall(r"'(.*?)'", found[2])
        return f"must be one of {', '.join(names)}, not {found[1]!r}{near(found[1], names)}"
    for pattern, said in _NUMBERS:
        if found := re.search(pattern, reason):
            return said.format(*found.groups())
    return f"has a wrong value: {reason.removeprefix('Value error, ')}"
