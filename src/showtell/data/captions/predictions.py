"""Captions that some system made -> which picture each is of; and the references that they are to be scored against.

`read_predictions` reads COCO's results (cocodataset.org/#format-results: a JSON list of `{"image_id", "caption"}`) and
whatever `captions` reads, with one caption for each picture. `pair` finds each picture among the references, by its
name or by an id that they have for it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from showtell.data.captions.caption_set import CaptionSet
from showtell.data.captions.formats import Columns, Row, read_rows
from showtell.data.captions.text_file import read_text
from showtell.errors import InputError
from showtell.files import parse_json

_PICTURE_COLUMNS = ("name", "image", "image_id")  # what `showtell caption` writes, and what others do


@dataclass(frozen=True, slots=True)
class Predictions:
    """One caption, which may be empty, for each picture, by the name or id that `path` has for it, in file order."""

    captions: dict[str, str]
    path: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pictures that have both: by the name that the references have, captions, references, and the predictions' ids."""

    captions: dict[str, str]
    references: dict[str, tuple[str, ...]]
    ids: dict[str, str]
    left_out: str = ""
    """What only one side had, in words."""


def read_predictions(path: str | PathLike[str]) -> Predictions:
    """Read captions to be scored.

    Raises:
        InputError: the file is missing or malformed, or a picture has two captions; the message names the record.
    """
    text, where = read_text(Path(path))
    captions: dict[str, str] = {}
    for row in _results(text, where) if text.lstrip().startswith("[") else _rows(text, where):
        if row.name in captions or len(row.captions) != 1:
            raise InputError(f"{row.where}: {row.name!r} has several captions: give the one to be scored")
        captions[row.name] = row.captions[0]
    if not captions:
        raise InputError(f"{where}: holds no captions")
    return Predictions(captions, where)


def pair(predictions: Predictions, references: CaptionSet, *, partial: bool = False) -> Pairs:
    """Find the picture of each prediction among the references.

    Arguments:
        predictions: captions, by name or id.
        references: captions, by name, with the ids that the file has.
        partial: leave out what only one side has, instead of raising.

    Raises:
        InputError: no picture is the same, two predictions are of one picture, or one side has pictures that the other
            lacks.
    """
    names = _best_names(predictions, references)
    captions: dict[str, str] = {}
    ids: dict[str, str] = {}
    for key, caption in predictions.captions.items():
        name = names.get(key)
        if name is None:
            continue
        if name in captions:
            raise InputError(f"{predictions.path}: {ids[name]!r} and {key!r} are both the picture {name!r}")
        captions[name], ids[name] = caption, key
    alone = [key for key in predictions.captions if key not in names]
    silent = [name for name in references.captions if name not in captions]
    odd = ([f"{_number(silent)} no prediction, such as {silent[0]!r}"] if silent else []) + (
        [f"{_number(alone)} no references, such as {alone[0]!r}"] if alone else []
    )
    if odd and not partial:
        raise InputError(
            f"{predictions.path} and {references.path} are not of the same pictures: {'; '.join(odd)}: "
            "correct them, or score the pictures that both have with --partial"
        )
    kept = {name: texts for name, texts in references.captions.items() if name in captions}
    return Pairs({name: captions[name] for name in kept}, kept, ids, "; ".join(odd))


def _best_names(predictions: Predictions, references: CaptionSet) -> dict[str, str]:
    """From a prediction's key to the picture's name, by whichever of the ways to name pictures fits most of them."""
    bases: dict[str, list[str]] = {}
    for name in references.captions:
        bases.setdefault(PurePosixPath(name).name, []).append(name)
    ways: dict[str, Mapping[str, str]] = {
        "name": {name: name for name in references.captions},
        **references.ids,
        "file name": {base: found[0] for base, found in bases.items() if len(found) == 1},
    }
    fitting = [
        {key: way[key] for key in predictions.captions if key in way and way[key] in references.captions}
        for way in ways.values()
    ]
    best = max(fitting, key=len)  # the first of equals
    if not best:
        have = ", ".join(f"{next(iter(way))!r} ({kind})" for kind, way in ways.items() if way)
        raise InputError(
            f"{predictions.path}: its pictures are not those of {references.path}: it has "
            f"{next(iter(predictions.captions))!r}, the references have {have}"
        )
    return best


def _results(text: str, where: str) -> Iterator[Row]:
    for i, record in enumerate(_list(text, where)):
        here = f"{where}, record {i}"
        if not isinstance(record, dict):
            raise InputError(f"{here}: not a JSON object")
        key, caption = record.get("image_id"), record.get("caption")
        if isinstance(key, bool) or not isinstance(key, (int, str)) or not isinstance(caption, str):
            raise InputError(f'{here}: not of the form {{"image_id": 1, "caption": "..."}}')
        yield Row(str(key), (caption,), "", here)


def _list(text: str, where: str) -> list[Any]:
    try:
        value: list[Any] = parse_json(text, where)
    except RecursionError as error:
        raise InputError(f"{where}: not COCO results ({error})") from error
    return value


def _rows(text: str, where: str) -> Iterator[Row]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        have = set(json.loads(first))
    except (ValueError, TypeError, RecursionError):
        have = {name.strip(' "') for name in first.replace("\t", ",").split(",")}
    column = next((name for name in _PICTURE_COLUMNS if name in have), "image")
    return read_rows(text, where, "auto", Columns(column, "caption", None))


def _number(pictures: list[str]) -> str:
    return "1 picture has" if len(pictures) == 1 else f"{len(pictures):,} pictures have"
