"""The output formats: what writes captions to a file, by name, with a line of help.

A format is one file in `showtell.captioning.output.formats` with a function under `@output_format`. The choices and
help of `--format`, of `showtell caption` and `showtell alt-text`, come from here. docs/contributing/output-format.md
shows how to add one.
"""

import functools
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from showtell.errors import InputError

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned
    from showtell.images.preprocessing import Preprocessing

_FORMATS = "showtell.captioning.output.formats"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a user asks of a file of captions.

    Arguments:
        tags: names of what is seen, at most; None for all, but in lines of text, where it is none.
        columns: the columns of a table, in the order that the format has them; None for all.
        exact: whether numbers keep all their digits.
        model: the name of the model that captioned.
        preprocessing: how the model's encoder makes pictures square, to lay attention over them.
    """

    tags: int | None = None
    columns: tuple[str, ...] | None = None
    exact: bool = False
    model: str = ""
    preprocessing: "Preprocessing | None" = None


EVERYTHING = Layout()
"""All that is known, in the format's own order and digits."""

Write: TypeAlias = "Callable[[Captioned], None]"
"""Writes what became of one picture."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A way to write captions.

    Arguments:
        name: as `--format` takes it.
        help: a line that completes "a file of captions: ...".
        open: for an open file, a context in which results are written one by one.
        binary: whether the file is opened for bytes; it is then never standard output.
        whole: whether the file appears when it is complete, instead of growing.
        table: whether it also holds the texts of `showtell alt-text`, in fewer columns.
        attention: whether it says where the model looked for each word.
        pictures: whether it shows the pictures, which are then results' `source`.
        suffixes: endings of file names that say the format.
        check: raises `MissingExtra` where a package is not installed.
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
    """Register a format: a generator function that yields what writes one result, once.

    What it does before the `yield` opens a file, what it does after closes it; it is not resumed after an error.

    Arguments:
        name: as `--format` takes it.
        help: a line that says what it is.
        properties: further fields of `OutputFormat`.
    """

    def register(writer: Callable[[IO[Any], Layout], Iterator[Write]]) -> Callable[[IO[Any], Layout], Iterator[Write]]:
        _registered[name] = OutputFormat(name, help, contextmanager(writer), **properties)
        return writer

    return register


@functools.cache
def output_formats() -> Mapping[str, OutputFormat]:
    """Every format by its name, in the order of the names."""
    for module in pkgutil.iter_modules([str(resources.files(_FORMATS))]):
        import_module(f"{_FORMATS}.{module.name}")
    return dict(sorted(_registered.items()))


def find_output_format(name: str) -> OutputFormat:
    """The format of that name, whose packages are installed; an `InputError` names all where there is none."""
    formats = output_formats()
    if name not in formats:
        raise InputError(f"there is no output format {name!r}: choose one of {', '.join(formats)}")
    formats[name].check()
    return formats[name]


def format_of(given: str | None, output: Path | None, among: Collection[str] | None = None) -> str | None:
    """The format that was given, or that the output's name says; None where neither does.

    Arguments:
        given: the name of a format, or None.
        output: the file to write, or None.
        among: the formats that a name may say; None for all.

    Raises:
        InputError: the two contradict each other, or the name says a format that is not written.
    """
    suffix = output.suffix.lower() if output else ""
    formats = output_formats()
    said = next((name for name in among or formats if suffix and suffix in formats[name].suffixes), None)
    if given and said and given != said:
        raise InputError(f"{output}: is named like {said}, and --format says {given}: change one of them")
    if not given and suffix == ".json" and among is None:
        raise InputError(f"{output}: JSON is written one object a line: name it .jsonl, or add --format jsonl")
    return given or said


def names_of(attribute: str) -> list[str]:
    """The names of the formats that have an attribute, such as `table` or `attention`."""
    return [name for name, one in output_formats().items() if getattr(one, attribute)]
