"""`showtell train`: pictures and captions -> a model bundle."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.cli import settings
from showtell.cli.serve import need_service
from showtell.config import assign, change, read_tables
from showtell.errors import InputError

if TYPE_CHECKING:
    from showtell.training import Recipe


def train(
    recipe: Annotated[Path | None, typer.Argument(help="A TOML recipe; options below change what it says.")] = None,
    data: Annotated[str | None, typer.Option(help="A built-in data set: shapes or shapes-relations.")] = None,
    pictures: Annotated[list[str] | None, typer.Option(help="Folder, zip or tar; may be given again.")] = None,
    captions: Annotated[str | None, typer.Option(help="COCO or Karpathy JSON, Flickr tokens, CSV or JSONL.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. [default: runs/NAME]")] = None,
    root: Annotated[
        Path, typer.Option(envvar="SHOWTELL_DATA", help="What the recipe's paths are relative to.")
    ] = Path(),
    store: Annotated[Path | None, typer.Option(help="Embedding store to fill and use. [default: in the run]")] = None,
    begin_from: Annotated[Path | None, typer.Option("--from", help="Begin from this checkpoint of a run.")] = None,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, cuda:1, ...")] = "auto",
    name: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    encoder: Annotated[str | None, typer.Option(help="keras:NAME, timm:NAME, onnx:FILE, ...")] = None,
    encoder_weights: Annotated[str | None, typer.Option(help="A file with the encoder's weights.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the captions.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train so many times, with seeds from --seed upwards.")] = 1,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the run on a page of this machine, with a stop button.")
    ] = False,
    watch_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of that page; 0 takes a free one.")] = 8001,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any key of a recipe, as training.batch_size=32.")
    ] = None,
    ray: settings.Ray = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Of a cluster: workers that share each batch.", rich_help_panel=settings.MACHINES)
    ] = 1,
    ray_cores: settings.RayCores = 1,
) -> None:
    """Train a captioner, and keep it as one model bundle.

    A run that was stopped goes on when the same command is given again, and ends with the same weights.
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
        "encoder.name": encoder,
        "encoder.weights": encoder_weights,
        "training.epochs": epochs,
        "training.seed": seed,
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
        raise InputError("--ray trains one run that nobody watches: leave out --watch and --seeds")
    if workers > 1 and not ray:
        raise InputError("--workers are those of a cluster: say which with --ray, such as --ray local")
    options: dict[str, Any] = {"root": root, "store": store, "begin_from": begin_from, "device": device}
    if ray:
        train_on(ray, chosen, folder, workers=workers, cores=ray_cores, say=partial(print, flush=True), **options)
    elif watch:
        _watched(chosen, folder, watch_port, **options)
    elif seeds > 1:
        train_seeds(chosen, folder, seeds, say=print, **options)
    else:
        train(chosen, folder, say=print, **options)


def _watched(recipe: "Recipe", folder: Path, port: int, **options: Any) -> None:
    """Train while a page shows how it goes."""
    need_service("showtell train --watch")

    from showtell.serve.watch_app import watched
    from showtell.training import train

    with watched(port) as (watching, address):

        def say(line: str) -> None:
            print(line)
            watching.say(line)

        print(f"watch at {address}", file=sys.stderr, flush=True)
        train(recipe, folder, say=say, watch=watching, **options)
