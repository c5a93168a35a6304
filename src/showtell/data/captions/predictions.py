"""Captions of any system, and references -> pairs of both by picture, to be scored.

`read_predictions` reads COCO's results (cocodataset.org/#format-results: a JSON list of `{"image_id", "caption"}`), the
output of `showtell caption` and `showtell alt-text`, and whatever `read_captions` reads, with one caption for each
picture. `pair` finds each picture among the references, by its name or by one of its ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from showtell.data.captions.caption_set import CaptionSet
from showtell.data.captions.columns import CAPTION, PICTURE, Columns
from showtell.data.captions.json_values import json_value
from showtell.data.captions.names import EXACT, NameIndex, inexact_notes
from showtell.data.captions.own_output import own_rows
from showtell.data.captions.registry import CaptionRow, read_rows
from showtell.data.captions.text_file import CaptionFile, open_captions
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Predictions:
    """One caption, possibly empty, for each picture, by the picture's name or id in the file `path`, in file order.

    `failed` has (name, reason) of rows with an error; they are not scored. `guesses` counts captions of which the model
    was not sure; the guess is scored, because it is the caption that the model would have given.
    """

    captions: dict[str, str]
    path: str
    failed: tuple[tuple[str, str], ...] = ()
    guesses: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pictures with a prediction and references: `captions`, `references` and the predictions' `ids`, by the
    references' names.

    `left_out` says in words what only one side had. `failed` counts pictures that could not be captioned, `guesses`
    captions of which the model was not sure. `notes` are sentences on how names were matched.
    """

    captions: dict[str, str]
    references: dict[str, tuple[str, ...]]
    ids: dict[str, str]
    left_out: str = ""
    without_prediction: int = 0
    without_references: int = 0
    failed: int = 0
    guesses: int = 0
    notes: tuple[str, ...] = ()


def read_predictions(
    path: str | PathLike[str], *, picture_column: str = PICTURE, caption_column: str = CAPTION
) -> Predictions:
    """Read captions to be scored.

    Arguments:
        path: the file.
        picture_column, caption_column: columns of a table or keys of JSON records, as for `read_captions`.

    Raises:
        InputError: the file is missing or malformed, or a picture has two captions; the message names the record.
    """
    file = open_captions(Path(path))
    columns = Columns(picture_column, caption_column)
    own = own_rows(file) if columns == Columns() else None
    captions: dict[str, str] = {}
    failed: list[tuple[str, str]] = []
    guesses = 0
    for one in own or ():
        if one.error:
            failed.append((one.name, one.error))
        else:
            captions[one.name] = one.guess or one.caption
            guesses += bool(one.guess)
    if own is None:
        for row in _results(file) if _is_list(file) else read_rows(file, "auto", columns):
            if row.name in captions or len(row.captions) != 1:
                raise InputError(f"{row.where}: {row.name!r} has several captions: give the one to be scored")
            captions[row.name] = row.captions[0] or ""
    if not captions:
        raise InputError(f"{file.where}: has no captions")
    return Predictions(captions, file.where, tuple(failed), guesses, tuple(file.notes))


def pair(predictions: Predictions, references: CaptionSet, *, partial: bool = False) -> Pairs:
    """Find the picture of each prediction among the references.

    Pictures that could not be captioned are left out on both sides.

    Arguments:
        predictions: captions, by name or id.
        references: captions, by name, with the file's ids.
        partial: leave out pictures that only one side has, instead of raising.

    Raises:
        InputError: no picture is on both sides, two predictions are of one picture, or one side has pictures that the
            other lacks and `partial` is False.
    """
    names, notes = _best_names(predictions, references)
    captions: dict[str, str] = {}
    ids: dict[str, str] = {}
    for key, caption in predictions.captions.items():
        name = names.get(key)
        if name is None:
            continue
        if name in captions:
            raise InputError(f"{predictions.path}: {ids[name]!r} and {key!r} both name the picture {name!r}")
        captions[name], ids[name] = caption, key
    failed = {names[key] for key, _ in predictions.failed if key in names}
    alone = [key for key in predictions.captions if key not in names]
    silent = [name for name in references.captions if name not in captions and name not in failed]
    odd = ([f"{_number(silent)} no prediction, such as {silent[0]!r}"] if silent else []) + (
        [f"{_number(alone)} no references, such as {alone[0]!r}"] if alone else []
    )
    if odd and not partial:
        raise InputError(
            f"{predictions.path} and {references.path} are not of the same pictures: {'; '.join(odd)}: "
            "correct them, or score the pictures that both have with --partial"
        )
    kept = {name: texts for name, texts in references.captions.items() if name in captions}
    return Pairs(
        {name: captions[name] for name in kept},
        kept,
        ids,
        "; ".join(odd),
        len(silent),
        len(alone),
        len(predictions.failed),
        predictions.guesses,
        notes,
    )


def _best_names(predictions: Predictions, references: CaptionSet) -> tuple[dict[str, str], tuple[str, ...]]:
    """Maps predictions' keys to picture names, by the kind of name or id that fits most of them."""
    keys = [*predictions.captions, *(key for key, _ in predictions.failed)]
    index = NameIndex(references.captions)
    by_name, taken, inexact = dict[str, str](), set[str](), []
    for match, key in sorted(((index.find(key), key) for key in keys), key=lambda one: one[0].tier):
        fits = [name for name in match.names if match.tier <= EXACT or name not in taken]
        if len(fits) == 1:
            by_name[key] = fits[0]
            taken.add(fits[0])
            inexact += [(match.how, key)] if match.how else []
    fitting: list[Mapping[str, str]] = [by_name]
    fitting += [
        {key: way[key] for key in keys if key in way and way[key] in references.captions}
        for way in references.ids.values()
    ]
    best = max(fitting, key=len)  # the first of equals
    if not best:
        ways: dict[str, Mapping[str, str]] = {"name": dict.fromkeys(references.captions, ""), **references.ids}
        have = ", ".join(f"{next(iter(way))!r} ({kind})" for kind, way in ways.items() if way)
        raise InputError(
            f"{predictions.path}: its pictures are not those of {references.path}: it has "
            f"{next(iter(predictions.captions))!r}, the references have {have}"
        )
    return dict(best), inexact_notes(inexact) if best is by_name else ()


def _is_list(file: CaptionFile) -> bool:
    return file.is_json and file.first_line.lstrip().startswith("[")


def _results(file: CaptionFile) -> list[CaptionRow]:
    """COCO's results."""
    rows = []
    for i, record in enumerate(json_value(file)):
        here = f"{file.where}, record {i}"
        if not isinstance(record, dict):
            raise InputError(f"{here}: not a JSON object")
        name = "image_id"
        if name not in record and not isinstance(found := Columns().find(list(record)), str):
            name = found.picture
        key, caption = record.get(name), record.get("caption")
        if isinstance(key, bool) or not isinstance(key, (int, str)) or not isinstance(caption, str):
            raise InputError(f'{here}: not of the form {{"image_id": 1, "caption": "..."}}')
        rows.append(CaptionRow(str(key), (caption,), "", here))
    return rows


def _number(pictures: list[str]) -> str:
    return "1 picture has" if len(pictures) == 1 else f"{len(pictures):,} pictures have"
