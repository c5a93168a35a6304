"""Options of commands that read pictures, and remarks about picture sources on standard error."""

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from showtell.data.sources.base import ReadOptions, Remarks
    from showtell.data.sources.picture_source import PictureSource

_PANEL = "Which pictures are read"

Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="Skip pictures and folders with such names, for example 'thumbs' or '*_small.jpg'. May be repeated.",
        rich_help_panel=_PANEL,
    ),
]
ZipEncoding = Annotated[
    str | None,
    typer.Option(help="Encoding of names in zips without one: cp932, gbk, cp1252, ...", rich_help_panel=_PANEL),
]
MaxPixels = Annotated[
    float | None,
    typer.Option(help="Largest picture, in millions of pixels.", show_default="150", rich_help_panel=_PANEL),
]
Lenient = Annotated[
    bool, typer.Option("--lenient", help="Read the complete part of files that are cut off.", rich_help_panel=_PANEL)
]


def read_options(
    exclude: Sequence[str] | None, zip_encoding: str | None, max_pixels: float | None, lenient: bool
) -> "ReadOptions":
    """The options for picture sources; an `InputError` if one is out of range."""
    from showtell.data.sources.base import ReadOptions
    from showtell.images.decode import MAX_PIXELS, DecodeOptions

    if max_pixels is not None and not (math.isfinite(max_pixels) and max_pixels >= 1e-6):
        raise InputError(f"--max-pixels must be a positive number of millions, not {max_pixels:g}")
    pixels = MAX_PIXELS if max_pixels is None else round(max_pixels * 10**6)
    return ReadOptions(tuple(exclude or ()), zip_encoding, DecodeOptions(pixels, lenient))


def data_changes(
    exclude: Sequence[str] | None, zip_encoding: str | None, max_pixels: float | None, lenient: bool
) -> dict[str, Any]:
    """The given options, as keys of a recipe."""
    options = read_options(exclude, zip_encoding, max_pixels, lenient)
    return {
        "data.exclude": list(options.exclude) or None,
        "data.zip_encoding": zip_encoding,
        "data.max_pixels": None if max_pixels is None else options.decoding.max_pixels,
        "data.lenient": lenient or None,
    }


def open_pictures(pictures: Sequence[str], options: "ReadOptions") -> "PictureSource":
    """The pictures that a user names; remarks about them are printed."""
    from showtell.data.sources.picture_source import PictureSource

    source = PictureSource(pictures, options=options)
    print_remarks(source.remarks)
    return source


def print_remarks(remarks: "Remarks") -> None:
    """Print remarks about a source for people: pictures that are not read, ambiguous names, and so on."""
    for line in remarks.lines():
        print(shown(line), file=sys.stderr)
