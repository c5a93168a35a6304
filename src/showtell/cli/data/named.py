"""The data that a user names: a recipe, or pictures and captions, with the options of `showtell train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from showtell.cli import caption_files
from showtell.config import assign, change, read_tables, table_of
from showtell.errors import InputError, near

if TYPE_CHECKING:
    from showtell.data.examples import DataOptions

Value = TypeVar("Value", str, bool, int)

Recipe: TypeAlias = Annotated[
    Path | None, typer.Argument(help="TOML recipe; the options override it.", metavar="RECIPE")
]
BuiltIn: TypeAlias = Annotated[
    str | None, typer.Option("--data", help="Built-in data set: shapes or shapes-relations.", metavar="NAME")
]
Pictures: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="Picture source: folder, zip, tar, ... May be repeated.", metavar="SOURCE")
]
Captions: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help=f"{caption_files.HELP[:-1]}; may be inside a zip.",
        metavar="FILE",
    ),
]
Root: TypeAlias = Annotated[
    Path, typer.Option(envvar="SHOWTELL_DATA", help="Folder for the relative paths of the recipe.", metavar="FOLDER")
]
Set: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Set a key of the recipe, such as data.split_column=part. May be repeated.", metavar="KEY=VALUE"
    ),
]


@dataclass(frozen=True, slots=True)
class Named:
    """The tables of a recipe that data commands read; tables about training are left to `showtell train`."""

    tables: dict[str, Any]
    where: str

    def data(self) -> tuple["DataOptions", ...]:
        """The data sets; an `InputError` if a table does not fit."""
        from showtell.data.examples import data_options

        try:
            return data_options(self.tables)
        except InputError as error:
            raise InputError(f"{self.where}: {error}" if self.where else str(error)) from error

    def value(self, table: str, key: str, default: Value) -> Value:
        """A value of a table, without checking its other keys; an `InputError` if it has another type."""
        value = table_of(self.tables, table).get(key, default)
        if type(value) is not type(default):
            kind = type(default).__name__
            raise InputError(f"{self.where}: [{table}] {key} must be of type {kind}, not {value!r}".removeprefix(": "))
        return value


def named(
    recipe: Path | None,
    data: str | None,
    pictures: list[str] | None,
    captions: str | None,
    set_: list[str] | None,
    columns: tuple[str | None, str | None] = (None, None),
    further: Mapping[str, Any] | None = None,
) -> Named:
    """The data that the options name together; an `InputError` if they contradict each other.

    `columns` are the columns of name and caption; `further` has more options by keys of a recipe.
    """
    from showtell.data.examples import DRAWN

    if data is not None and data not in DRAWN:
        raise InputError(
            f"--data {data}{near(data, DRAWN)}: the built-in data sets are {' and '.join(DRAWN)}; "
            "for files use --pictures"
        )
    if data and (recipe or pictures or captions):
        raise InputError("--data names a built-in data set: leave out the recipe, --pictures and --captions")
    tables: dict[str, Any] = read_tables(recipe) if recipe else {}
    if data:
        tables = {"data": {"pictures": [data]}, "vocabulary": {"min_count": 1}}
    if pictures:
        change(tables, "data.pictures", pictures)
    if captions:
        change(tables, "data.captions", captions)
    for key, column in zip(("data.picture_column", "data.caption_column"), columns, strict=True):
        if column:
            change(tables, key, column)
    for key, value in (further or {}).items():
        if value is not None:
            change(tables, key, value)
    assign(tables, set_ or [])
    return Named(tables, str(recipe) if recipe else "")
