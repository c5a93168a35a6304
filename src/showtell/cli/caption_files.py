"""Options of commands that read captions, and reading caption files; notes about a file go to stderr."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from showtell.errors import shown

if TYPE_CHECKING:
    from showtell.data.captions.caption_set import CaptionSet

HELP = "Captions, in any format of `showtell data formats`."
_PANEL = "Columns of captions"

Pictures: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--pictures", "--images", help="Picture source: folder, zip, tar, ... May be repeated.", metavar="SOURCE"
    ),
]
Captions: TypeAlias = Annotated[str, typer.Option(help=HELP, metavar="FILE")]
Store: TypeAlias = Annotated[
    Path | None, typer.Option(help="Embedding store to use; missing embeddings are added.", metavar="FOLDER")
]

PictureColumn: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Column or key of the picture's name.", show_default="image or similar", rich_help_panel=_PANEL),
]
CaptionColumn: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Column or key of the caption.", show_default="caption or similar", rich_help_panel=_PANEL),
]
Partial: TypeAlias = Annotated[
    bool, typer.Option("--partial", help="Leave out captioned pictures that are missing, instead of failing.")
]


def read(path: str, picture_column: str | None, caption_column: str | None) -> "CaptionSet":
    """The captions of a file; its notes go to stderr."""
    from showtell.data.captions.caption_set import read_captions
    from showtell.data.captions.columns import CAPTION, PICTURE

    found = read_captions(path, picture_column=picture_column or PICTURE, caption_column=caption_column or CAPTION)
    say(found.path, found.notes)
    if found.blank:
        say(found.path, [f"left out: {found.blank:,} captions without text"])
    return found


def say(where: str, notes: Iterable[str]) -> None:
    """Print notes about a file to stderr."""
    for note in notes:
        print(shown(f"{where}: {note}"), file=sys.stderr)
