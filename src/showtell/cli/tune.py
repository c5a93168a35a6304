"""`showtell tune`: choose a model's best beam, length penalty and rules."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import caption_files, reading
from showtell.errors import shown

if TYPE_CHECKING:
    from showtell.post_training.search_tuning import Tuned


def tune(
    model: Annotated[Path, typer.Argument(help="Model bundle: a file, or a name such as flickr8k.", metavar="MODEL")],
    pictures: Annotated[
        list[str], typer.Option(help="Picture source: folder, zip, tar, ... May be repeated.", metavar="SOURCE")
    ],
    captions: caption_files.Captions,
    split: Annotated[str | None, typer.Option(help="Use only this split.", metavar="NAME", show_default="all")] = None,
    beam: Annotated[
        list[int] | None, typer.Option(help="Beam width to try. May be repeated.", show_default="the model's")
    ] = None,
    length_penalty: Annotated[
        list[float] | None,
        typer.Option(help="Length penalty to try. May be repeated.", show_default="six from 0 to 1.1"),
    ] = None,
    no_repeat_ngram: Annotated[
        list[int] | None,
        typer.Option(help="N-gram length to try; 0 allows repetition. May be repeated.", show_default="the model's"),
    ] = None,
    store: caption_files.Store = None,
    out: Annotated[Path | None, typer.Option(help="Bundle to write, with the best settings as defaults.")] = None,
    partial: caption_files.Partial = False,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Choose a model's default search settings: try several on pictures with captions, and keep the best.

    Use pictures that the model was not trained on, and score the result on others.

    Examples:

        showtell tune model.showtell --pictures val.zip --captions captions.json --out tuned.showtell
    """
    from showtell.post_training.search_tuning import LENGTH_PENALTIES, tune

    axes = {"beam": beam, "length_penalty": length_penalty or LENGTH_PENALTIES, "no_repeat_ngram": no_repeat_ngram}
    settings = {name: values for name, values in axes.items() if values}
    source = reading.open_pictures(pictures, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    known = caption_files.read(captions, picture_column, caption_column)
    tuned = tune(model, source, known, split, settings=settings, out=out, store=store, partial=partial)
    _print_table(tuned, model)
    if out:
        print(f"model: {out}")
    for name, reason in tuned.unreadable:
        print(f"{shown(name)}: {shown(reason)}", file=sys.stderr)


def _print_table(tuned: "Tuned", model: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = shown(f"{model.stem} on {tuned.pictures:,} pictures")
    table = Table(box=box.SIMPLE_HEAD, title=Text(title, "table.title"))  # names with brackets are no markup
    rules = any(one.options.no_repeat_ngram for one in tuned.tried)
    for heading in ("beam", "length penalty", *["no n-gram twice"] * rules, "words", "BLEU-4", "CIDEr-D"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in tuned.tried:
        table.add_row(
            str(one.options.beam),
            f"{one.options.length_penalty:g}",
            *[str(one.options.no_repeat_ngram or "")] * rules,
            f"{one.words:.1f}",
            f"{100 * one.bleu_4:.1f}",
            f"{100 * one.cider_d:.1f}",
            ", ".join(["own"] * (one is tuned.own) + ["best"] * (one is tuned.best)),
        )
    Console().print(table)
