"""`showtell evaluate`: a model, pictures and captions -> scores with intervals, and statistics of the wording."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import caption_files, reading, settings
from showtell.cli.figures import HELP, Format, print_rows, rows_of
from showtell.cli.settings import given, only_with
from showtell.errors import shown
from showtell.progress import plural

if TYPE_CHECKING:
    from showtell.evaluation import Evaluation


def evaluate(
    model: Annotated[
        list[Path],
        typer.Argument(help="Model bundle: a file, or a name such as flickr8k. Several are averaged.", metavar="MODEL"),
    ],
    pictures: caption_files.Pictures,
    captions: caption_files.Captions,
    split: Annotated[
        str | None, typer.Option(help="Evaluate only this split.", metavar="NAME", show_default="all")
    ] = None,
    training_captions: Annotated[
        str | None,
        typer.Option(
            help="Captions that the model was trained on, to find copies.",
            metavar="FILE",
            show_default="the train split of --captions",
        ),
    ] = None,
    beam: settings.Beam = None,
    length_penalty: settings.LengthPenalty = None,
    no_repeat_ngram: settings.NoRepeatNgram = None,
    guide: settings.Guided = settings.Guide.auto,
    careful: Annotated[bool, typer.Option("--careful", help="Leave out what the model is unsure of.")] = False,
    num_captions: Annotated[
        int,
        typer.Option(
            min=1,
            help="Captions of each picture, to measure how much they differ; the best one is scored.",
            rich_help_panel="Search",
        ),
    ] = 1,
    diversity: settings.Diversity = None,
    sample: settings.Sample = False,
    temperature: settings.Temperature = None,
    top_p: settings.TopP = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of --sample.", show_default="0", rich_help_panel="Search")
    ] = None,
    store: caption_files.Store = None,
    format: Annotated[Format, typer.Option(help=HELP)] = Format.table,
    out: Annotated[
        Path | None, typer.Option(help="Write figures, captions and scores of every picture to this JSON file.")
    ] = None,
    partial: caption_files.Partial = False,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Caption pictures, compare with people's captions, and print scores with 95% intervals.

    Examples:

        showtell evaluate model.showtell --pictures val.zip --captions captions.json --split val
        showtell evaluate model.showtell --pictures photos/ --captions captions.csv --out evaluation.json
    """
    from showtell.captioning.captioner import Captioner
    from showtell.evaluation import evaluate
    from showtell.evaluation.result import evaluation_bytes
    from showtell.files import write_beside

    options = given(beam=beam, length_penalty=length_penalty, no_repeat_ngram=no_repeat_ngram)
    options |= given(diversity=diversity) | ({"num_captions": num_captions} if num_captions > 1 else {})
    drawing = given(temperature=temperature, top_p=top_p, seed=seed)
    options |= only_with(sample, "--sample", drawing) | ({"sample": True} if sample else {})
    settings.prepare_models(model)
    captioner = Captioner(model)
    options |= {"guide": guide.value, "careful": careful}
    source = reading.open_pictures(pictures, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    columns = (picture_column, caption_column)
    references = caption_files.read(captions, *columns)
    training = caption_files.read(training_captions, *columns) if training_captions else None
    # Opened first: a file that cannot be written, or that another run is about to write, is told before the work.
    with write_beside(out, alone=True) if out else contextlib.nullcontext() as file:
        found = evaluate(
            captioner, source, references, split, training=training, store=store, partial=partial, **options
        )
        if file:
            file.write(evaluation_bytes(found))
    if format is Format.json:
        value = found.to_json()
        printed = {key: value[key] for key in ("model", "split", "signature", "figures")}
        left_out = {key: len(value[key]) for key in ("without_pictures", "unreadable")}
        print(json.dumps(printed | {"pictures": len(found.pictures), "left_out": left_out}, indent=1))
    elif format is not Format.table:
        from showtell.evaluation.figures import kind_of

        values = {name: one.value for name, one in found.figures.items()}
        ends = {name: (one.low, one.high) for name, one in found.figures.items() if one.low is not None}
        print_rows(format, *rows_of(values, ends, {name: kind_of(name) for name in values}))  # type: ignore[arg-type]
    else:
        _print_table(found)
    caption_files.say(captions, found.notes)
    if missing := found.without_pictures:
        count = "1 captioned picture is" if len(missing) == 1 else f"{len(missing):,} captioned pictures are"
        print(f"{count} missing and left out, such as {shown(missing[0])}", file=sys.stderr)
    for name, reason in found.unreadable:
        print(f"{shown(name)}: {shown(reason)}", file=sys.stderr)
    if found.unreadable:
        unread = len(found.unreadable)
        print(
            f"{plural(unread, 'picture')} left out: {'it' if unread == 1 else 'they'} could not be read",
            file=sys.stderr,
        )


def _print_table(evaluation: "Evaluation") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from showtell.evaluation.figures import kind_of

    of = f", split {evaluation.split}" if evaluation.split else ""
    title = shown(f"{evaluation.model} on {len(evaluation.pictures):,} pictures{of}")
    table = Table(box=box.SIMPLE_HEAD, title=Text(title, "table.title"))  # names with brackets are no markup
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column("what it is")
    for name, figure in evaluation.figures.items():
        kind = kind_of(name)
        spread = (
            "" if figure.low is None or figure.high is None else f"{kind.text(figure.low)} to {kind.text(figure.high)}"
        )
        table.add_row(kind.label, kind.text(figure.value), spread, kind.about)
    console = Console()
    console.print(table)
    console.print(Text(evaluation.signature), soft_wrap=True)
