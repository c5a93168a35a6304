"""`showtell check`: what does a model expect the next word of true captions to be?"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from showtell.cli import caption_files, reading
from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from showtell.data.captions.caption_set import CaptionSet
    from showtell.data.sources.base import Pictures
    from showtell.evaluation.next_word import Check
    from showtell.models.bundle import Bundle

    Examples: TypeAlias = tuple[Pictures, Mapping[str, Sequence[str]]]


def check(
    model: Annotated[Path, typer.Argument(help="Model bundle: a file, or a name such as flickr8k.", metavar="MODEL")],
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            help="Picture source: folder, zip, tar, ... May be repeated.",
            metavar="SOURCE",
            show_default="the model's own data",
        ),
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help=caption_files.HELP,
            metavar="FILE",
            show_default="the model's own data",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Use only this split.", metavar="NAME", show_default="train of the model's own data; otherwise all"
        ),
    ] = None,
    root: Annotated[
        Path,
        typer.Option(
            envvar="SHOWTELL_DATA",
            help="Folder for the relative paths of the model's own data.",
            metavar="FOLDER",
        ),
    ] = Path(),
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures to draw, each with one random caption.")] = 64,
    show: Annotated[int, typer.Option(min=0, help="Sentences to print.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice of pictures and captions.")] = 0,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Measure next-word loss and accuracy on a batch, and print predicted and true sentences side by side.

    Each predicted word is the most likely one after the true words before it. Without --pictures and --captions, the
    batch comes from the data that the model was trained on.

    Examples:

        showtell check runs/mine/model.showtell
        showtell check model.showtell --pictures photos.zip --captions captions.csv
    """
    from rich.console import Console

    from showtell.captioning.captioner import Captioner
    from showtell.evaluation.next_word import check

    if bool(pictures) != bool(captions):
        raise InputError("--pictures and --captions belong together: give both, or neither for the model's own")
    captioner = Captioner(model)
    if pictures and captions:
        options = reading.read_options(exclude, zip_encoding, max_pixels, lenient)
        source, chosen = _given(
            reading.open_pictures(pictures, options),
            caption_files.read(captions, picture_column, caption_column),
            split,
        )
    else:
        source, chosen = _own(captioner.bundle, root, split)
    found = check(captioner, source, chosen, batch_size=batch_size, seed=seed)
    if show:
        Console().print(_side_by_side(found, show))
    words = found.words
    print(f"{len(found.names)} captions, {len(words.losses)} words: ", end="")
    print(f"loss {words.loss:.3f}, accuracy {words.accuracy:.4f}")
    for name, reason in found.unreadable:
        print(f"{shown(name)}: {shown(reason)}", file=sys.stderr)


def _given(source: "Pictures", captions: "CaptionSet", split: str | None) -> "Examples":
    from showtell.data.captions.caption_set import align

    aligned = align(source.names(), captions.only(split) if split else captions)
    caption_files.say(captions.path, aligned.notes)
    return source, aligned.captions


def _own(bundle: "Bundle", root: Path, split: str | None) -> "Examples":
    """The training or validation data according to the bundle's recipe."""
    from showtell.data.examples import data_from_json, load_examples

    try:
        options = data_from_json(bundle.model["recipe"]["data"])
        examples = load_examples(options, root)
    except InputError as error:
        raise InputError(
            f"{bundle.path}: its own data cannot be used ({error}): give their folder with --root, "
            "or give --pictures and --captions"
        ) from error
    training = dict.fromkeys(split for one in options for split in one.train)
    validation = dict.fromkeys(split for one in options for split in one.validation)
    if split in (None, *training):
        return examples.source, examples.of(examples.train)
    if split in validation:
        return examples.source, examples.of(examples.validation)
    known = ", ".join(training | validation)
    raise InputError(f"{bundle.path}: its own data has no split {split!r}: choose one of {known}")


def _side_by_side(found: "Check", show: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("predicted", "true", show_lines=True, expand=False)
    pairs = zip(found.names, found.words.predicted, found.words.true, strict=True)
    for name, predicted, true in list(pairs)[:show]:
        guesses, words = predicted.split(), true.split()
        right = [guess == word for guess, word in zip(guesses, words, strict=True)]
        count = f"{sum(right)} of {len(right)} right"
        table.add_row(
            Text.assemble((shown(name), "dim"), "\n", _marked(guesses, right, "red")),
            Text.assemble((count, "dim"), "\n", _marked(words, right, "bold")),
        )
    return table


def _marked(words: Sequence[str], right: Sequence[bool], style: str) -> "Text":
    """A sentence with wrongly predicted words highlighted."""
    from rich.text import Text

    return Text(" ").join(Text(word, "" if good else style) for word, good in zip(words, right, strict=True))
