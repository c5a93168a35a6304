"""`showtell score`: captions of any system and references -> scores with intervals."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from showtell._version import __version__
from showtell.cli import caption_files
from showtell.cli.figures import HELP, Format, print_rows, rows_of
from showtell.errors import InputError, shown
from showtell.files import csv_cell, write_bytes

if TYPE_CHECKING:
    from showtell.data.captions.predictions import Pairs
    from showtell.metrics import Scores

Intervals: TypeAlias = dict[str, tuple[float, float]]


def list_metrics(asked: str | None) -> str | None:
    """Print the metrics if `list` replaces their names."""
    if asked != "list":
        return asked
    from showtell.metrics.registry import metrics

    for name, one in metrics().items():
        print(f"{name:<10} {one.help}{'' if one.default else '; only if requested'}")
    raise typer.Exit


Metrics = Annotated[
    str | None,
    typer.Option(
        help="Metrics, separated by commas; `list` prints them all.",
        metavar="NAMES",
        show_default="BLEU, ROUGE-L, CIDEr-D and added ones",
        callback=list_metrics,
        is_eager=True,
    ),
]


def score(
    predictions: Annotated[
        Path,
        typer.Argument(help="Captions to score: COCO results, output of `caption` or `alt-text`, or any caption file."),
    ],
    references: Annotated[Path, typer.Argument(help="People's captions, in any format of `showtell data formats`.")],
    split: Annotated[
        str | None, typer.Option(help="Use only references of this split.", metavar="NAME", show_default="all")
    ] = None,
    metrics: Metrics = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out pictures that only one of the files has.")
    ] = False,
    df: Annotated[
        Path | None,
        typer.Option(help="Table of document frequencies to use for CIDEr.", show_default="counted from REFERENCES"),
    ] = None,
    save_df: Annotated[Path | None, typer.Option(help="Write a table for --df, counted from REFERENCES.")] = None,
    resamples: Annotated[
        int, typer.Option(min=0, help="Resamples of the bootstrap for intervals; 0 computes none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    format: Annotated[Format, typer.Option(help=HELP)] = Format.table,
    per_picture: Annotated[
        Path | None, typer.Option(help="Write each picture's scores to a .jsonl or .csv file.")
    ] = None,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
) -> None:
    """Score captions of any system, as the COCO evaluation code does.

    Examples:

        showtell score predictions.json captions.json
        showtell score captions.jsonl captions.csv --metrics bleu,cider-d --per-picture scores.csv
    """
    from showtell.data.captions.predictions import pair, read_predictions
    from showtell.metrics import DocumentFrequency, bootstrap, ptb_tokenize, signature_fields
    from showtell.metrics import score as score_captions
    from showtell.progress import bar

    asked = asked_metrics(metrics)
    if per_picture and per_picture.suffix.lower() not in (".jsonl", ".csv"):
        raise InputError(f"{per_picture}: name a file that ends in .jsonl or .csv")
    table = DocumentFrequency.read(df) if df else None
    known = caption_files.read(str(references), picture_column, caption_column)
    known = known.only(split) if split else known
    made = read_predictions(predictions)
    caption_files.say(str(predictions), made.notes)
    pairs = pair(made, known, partial=partial)
    if save_df:
        tokenised = {name: list(map(ptb_tokenize, texts)) for name, texts in known.captions.items()}
        _write(save_df, DocumentFrequency.of(tokenised).to_bytes())
    with bar("METEOR", len(pairs.captions), "pictures", show="METEOR" in asked) as tick:
        scores = score_captions(
            pairs.captions, pairs.references, metrics=asked, document_frequency=table, progress=tick
        )
    intervals = bootstrap(scores.parts, resamples, seed) if resamples else {}
    interval = [f"interval:bootstrap,{resamples},seed={seed}"] if resamples else []
    signature = "|".join([*signature_fields(pairs.references, asked, table), *interval, f"showtell:{__version__}"])
    if per_picture:
        rows = _picture_rows(pairs, scores)
        _write(per_picture, (_csv(rows) if per_picture.suffix.lower() == ".csv" else _json_lines(rows)).encode())
    if format is Format.json:
        print(json.dumps(_summary(pairs, scores, intervals, signature), indent=1))
    elif format is not Format.table:
        from showtell.metrics.registry import figure_kinds

        print_rows(format, *rows_of(scores.corpus, intervals, figure_kinds()))
    else:
        print(f"{predictions}: {', '.join(f'{count:,} {noun}' for noun, count in _sizes(pairs).items())}")
        _print_table(scores, intervals)
        print(signature)
    for note in _notes(pairs, asked, table is not None):
        print(shown(note), file=sys.stderr)


def asked_metrics(metrics: str | None) -> list[str]:
    """The names of the metrics of --metrics, as they are registered."""
    from showtell.metrics import DEFAULT_METRICS, METRICS

    if metrics is None:
        return list(DEFAULT_METRICS)
    names = {metric.lower(): metric for metric in METRICS}
    asked = [name.strip() for name in metrics.split(",") if name.strip()]
    strange = [name for name in asked if name.lower() not in names]
    if strange or not asked:
        raise InputError(f"--metrics {metrics!r}: choose among {', '.join(METRICS)}, separated by commas")
    return [names[name.lower()] for name in asked]


def _summary(pairs: "Pairs", scores: "Scores", intervals: Intervals, signature: str) -> dict[str, object]:
    figures: dict[str, dict[str, float]] = {name: {"value": value} for name, value in scores.corpus.items()}
    for name, (low, high) in intervals.items():
        figures[name] |= {"low": low, "high": high}
    left_out = {
        "without_prediction": pairs.without_prediction,
        "without_references": pairs.without_references,
        "not_captioned": pairs.failed,
    }
    counts = {"left_out": left_out, "guesses": pairs.guesses}
    return {"signature": signature, **_sizes(pairs), **counts, "scores": figures}


def _sizes(pairs: "Pairs") -> dict[str, int]:
    return {"pictures": len(pairs.captions), "references": sum(map(len, pairs.references.values()))}


def _print_table(scores: "Scores", intervals: Intervals) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from showtell.metrics.registry import figure_kinds

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("metric", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    if intervals:
        table.add_column("95% interval", justify="right", no_wrap=True)
    kinds = figure_kinds()
    for name, value in scores.corpus.items():
        ends = [kinds[name].text(end) for end in intervals.get(name, ())]
        table.add_row(name, kinds[name].text(value), *([" to ".join(ends)] if ends else []))
    Console().print(table)


def _picture_rows(pairs: "Pairs", scores: "Scores") -> list[dict[str, object]]:
    return [
        {"name": name, "id": pairs.ids[name], "caption": pairs.captions[name], **of}
        for name, of in scores.per_picture.items()
    ]


def _json_lines(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: list[dict[str, object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: csv_cell(one) if isinstance(one, str) else one for key, one in row.items()} for row in rows)
    return text.getvalue()


def _write(path: Path, data: bytes) -> None:
    try:
        write_bytes(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def _notes(pairs: "Pairs", asked: list[str], has_table: bool) -> list[str]:
    notes = list(pairs.notes)
    if pairs.left_out:
        notes.append(f"left out: {pairs.left_out}")
    if pairs.failed:
        notes.append(f"left out: {_count(pairs.failed, 'picture')} that could not be captioned")
    if pairs.guesses:
        notes.append(f"{_count(pairs.guesses, 'caption')} that the model was not sure of: its guess is scored")
    cider = " and ".join(name for name in asked if name.startswith("CIDEr"))
    if cider and len(pairs.captions) == 1 and not has_table:
        notes.append(
            f"{cider} of a single picture is 0: every word of its references is in all pictures, so that none "
            "is rare. Give frequencies counted from many pictures (--df)."
        )
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
