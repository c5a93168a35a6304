"""`showtell compare`: two models or caption files on the same pictures -> differences with intervals and p-values."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.cli import caption_files, reading, settings
from showtell.cli.figures import HELP, Format, print_rows
from showtell.cli.score import Metrics, asked_metrics
from showtell.cli.settings import given
from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from showtell.data.captions.predictions import Predictions
    from showtell.data.sources.picture_source import PictureSource
    from showtell.evaluation.comparison import Comparison


def compare(
    first: Annotated[str, typer.Argument(help="Model or its name, or a file of captions.", metavar="A")],
    second: Annotated[str, typer.Argument(help="The other one.", metavar="B")],
    captions: caption_files.Captions,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--pictures",
            "--images",
            help="Picture source, for models and for --html. May be repeated.",
            metavar="SOURCE",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Compare only on this split.", metavar="NAME", show_default="all")
    ] = None,
    metrics: Metrics = None,
    beam: settings.Beam = None,
    length_penalty: settings.LengthPenalty = None,
    no_repeat_ngram: settings.NoRepeatNgram = None,
    guide: settings.Guided = settings.Guide.auto,
    careful: Annotated[bool, typer.Option("--careful", help="Leave out what the models are unsure of.")] = False,
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of the paired bootstrap.")] = 1000,
    trials: Annotated[int, typer.Option(min=1, help="Trials of approximate randomization.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of both.")] = 0,
    format: Annotated[Format, typer.Option(help=HELP)] = Format.table,
    html: Annotated[Path | None, typer.Option(help="Also write a page of the pictures that differ most.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Figure by which pictures differ.", metavar="NAME", show_default="CIDEr-D, else the last one"
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out pictures that only some of the files have.")
    ] = False,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Compare two models, or two files of captions, on the same pictures.

    Each difference has a 95% interval (paired bootstrap) and a p-value (approximate randomization).

    Examples:

        showtell compare general flickr8k --pictures val.zip --captions captions.json --split val --html compare.html
        showtell compare mine.json theirs.json --captions captions.json --format latex
    """
    from showtell.evaluation.comparison import compare_captions

    asked = asked_metrics(metrics)
    known = caption_files.read(captions, picture_column, caption_column)
    known = known.only(split) if split else known
    source = None
    if pictures:
        source = reading.open_pictures(pictures, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    options = given(beam=beam, length_penalty=length_penalty, no_repeat_ngram=no_repeat_ngram)
    options |= {"guide": guide.value, "careful": careful}
    names, systems = zip(*(_system(one, source, known, options) for one in (first, second)), strict=True)
    found = compare_captions(
        names,
        systems,
        known,
        metrics=asked,
        partial=partial,
        resamples=resamples,
        trials=trials,
        seed=seed,
    )
    scored = list(found.pictures[0].scores[0])
    judge = by or ("CIDEr-D" if "CIDEr-D" in scored else scored[-1])
    if judge not in scored:
        raise InputError(f"--by {judge!r}: choose among {', '.join(scored)}")
    columns, rows = _table(found)
    if html:
        _write_page(html, found, source, judge, columns, rows)
    _print(found, format, columns, rows)
    for note in found.notes:
        print(shown(note), file=sys.stderr)
    if html:
        print(f"page: {html}", file=sys.stderr)


def _system(
    system: str, source: "PictureSource | None", known: object, options: dict[str, object]
) -> "tuple[str, Predictions]":
    """The name and the captions of a model or of a file."""
    from showtell.data.captions.predictions import read_predictions
    from showtell.evaluation.comparison import captions_of_model, is_model

    if is_model(system):
        if source is None:
            raise InputError(f"{system}: a model needs pictures to caption: add --pictures")
        return captions_of_model(system, source, known, **options)  # type: ignore[arg-type]
    if not Path(system).is_file():
        from showtell.models.names import list_models

        raise InputError(f"{system}: neither a file of captions nor a model: the models are {', '.join(list_models())}")
    made = read_predictions(system)
    caption_files.say(system, made.notes)
    return Path(system).stem, made


def _table(found: "Comparison") -> tuple[list[str], list[list[str]]]:
    from showtell.evaluation.figures import kind_of

    rows = []
    for name, one in found.figures.items():
        kind = kind_of(name)
        ends = f"{_signed(kind.text(one.low))} to {_signed(kind.text(one.high))}"
        rows.append(
            [
                kind.label,
                kind.text(one.first),
                kind.text(one.second),
                _signed(kind.text(one.difference)),
                ends,
                _p(one.p),
            ]
        )
    return ["figure", *found.names, "difference", "95% interval", "p"], rows


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.001 else f"{value:.1g}"


def _print(found: "Comparison", format: Format, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if format is Format.json:
        figures = {name: asdict(one) for name, one in found.figures.items()}
        value = {"systems": found.names, "pictures": len(found.pictures), "signature": found.signature}
        print(json.dumps(value | {"figures": figures}, indent=1))
        return
    if format is not Format.table:
        print_rows(format, columns, rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = shown(f"{found.names[0]} and {found.names[1]} on {len(found.pictures):,} pictures")
    table = Table(box=box.SIMPLE_HEAD, title=Text(title, "table.title"))
    for i, column in enumerate(columns):
        table.add_column(Text(shown(column)), no_wrap=i in (0, 3, 5), justify="right" if i else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    console.print(table)
    console.print(Text(found.signature), soft_wrap=True)


def _write_page(
    html: Path,
    found: "Comparison",
    source: "PictureSource | None",
    judge: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> None:
    from showtell.cli.report import thumbnails
    from showtell.evaluation.comparison import differing_most
    from showtell.evaluation.report.comparison_page import SHOWN, comparison_page
    from showtell.files import write_bytes

    wanted = {one.name for chosen in differing_most(found, judge, SHOWN) for one in chosen}
    images = thumbnails(source, wanted) if source and wanted else {}
    page = comparison_page(found, images.get, judge, rows, columns)
    try:
        write_bytes(html, page.encode())
    except OSError as error:
        raise InputError(f"{html}: cannot be written ({error.strerror})") from error
