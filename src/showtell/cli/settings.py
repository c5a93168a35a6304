"""Values of options that several commands take."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from showtell.errors import InputError

_PANEL = "Search"

Beam = Annotated[
    int | None,
    typer.Option(
        help="Width of the beam search; 1 is greedy and fastest.", show_default="the model's", rich_help_panel=_PANEL
    ),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        help="Power of the length that divides log-probabilities; 0 favors short captions.",
        rich_help_panel=_PANEL,
        show_default="the model's",
    ),
]
MinLength = Annotated[
    int | None, typer.Option(help="Fewest words in a caption.", rich_help_panel=_PANEL, show_default="the model's")
]
MaxLength = Annotated[
    int | None, typer.Option(help="Most words in a caption.", rich_help_panel=_PANEL, show_default="the model's")
]
NoRepeatNgram = Annotated[
    int | None,
    typer.Option(
        help="Forbid repeating N words in a row; 0 allows it.", rich_help_panel=_PANEL, show_default="the model's"
    ),
]
NumCaptions = Annotated[int, typer.Option(help="Captions for each picture.", rich_help_panel=_PANEL)]
Diversity = Annotated[
    float | None,
    typer.Option(
        help="Make several captions differ; larger values more so. 0.5 is a good start.",
        rich_help_panel=_PANEL,
        show_default="off",
    ),
]
Groups = Annotated[
    int | None,
    typer.Option(
        help="With --diversity: groups of beams.", show_default="one for each caption", rich_help_panel=_PANEL
    ),
]
Must = Annotated[
    list[str] | None,
    typer.Option(
        help="Word or phrase that captions must contain; 'cat|cats' accepts either. May be repeated.",
        rich_help_panel=_PANEL,
        metavar="WORDS",
    ),
]
MustNot = Annotated[
    list[str] | None,
    typer.Option(
        help="Word or phrase that captions must not contain. May be repeated.", rich_help_panel=_PANEL, metavar="WORDS"
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        min=1,
        help="Memory for what a pretrained decoder keeps of pictures; fewer are captioned at once with less.",
        show_default="a share of what is free",
        metavar="MB",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(help="Words that every caption begins with.", rich_help_panel=_PANEL, metavar="WORDS"),
]
Sample = Annotated[
    bool, typer.Option("--sample", help="Sample words at random instead of searching.", rich_help_panel=_PANEL)
]
Temperature = Annotated[
    float | None,
    typer.Option(
        help="With --sample: lower values favor likely words.",
        rich_help_panel=_PANEL,
        show_default="1.0",
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(help="With --sample: draw from the N most likely words.", rich_help_panel=_PANEL, show_default="all"),
]
TopP = Annotated[
    float | None,
    typer.Option(
        help="With --sample: draw from the most likely words that together have this probability.",
        rich_help_panel=_PANEL,
        show_default="1.0",
    ),
]


MACHINES = "Many machines"

Ray = Annotated[
    str | None,
    typer.Option(help="Run on a Ray cluster: local, auto or HOST:PORT.", metavar="ADDRESS", rich_help_panel=MACHINES),
]
RayCores = Annotated[int, typer.Option(min=1, help="Cores of each worker.", rich_help_panel=MACHINES)]


class Resize(StrEnum):
    """How pictures are made square."""

    crop = "crop"
    squash = "squash"
    pad = "pad"


class Precision(StrEnum):
    """The number format of an encoder."""

    float32 = "float32"
    int8 = "int8"


class Log(StrEnum):
    """Where the figures of a training are also written."""

    csv = "csv"
    mlflow = "mlflow"
    tensorboard = "tensorboard"
    wandb = "wandb"


class Guide(StrEnum):
    """Whether captions are guided by tags."""

    auto = "auto"
    off = "off"
    always = "always"


Guided = Annotated[Guide, typer.Option(help="Make captions name the most certain tag; auto: if it suits the model.")]


def prepare_models(models: Iterable[Path] | None) -> None:
    """Import models of the hub, `hf:OWNER/NAME`, that are not in the cache yet."""
    hub = [model for model in models or () if str(model).startswith("hf:")]
    if hub:
        from showtell.pretrained.run import ensure_cached

        ensure_cached(hub, lambda line: print(line, file=sys.stderr))


def choices(name: str, values: Iterable[str]) -> type[StrEnum]:
    """An enumeration of the names in a registry, which the command line lists and checks."""
    return StrEnum(name, {value: value for value in values})  # type: ignore[return-value]


def given(**options: Any) -> dict[str, Any]:
    """The given options: all that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def only_with(condition: bool, needed: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options that only matter with `needed`; an `InputError` if some are given without it."""
    if options and not condition:
        name = next(iter(options)).replace("_", "-")
        raise InputError(f"--{name} only matters with {needed}: add it, or leave this out")
    return options
