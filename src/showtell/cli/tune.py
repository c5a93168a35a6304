"""`showtell tune`: which beam, length penalty and rules suit a model best?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from showtell.post_training.search_tuning import Tuned


def tune(
    model: Annotated[Path, typer.Argument(help="A model bundle.")],
    pictures: Annotated[list[str], typer.Option(help="Folder, zip or tar; may be given again.")],
    captions: Annotated[str, typer.Option(help="COCO or Karpathy JSON, Flickr tokens, CSV or JSONL.")],
    split: Annotated[str | None, typer.Option(help="Only pictures of this split.")] = None,
    beam: Annotated[
        list[int] | None, typer.Option(help="A width to try; may be given again.", show_default="model's")
    ] = None,
    length_penalty: Annotated[
        list[float] | None,
        typer.Option(help="An exponent to try; may be given again.", show_default="six from 0 to 1.1"),
    ] = None,
    no_repeat_ngram: Annotated[
        list[int] | None, typer.Option(help="A length to try, 0: none; may be given again.", show_default="model's")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Embedding store to use, and to fill where it lacks any.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the model with the best settings to this bundle.")] = None,
) -> None:
    """Try ways of searching on pictures with captions, and keep the best.

    Take pictures that the model did not learn from, and score the model on others than these.
    """
    from showtell.post_training.search_tuning import LENGTH_PENALTIES, tune

    axes = {"beam": beam, "length_penalty": length_penalty or LENGTH_PENALTIES, "no_repeat_ngram": no_repeat_ngram}
    settings = {name: values for name, values in axes.items() if values}
    tuned = tune(model, pictures, captions, split, settings=settings, out=out, store=store)
    _print_table(tuned, model)
    if out:
        print(f"model: {out}")
    for name, reason in tuned.unreadable:
        print(f"{name}: {reason}", file=sys.stderr)


def _print_table(tuned: "Tuned", model: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=f"{model.stem} on {tuned.pictures:,} pictures")
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
