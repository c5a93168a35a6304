"""The caption formats by name. A file of this folder reads a format and registers it here, with a line of help.

    @caption_format("pairs", title="pairs", help="a name, two colons, a caption", detect=_looks_like_pairs)
    def read_pairs(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]: ...

Every module of the folder is imported on first use, so there is no list to maintain.
docs/contributing/caption-format.md has an example.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeAlias

from showtell.data.captions.columns import Columns
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError, near, refuse_duplicate


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """One line or record of a caption file.

    `captions` has None for a null in the file; these are counted and left out. `where` is the record's place in the
    file, for messages. `ids` are (kind, id) of the picture besides its name.
    """

    name: str
    captions: tuple[str | None, ...]
    split: str
    where: str
    ids: tuple[tuple[str, str], ...] = ()


Read: TypeAlias = Callable[[CaptionFile, Columns], Iterator[CaptionRow]]
Detect: TypeAlias = Callable[[CaptionFile, Columns], bool]


@dataclass(frozen=True, slots=True)
class CaptionFormat:
    """A format that users can choose. `title` is its name in messages, `help` a line on what it contains.

    `detect` says whether a file looks like it. Formats are tried by ascending `order`, then by name, and the first
    whose `detect` is true reads the file.
    """

    name: str
    title: str
    help: str
    read: Read
    detect: Detect
    order: int = 50


_registered: dict[str, CaptionFormat] = {}


def caption_format(name: str, *, title: str, help: str, detect: Detect, order: int = 50) -> Callable[[Read], Read]:
    """Register the decorated function as the reader of the format `name`; arguments as in `CaptionFormat`."""

    def register(read: Read) -> Read:
        if name in _registered:
            refuse_duplicate(f"the caption format {name!r}", _registered[name].read, read)
        _registered[name] = CaptionFormat(name, title, help, read, detect, order)
        return read

    return register


@cache
def caption_formats() -> dict[str, CaptionFormat]:
    """Every format by name, in the order in which `auto` tries them."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    return {one.name: one for one in sorted(_registered.values(), key=lambda one: (one.order, one.name))}


def read_rows(file: CaptionFile, format: str, columns: Columns) -> Iterator[CaptionRow]:
    """The rows of a caption file.

    Arguments:
        file: what to read.
        format: the name of one of `caption_formats`, or `auto` to detect it from the content.
        columns: names for tables, JSON lines and records.

    Raises:
        InputError: the file is malformed, the format is unknown, or `auto` detects none.
    """
    formats = caption_formats()
    if format == "auto":
        found = next((one for one in formats.values() if one.detect(file, columns)), None)
        if found is None:
            titles = ", ".join(one.title for one in formats.values())
            raise InputError(f"{file.where}: none of the caption formats: {titles}")
        return found.read(file, columns)
    if format not in formats:
        raise InputError(
            f"caption format {format!r} is unknown{near(format, formats)}: choose one of auto, {', '.join(formats)}"
        )
    return formats[format].read(file, columns)
