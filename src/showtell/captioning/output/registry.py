"""The registry of output formats: functions that write captions to a file, by name, with a line of help.

A format is one file in `showtell.captioning.output.formats` with a function under `@output_format`. The choices and
help of `--format` in `showtell caption` and `showtell alt-text` come from here. docs/contributing/output-format.md
shows how to add a format.
"""

import functools
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from showtell.errors import InputError, refuse_duplicate

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned
    from showtell.images.preprocessing import Preprocessing

_FORMATS = "showtell.captioning.output.formats"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file of captions contains.

    Arguments:
        tags: the largest number of tags; None for all, except in lines of text, where None means no tags.
        columns: the columns of a table, which come in the format's order; None for all.
        exact: whether numbers keep all their digits.
        model: the name of the model that captioned.
        preprocessing: how the model's encoder makes pictures square, to overlay attention.
    """

    tags: int | None = None
    columns: tuple[str, ...] | None = None
    exact: bool = False
    model: str = ""
    preprocessing: "Preprocessing | None" = None


EVERYTHING = Layout()
"""All values, in the format's own order and digits."""

Write: TypeAlias = "Callable[[Captioned], None]"
"""Writes the result of one picture."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A way to write captions.

    Arguments:
        name: the value of `--format`.
        help: a line that completes "a file of captions: ...".
        open: for an open file, a context in which results are written one by one.
        binary: whether the file is opened for bytes; then it cannot be standard output.
        whole: whether the file appears only when it is complete, instead of growing.
        table: whether `showtell alt-text` can write it too, with fewer columns.
        attention: whether it contains attention maps.
        pictures: whether it shows the pictures, which are then the `source` of results.
        suffixes: endings of file names that imply the format.
        check: raises `MissingExtra` if a package is not installed.
    """

    name: str
    help: str
    open: Callable[[IO[Any], Layout], AbstractContextManager[Write]]
    binary: bool = False
    whole: bool = False
    table: bool = False
    attention: bool = False
    pictures: bool = False
    suffixes: tuple[str, ...] = ()
    check: Callable[[], object] = lambda: None


_registered: dict[str, OutputFormat] = {}


def output_format(
    name: str, help: str, **properties: Any
) -> Callable[[Callable[[IO[Any], Layout], Iterator[Write]]], Callable[[IO[Any], Layout], Iterator[Write]]]:
    """Register a format: a generator function that yields, once, a function that writes one result.

    Code before the `yield` opens the file, code after it closes the file. After an error it is not resumed.

    Arguments:
        name: as `--format` takes it.
        help: a line that describes the format.
        properties: further fields of `OutputFormat`.
    """

    def register(writer: Callable[[IO[Any], Layout], Iterator[Write]]) -> Callable[[IO[Any], Layout], Iterator[Write]]:
        if name in _registered:
            refuse_duplicate(f"the output format {name!r}", _registered[name].open, writer)
        _registered[name] = OutputFormat(name, help, contextmanager(writer), **properties)
        return writer

    return register


@functools.cache
def output_formats() -> Mapping[str, OutputFormat]:
    """Every format by its name, in the order of the names."""
    for module in pkgutil.iter_modules(import_module(_FORMATS).__path__):  # importlib.resources takes 20 ms to import
        import_module(f"{_FORMATS}.{module.name}")
    return dict(sorted(_registered.items()))


def find_output_format(name: str) -> OutputFormat:
    """The format with that name. Without one, an `InputError` lists all; without its packages, a `MissingExtra`."""
    formats = output_formats()
    if name not in formats:
        raise InputError(f"there is no output format {name!r}: choose one of {', '.join(formats)}")
    formats[name].check()
    return formats[name]


def format_of(given: str | None, output: Path | None, among: Collection[str] | None = None) -> str | None:
    """The given format, or the one that the output's name implies; None if there is neither.

    Arguments:
        given: the name of a format, or None.
        output: the file to write, or None.
        among: the formats that a name may imply; None for all.

    Raises:
        InputError: the two contradict each other, or the name implies a format that cannot be written.
    """
    suffix = output.suffix.lower() if output else ""
    formats = output_formats()
    implied = next((name for name in among or formats if suffix and suffix in formats[name].suffixes), None)
    if given and implied and given != implied:
        raise InputError(f"{output}: the name implies {implied}, but --format is {given}: change one of them")
    if not given and suffix == ".json" and among is None:
        raise InputError(f"{output}: JSON is written one object a line: name it .jsonl, or add --format jsonl")
    return given or implied


def names_of(attribute: str) -> list[str]:
    """The names of the formats that have an attribute, such as `table` or `attention`."""
    return [name for name, one in output_formats().items() if getattr(one, attribute)]
