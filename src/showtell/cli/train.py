"""`showtell train`: pictures and captions -> a model bundle."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.cli import caption_files, reading, settings
from showtell.cli.help import ENCODERS
from showtell.cli.serve import need_service
from showtell.config import assign, change, read_tables
from showtell.errors import InputError, shown

if TYPE_CHECKING:
    from showtell.training import Recipe


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="TOML recipe; the options override it.", metavar="RECIPE")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Built-in data set: shapes or shapes-relations.", metavar="NAME")
    ] = None,
    pictures: Annotated[
        list[str] | None, typer.Option(help="Picture source: folder, zip, tar, ... May be repeated.", metavar="SOURCE")
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(help=caption_files.HELP, metavar="FILE"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", metavar="FOLDER", show_default="runs/NAME")
    ] = None,
    root: Annotated[
        Path,
        typer.Option(envvar="SHOWTELL_DATA", help="Folder for the relative paths of the recipe.", metavar="FOLDER"),
    ] = Path(),
    store: Annotated[
        Path | None,
        typer.Option(
            help="Embedding store to use; missing embeddings are added.",
            metavar="FOLDER",
            show_default="in the run's folder",
        ),
    ] = None,
    begin_from: Annotated[
        Path | None, typer.Option("--from", help="Start from this checkpoint of another run.", metavar="FILE")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Device to train on: auto, cpu, cuda, cuda:1, ...", metavar="DEVICE")
    ] = "auto",
    name: Annotated[
        str | None, typer.Option(help="Name of the model.", metavar="NAME", show_default="the recipe's")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help=f"Encoder: {ENCODERS}.",
            metavar="NAME",
            show_default="the recipe's",
        ),
    ] = None,
    encoder_weights: Annotated[
        str | None, typer.Option(help="File with the encoder's weights.", metavar="FILE", show_default="the recipe's")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of the first stage.", show_default="the recipe's")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random choices.", show_default="the recipe's")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train N times, with seeds from --seed upwards.")] = 1,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the run on a local web page with a stop button.")
    ] = False,
    watch_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of that page; 0 takes a free one.")] = 8001,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Set a key of the recipe, such as training.batch_size=32. May be repeated.",
            metavar="KEY=VALUE",
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
        showtell train recipes/flickr8k.toml --root DATA --set training.epochs=3
    """
    if ray:
        from showtell.ray.train import train_on
    from showtell.training import recipe_from, train, train_seeds
    from showtell.training.synthetic_recipes import drawn_tables

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
    chosen = recipe_from(tables, str(recipe) if recipe else "")
    folder = out or Path("runs") / chosen.name
    if watch and seeds > 1:
        raise InputError("--watch shows a single run: leave out --seeds, or watch each seed by itself")
    if ray and (watch or seeds > 1):
        raise InputError("--ray trains one run without a page: leave out --watch and --seeds")
    if workers > 1 and not ray:
        raise InputError("--workers needs a cluster: name it with --ray, for example --ray local")
    options: dict[str, Any] = {"root": root, "store": store, "begin_from": begin_from, "device": device}
    if ray:
        train_on(ray, chosen, folder, workers=workers, cores=ray_cores, say=_say, **options)
    elif watch:
        _watched(chosen, folder, watch_port, **options)
    elif seeds > 1:
        train_seeds(chosen, folder, seeds, say=_say, **options)
    else:
        train(chosen, folder, say=_say, **options)


def _say(line: str) -> None:
    print(shown(line), flush=True)


def _watched(recipe: "Recipe", folder: Path, port: int, **options: Any) -> None:
    """Train while a page shows the progress."""
    need_service("showtell train --watch")

    from showtell.serve.watch_app import watched
    from showtell.training import train

    with watched(port) as (watching, address):

        def say(line: str) -> None:
            _say(line)
            watching.say(line)

        print(f"watch at {address}", file=sys.stderr, flush=True)
        train(recipe, folder, say=say, watch=watching, **options)
