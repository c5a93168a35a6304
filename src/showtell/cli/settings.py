"""Values of options that several commands take."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from showtell.errors import InputError

_PANEL = "How the sentence is found"

Beam = Annotated[
    int | None,
    typer.Option(help="Width of the beam search; 1 is greedy.", show_default="model's", rich_help_panel=_PANEL),
]
LengthPenalty = Annotated[
    float | None, typer.Option(help="Of beams: above 0 favours longer captions.", rich_help_panel=_PANEL)
]
MinLength = Annotated[int | None, typer.Option(help="Words of the shortest caption.", rich_help_panel=_PANEL)]
MaxLength = Annotated[int | None, typer.Option(help="Words of the longest caption.", rich_help_panel=_PANEL)]
NoRepeatNgram = Annotated[int | None, typer.Option(help="No so many words in a row twice.", rich_help_panel=_PANEL)]
NumCaptions = Annotated[int, typer.Option(help="Captions for each picture.", rich_help_panel=_PANEL)]
Diversity = Annotated[
    float | None, typer.Option(help="Of several captions: the larger, the less alike.", rich_help_panel=_PANEL)
]
Groups = Annotated[
    int | None,
    typer.Option(help="Groups of beams that differ.", show_default="one a caption", rich_help_panel=_PANEL),
]
Must = Annotated[
    list[str] | None,
    typer.Option(help="A word or phrase to be said, 'cat|cats' for either; may be repeated.", rich_help_panel=_PANEL),
]
MustNot = Annotated[
    list[str] | None,
    typer.Option(help="A word or phrase that is not to be said; may be repeated.", rich_help_panel=_PANEL),
]
Sample = Annotated[bool, typer.Option("--sample", help="Draw captions at random.", rich_help_panel=_PANEL)]
Temperature = Annotated[float | None, typer.Option(help="Of sampling: below 1 is safer.", rich_help_panel=_PANEL)]
TopK = Annotated[int | None, typer.Option(help="Sample from the k likeliest words.", rich_help_panel=_PANEL)]
TopP = Annotated[
    float | None, typer.Option(help="Sample from the likeliest words that hold p.", rich_help_panel=_PANEL)
]


MACHINES = "Many machines"

Ray = Annotated[
    str | None,
    typer.Option(help="Work on a Ray cluster: local, auto or HOST:PORT.", metavar="ADDRESS", rich_help_panel=MACHINES),
]
RayCores = Annotated[int, typer.Option(min=1, help="Of a cluster: cores of one worker.", rich_help_panel=MACHINES)]


class Resize(StrEnum):
    """How pictures are made square."""

    crop = "crop"
    squash = "squash"
    pad = "pad"


class Precision(StrEnum):
    """What an encoder computes in."""

    float32 = "float32"
    int8 = "int8"


class Guide(StrEnum):
    """Whether captions are guided by tags."""

    auto = "auto"
    off = "off"
    always = "always"


def given(**options: Any) -> dict[str, Any]:
    """The options that were given: all but those that are None."""
    return {name: value for name, value in options.items() if value is not None}


def only_with(condition: bool, needed: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options, given ones that mean something only with `needed`; an `InputError` where that is missing."""
    if options and not condition:
        name = next(iter(options)).replace("_", "-")
        raise InputError(f"--{name} only matters with {needed}: add it, or leave this out")
    return options
