"""`showtell data check`: is this data set good enough for training?"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import caption_files, reading
from showtell.cli.data.named import BuiltIn, Captions, Named, Pictures, Recipe, Root, Set, named
from showtell.errors import MissingExtra, shown

if TYPE_CHECKING:
    from showtell.data_check import Survey

_NOT_CHECKED = "PyTorch is not installed, so only the options of the data were checked, not those of training"


def check(
    recipe: Recipe = None,
    data: BuiltIn = None,
    pictures: Pictures = None,
    captions: Captions = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read 200 random pictures instead of all.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all facts and names as JSON.")] = False,
    root: Root = Path(),
    set_: Set = None,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Examine a data set as training will, and report its problems.

    The exit code is 0 if training can work, 1 if it cannot, and 2 if the data cannot be found or matched.

    Examples:

        showtell data check --pictures photos.zip --captions captions.csv
        showtell data check recipes/flickr8k.toml --root DATA
    """
    from showtell.data.examples import load_examples
    from showtell.data_check import SurveyOptions, sized, survey

    further = reading.data_changes(exclude, zip_encoding, max_pixels, lenient)
    asked = named(recipe, data, pictures, captions, set_, (picture_column, caption_column), further)
    checked = _checked_as_recipe(asked)
    tables, notes = sized(asked.tables, load_examples(asked.data(), root))
    asked = replace(asked, tables=tables)
    default = SurveyOptions()
    batch_size = asked.value("training", "batch_size", 64)
    options = SurveyOptions(
        min_count=asked.value("vocabulary", "min_count", default.min_count),
        tokenizer=asked.value("vocabulary", "tokenizer", default.tokenizer),
        case=asked.value("vocabulary", "case", default.case),
        punctuation=asked.value("vocabulary", "punctuation", default.punctuation),
        max_length=asked.value("training", "max_length", default.max_length),
        least_train=batch_size if asked.value("training", "epoch_steps", 0) else 1,
        least_validation=batch_size if asked.value("training", "validation_batches", 0) else 1,
        encoder=asked.value("encoder", "name", default.encoder),
        output=asked.value("encoder", "output", default.output),  # type: ignore[arg-type]
        resize=asked.value("encoder", "resize", default.resize),  # type: ignore[arg-type]
        mirrored=asked.value("encoder", "mirrored", default.mirrored),
        quick=quick,
    )
    found = survey(asked.data(), options, root=root)
    if as_json:
        print(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
    else:
        _print(found, options.min_count, notes if checked else (*notes, _NOT_CHECKED))
    if not found.usable:
        raise typer.Exit(1)


def _checked_as_recipe(asked: Named) -> bool:
    """Refuse the tables, keys and kinds that `showtell train` refuses; return False where it cannot run anyway.

    Its decoders, and so their options, need PyTorch.
    """
    try:
        from showtell.training import recipe_from
    except MissingExtra:
        return False
    recipe_from(asked.tables, asked.where)
    return True


def _print(found: "Survey", min_count: int, notes: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, fact in _facts(found, min_count):
        table.add_row(name, Text(shown(fact)))
    for note in (*found.notes, *notes):
        table.add_row("note", Text(shown(note)))
    for problem in found.problems:
        word = Text("error", "bold red") if problem.fatal else Text("warning", "yellow")
        table.add_row(word, Text(shown(problem.text)))
    console.print(table)
    console.print("Training can work." if found.usable else "Training cannot work.")


def _facts(found: "Survey", min_count: int) -> list[tuple[str, str]]:
    from showtell.progress import megabytes

    pictures, captions = found.pictures, found.captions
    length = captions.length
    looked = f"{pictures.read:,} read" + (f" of {found.quick:,} random ones" if found.quick else "")
    how = ", chosen by a hash of their names" if found.held_out_by_hash else ""
    rest = f"; {found.left_out:,} left out" if found.left_out else ""
    unknown = captions.unknown_train, captions.unknown_validation
    facts = [
        ("pictures", f"{found.train:,} to train on, {found.validation:,} to validate on{how}{rest}"),
        ("", f"{looked}, {len(pictures.unreadable):,} unreadable, {megabytes(pictures.bytes)}"),
        ("sides", f"short {pictures.short_side}; long {pictures.long_side} pixels; {pictures.square:,} are square"),
        ("captions", f"{captions.captions:,}; each picture has {captions.per_picture}"),
        ("words", f"in a caption {length}, mean {length.mean:.1f}; 95% have {length.most:g} or fewer"),
        ("vocabulary", f"{captions.vocabulary:,} entries; {captions.different_words:,} words, min_count {min_count}"),
        ("unknown", f"{unknown[0]:.1%} of all words to train on, {unknown[1]:.1%} to validate on"),
    ]
    if found.embedding:
        plan = found.embedding
        time = f"{plan.seconds / 60:,.1f} minutes" if plan.seconds > 90 else f"{plan.seconds:.0f} seconds"
        facts += [("embedding", f"about {time} here with {plan.encoder} ({plan.rate:.0f} pictures/s)")]
        facts += [("store", f"about {megabytes(plan.bytes)}")]
    return facts
