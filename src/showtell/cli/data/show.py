"""`showtell data show`: pictures with their captions, on the terminal, as a PNG or on a page."""

import secrets
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import caption_files, reading
from showtell.cli.data.named import BuiltIn, Captions, Pictures, Recipe, Root, Set, named
from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from showtell.data.captions.caption_set import Alignment
    from showtell.data.examples import Source
    from showtell.data.sources.base import RawPicture
    from showtell.images.preprocessing import ResizeMode
    from showtell.visualization.example import Example


class View(StrEnum):
    """The shown part of a picture: what an encoder sees, or the whole."""

    crop = "crop"
    squash = "squash"
    pad = "pad"
    whole = "whole"


def show(
    recipe: Recipe = None,
    data: BuiltIn = None,
    pictures: Pictures = None,
    captions: Captions = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Show the picture with this name. May be repeated.", metavar="NAME")
    ] = None,
    index: Annotated[
        list[int] | None, typer.Option(help="Show the picture at this position, from 0. May be repeated.")
    ] = None,
    random: Annotated[int | None, typer.Option(help="Show N pictures, chosen at random.", show_default="1")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random choice.", show_default="random")] = None,
    view: Annotated[
        View, typer.Option(help="Show pictures as an encoder sees them (crop, squash, pad), or whole.")
    ] = View.crop,
    png: Annotated[Path | None, typer.Option(help="Write a PNG with the captions as titles instead.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page instead.")] = None,
    font: Annotated[
        Path | None, typer.Option(help="TrueType font of the PNG, for captions that are not in Latin script.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=4, help="Width of a picture on the terminal, in characters.")] = None,
    root: Root = Path(),
    set_: Set = None,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Show pictures with their captions, the way a model is trained on them.

    Without --png or --html they are drawn on the terminal in colored half blocks. Terminals without colors show names
    and captions only.

    Examples:

        showtell data show --pictures photos.zip --captions captions.csv
        showtell data show recipes/flickr8k.toml --root DATA --random 4 --html page.html
    """
    from showtell.data.examples import open_all
    from showtell.data.sources.base import remarks_of
    from showtell.data.sources.gather import Sample

    if sum(bool(way) for way in (name, index, random)) > 1:
        raise InputError("--name, --index and --random exclude each other: give one of them")
    if font and not png:
        raise InputError("--font only matters with --png: add it, or leave this out")
    further = reading.data_changes(exclude, zip_encoding, max_pixels, lenient)
    asked = named(recipe, data, pictures, captions, set_, (picture_column, caption_column), further)
    source, aligned = open_all(asked.data(), root)
    reading.print_remarks(remarks_of(source))
    caption_files.say(str(source), aligned.notes if aligned else ())
    names = source.names()
    drawn = secrets.randbelow(10**6) if seed is None else seed
    if name:
        chosen = _by_name(names, name, str(source))
    else:
        count = None if index else random or 1
        chosen = [names[i] for i in Sample(count, drawn, tuple(index or ())).of(len(names))]
        if count and not data and seed is None:
            print(f"{len(chosen)} of {len(names):,} pictures; --seed {drawn} chooses them again", file=sys.stderr)
    examples = _examples(source, chosen, aligned, view)
    if png or html:
        _write(examples, png, html, font)
    else:
        _print(examples, width)


def _by_name(names: list[str], wanted: list[str], source: str) -> list[str]:
    """The pictures with these names, or with these file names if they are unique."""
    chosen = []
    for one in wanted:
        fits = [one] if one in names else [name for name in names if name.rpartition("/")[2] == one]
        if len(fits) != 1:
            what = "no picture" if not fits else f"{len(fits)} pictures"
            raise InputError(f"{source}: has {what} {one!r}; its first is {names[0]!r}: write names in this form")
        chosen += fits
    return chosen


def _examples(source: "Source", chosen: list[str], aligned: "Alignment | None", view: View) -> "Iterator[Example]":
    wanted = set(chosen)
    left = len(wanted)
    for picture in source.read(skip=set(source.names()) - wanted):
        yield _example(picture, aligned, view)
        left -= 1
        if not left:
            break


def _example(picture: "RawPicture", aligned: "Alignment | None", view: View) -> "Example":
    from PIL import Image

    from showtell.errors import PictureError
    from showtell.images.decode import decode
    from showtell.images.preprocessing import Preprocessing, square
    from showtell.visualization.example import Example

    captions = aligned.captions.get(picture.name, ()) if aligned else ()
    split = aligned.splits.get(picture.name, "") if aligned else ""
    try:
        if picture.error:
            raise PictureError(picture.error)
        image = decode(picture.data, picture.decoding)
    except PictureError as error:
        return Example(picture.name, captions, None, split, str(error))
    about = f"{image.width} x {image.height}"
    if view is not View.whole:
        way: ResizeMode = view.value  # type: ignore[assignment]
        image = Image.fromarray(square(image, Preprocessing(size=480, resize=way)))
    return Example(picture.name, captions, image, f"{split}, {about}" if split else about)


def _print(examples: "Iterator[Example]", width: int | None) -> None:
    from rich.console import Console

    from showtell.visualization.terminal import show_example

    console = Console(highlight=False)
    for i, example in enumerate(examples):
        if i:
            console.print()
        show_example(console, example, columns=width)


def _write(examples: "Iterator[Example]", png: Path | None, html: Path | None, font: Path | None) -> None:
    import io

    from showtell.files import write_bytes
    from showtell.visualization.example import examples_page
    from showtell.visualization.poster import poster

    chosen = list(examples)
    files = {}
    if png:
        buffer = io.BytesIO()
        poster(chosen, font=font).save(buffer, "PNG")
        files[png] = buffer.getvalue()
    if html:
        files[html] = examples_page(chosen, title="Pictures and their captions").encode()
    for path, content in files.items():
        try:
            write_bytes(path, content)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error
        print(f"{path}: {len(chosen)} pictures" if len(chosen) > 1 else f"{path}: {shown(chosen[0].name)}")
