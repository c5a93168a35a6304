"""`showtell train`: pictures and captions -> a model bundle."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.cli import caption_files, reading, settings
from showtell.cli.help import ENCODERS
from showtell.cli.serve import need_service
from showtell.config import assign, change, read_tables
from showtell.errors import InputError, shown
from showtell.progress import plural
from showtell.progress import say as print_line

if TYPE_CHECKING:
    from showtell.data.examples import Examples
    from showtell.training import Recipe, TrainResult, Watch

_DATA, _MODEL, _START, _RUN, _WATCH = "Data", "Model and recipe", "Start", "Run", "Watch"


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="TOML recipe; the options override it.", metavar="RECIPE")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Built-in data set: shapes or shapes-relations.", metavar="NAME", rich_help_panel=_DATA),
    ] = None,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            help="Picture source: folder, zip, tar, ... May be repeated.", metavar="SOURCE", rich_help_panel=_DATA
        ),
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(help=caption_files.HELP, metavar="FILE", rich_help_panel=_DATA),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run.", metavar="FOLDER", show_default="runs/NAME", rich_help_panel=_RUN),
    ] = None,
    root: Annotated[
        Path,
        typer.Option(
            envvar="SHOWTELL_DATA",
            help="Folder for the relative paths of the recipe.",
            metavar="FOLDER",
            rich_help_panel=_DATA,
        ),
    ] = Path(),
    store: Annotated[
        Path | None,
        typer.Option(
            help="Embedding store to use; missing embeddings are added.",
            metavar="FOLDER",
            show_default="in the run's folder",
            rich_help_panel=_RUN,
        ),
    ] = None,
    begin_from: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Start from this checkpoint of another run.", metavar="FILE", rich_help_panel=_START
        ),
    ] = None,
    from_model: Annotated[
        str | None,
        typer.Option(
            "--from-model",
            help="Start from a model, a file or a name of `showtell models`: its encoder, words and weights.",
            metavar="MODEL",
            rich_help_panel=_START,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(help="Device to train on: auto, cpu, cuda, cuda:1, ...", metavar="DEVICE", rich_help_panel=_RUN),
    ] = "auto",
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model.", metavar="NAME", show_default="the recipe's", rich_help_panel=_RUN),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help=f"Encoder: {ENCODERS}.", metavar="NAME", show_default="the recipe's", rich_help_panel=_MODEL),
    ] = None,
    encoder_weights: Annotated[
        str | None,
        typer.Option(
            help="File with the encoder's weights.", metavar="FILE", show_default="the recipe's", rich_help_panel=_MODEL
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of the first stage.", show_default="the recipe's", rich_help_panel=_MODEL)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all random choices.", show_default="the recipe's", rich_help_panel=_RUN)
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Train N times, with seeds from --seed upwards.", rich_help_panel=_RUN)
    ] = 1,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Show the run on a local web page with a stop button.", rich_help_panel=_WATCH),
    ] = False,
    watch_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of that page; 0 takes a free one.", rich_help_panel=_WATCH)
    ] = 8001,
    log: Annotated[
        list[settings.Log] | None,
        typer.Option(help="Also write the figures to this tool. May be repeated.", rich_help_panel=_WATCH),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Set a key of the recipe, such as training.batch_size=32. May be repeated.",
            metavar="KEY=VALUE",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    ray: settings.Ray = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Workers that share each batch.", rich_help_panel=settings.MACHINES)
    ] = 1,
    ray_cores: settings.RayCores = 1,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Train a captioner on pictures and captions, and export it as one model bundle.

    Run the same command again to resume a stopped run. It ends with the same weights.

    Examples:

        showtell train --data shapes
        showtell train --pictures photos.zip --captions captions.csv --out runs/mine
        showtell train --from-model flickr8k --pictures photos/ --captions captions.csv
        showtell train recipes/flickr8k.toml --root DATA --set training.epochs=3
    """
    if ray:
        from showtell.ray.train import train_on
    from showtell.training import train, train_seeds
    from showtell.training.run_log import logged
    from showtell.training.synthetic_recipes import drawn_tables
    from showtell.training.watch import Several

    if data and (recipe or pictures or captions):
        raise InputError("--data names a built-in data set: leave out the recipe, --pictures and --captions")
    tables: dict[str, Any] = drawn_tables(data) if data else read_tables(recipe) if recipe else {}
    changes = {
        "name": name,
        "data.pictures": pictures or None,
        "data.captions": captions,
        "data.picture_column": picture_column,
        "data.caption_column": caption_column,
        "encoder.name": encoder,
        "encoder.weights": encoder_weights,
        "training.epochs": epochs,
        "training.seed": seed,
        **reading.data_changes(exclude, zip_encoding, max_pixels, lenient),
    }
    for key, value in changes.items():
        if value is not None:
            change(tables, key, value)
    assign(tables, set_ or [])
    if watch and seeds > 1:
        raise InputError("--watch shows a single run: leave out --seeds, or watch each seed by itself")
    if ray and (watch or seeds > 1):
        raise InputError("--ray trains one run without a page: leave out --watch and --seeds")
    if log and (ray or seeds > 1):
        raise InputError("--log writes the figures of a single run on this machine: leave out --ray and --seeds")
    if workers > 1 and not ray:
        raise InputError("--workers needs a cluster: name it with --ray, for example --ray local")
    chosen, examples = _prepared(tables, str(recipe) if recipe else "", from_model, root)
    folder = out or Path("runs") / chosen.name
    options: dict[str, Any] = {"root": root, "store": store, "begin_from": begin_from, "device": device}
    if ray:
        train_on(ray, chosen, folder, workers=workers, cores=ray_cores, say=print_line, **options)
        return
    if seeds > 1:
        train_seeds(chosen, folder, seeds, say=print_line, **options)
        return
    with logged([one.value for one in log or ()], chosen, folder) as observers:
        if watch:
            done = _watched(chosen, folder, watch_port, observers, examples=examples, **options)
        else:
            done = train(chosen, folder, say=print_line, examples=examples, watch=Several(observers), **options)
    _close(done, chosen, root)


def _prepared(
    tables: dict[str, Any], where: str, from_model: str | None, root: Path
) -> "tuple[Recipe, Examples | None]":
    """The recipe with the model to start from, and values that fit the size of the data where it has none; the data,
    if they had to be read for that.
    """
    from showtell.data.examples import load_examples
    from showtell.data_check import sized
    from showtell.data_check.sizing import is_open
    from showtell.training import recipe_from

    if from_model:
        from showtell.training.from_model import with_model

        tables = with_model(tables, from_model, root)
    recipe = recipe_from(tables, where)
    if not is_open(tables):
        return recipe, None
    examples = load_examples(recipe.data, root)
    tables, notes = sized(tables, examples)
    for note in notes:
        print_line(note)
    return recipe_from(tables, where), examples


def _close(done: "TrainResult", recipe: "Recipe", root: Path) -> None:
    """Say how good the model is beside one caption for all pictures, and what to do with it."""
    for line in closing_lines(done, recipe, root):
        if line.startswith(" "):  # a command to copy
            print(shown(line))
        else:
            print_line(line)


def closing_lines(done: "TrainResult", recipe: "Recipe", root: Path) -> list[str]:
    """The last lines of a training: the model's scores beside the baseline, and two commands to try."""
    from showtell.data.examples import DRAWN

    best, baseline = done.best, done.baseline
    lines = []
    if baseline:
        lines.append(
            f"on {plural(baseline.pictures, 'validation picture')}: CIDEr-D {100 * best['cider_d']:.1f}, "
            f"BLEU-4 {100 * best['bleu_4']:.1f}"
        )
        lines.append(f'the same caption for every picture, "{baseline.caption}": CIDEr-D {100 * baseline.cider_d:.1f}')
        if best["cider_d"] <= baseline.cider_d:
            lines.append("the model is no better than that: give more pictures and captions, or --from-model flickr8k")
    first = recipe.data[0].pictures[0]
    model, pictures = shlex.quote(str(done.bundle)), "PHOTOS" if first in DRAWN else shlex.quote(str(root / first))
    return [
        *lines,
        "next:",
        f"  showtell caption --model {model} {pictures} --html captions.html",
        f"  showtell serve --model {model}",
    ]


def _watched(recipe: "Recipe", folder: Path, port: int, observers: "Sequence[Watch]", **options: Any) -> "TrainResult":
    """Train while a page shows the progress."""
    need_service("showtell train --watch")

    from showtell.serve.watch_app import watched
    from showtell.training import train
    from showtell.training.watch import Several

    with watched(port) as (watching, address):

        def say(line: str) -> None:
            print_line(line)
            watching.say(line)

        print(f"watch at {address}", file=sys.stderr, flush=True)
        return train(recipe, folder, say=say, watch=Several([watching, *observers]), **options)
