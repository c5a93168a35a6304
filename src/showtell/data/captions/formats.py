"""The text of a caption file -> rows of (picture name, captions, split), one function per format.

Formats: COCO captions (cocodataset.org/#format-data, "Image Captioning"), Karpathy's JSON
(cs.stanford.edu/people/karpathy/deepimagesent), Flickr8k and Flickr30k token files (`name#k<TAB>caption`), CSV and TSV
with a header row, and JSON lines. Whatever is malformed raises an `InputError` that names the file and its line or
record.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.files import csv_text, parse_json

FORMATS = ("coco", "karpathy", "flickr", "csv", "tsv", "jsonl")
_TOKEN_LINE = re.compile(r"(.+)#\d+\t(.*)")
_DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns (CSV, TSV) or keys (JSON lines) that hold the picture's name, its caption and its split."""

    picture: str
    caption: str
    split: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """What one line or record says; `where` is its place in the file, for messages, `ids` are (kind, id) of the picture
    besides its name.
    """

    name: str
    captions: tuple[str, ...]
    split: str
    where: str
    ids: tuple[tuple[str, str], ...] = ()


def read_rows(text: str, where: str, format: str, columns: Columns) -> Iterator[Row]:
    """The rows of a caption file.

    Arguments:
        text: the file's text.
        where: the file's path, and its member of a zip, for messages; its suffix helps to tell the format.
        format: one of `FORMATS`, or `auto` to tell it from the text.
        columns: names for CSV, TSV and JSON lines.

    Raises:
        InputError: the text is malformed, or `auto` finds no format.
    """
    if format == "auto":
        format = _detect(text, where, columns)
    if format == "coco":
        return _coco(_json(text, where), where)
    if format == "karpathy":
        return _karpathy(_json(text, where), where)
    if format == "flickr":
        return _flickr(text, where)
    if format in _DELIMITERS:
        return _table(text, where, _DELIMITERS[format], columns)
    if format == "jsonl":
        return _json_lines(text, where, columns)
    raise InputError(f"caption format {format!r} is unknown: choose one of auto, {', '.join(FORMATS)}")


def _detect(text: str, where: str, columns: Columns) -> str:
    suffix = Path(where).suffix.lower()
    first = next((line for line in io.StringIO(text) if line.strip()), "").rstrip("\r\n")
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if first.lstrip().startswith(("{", "[")):
        return _detect_json(text, first, where)
    if _TOKEN_LINE.fullmatch(first):
        return "flickr"
    if suffix in (".csv", ".tsv"):
        return suffix[1:]
    for format, delimiter in _DELIMITERS.items():
        if {columns.picture, columns.caption} <= {name.strip(' "') for name in first.split(delimiter)}:
            return format
    raise _unknown(where)


def _detect_json(text: str, first: str, where: str) -> str:
    # A search instead of a parse: COCO's files have 70 MB, and inside a JSON string the quotes would be escaped.
    if '"annotations"' in text:
        return "coco"
    if '"sentences"' in text:
        return "karpathy"
    try:
        if isinstance(json.loads(first), dict):
            return "jsonl"
    except (ValueError, RecursionError):
        _json(text, where)  # names the line where it is not JSON
    raise _unknown(where)


def _unknown(where: str) -> InputError:
    return InputError(
        f"{where}: none of the caption formats: COCO JSON, Karpathy JSON, Flickr (name#k<TAB>caption), "
        "CSV or TSV with a header row, JSON lines"
    )


def _coco(value: Any, where: str) -> Iterator[Row]:
    names: dict[int | str, str] = {}
    owners: dict[str, int] = {}
    for i, image in enumerate(_field(value, "images", list, where)):
        here = f"{where}, images[{i}]"
        key, name = _field(image, "id", (int, str), here), _field(image, "file_name", str, here)
        if key in names:
            raise InputError(f"{here}: the id {key!r} was used before")
        if owners.setdefault(name, i) != i:
            raise InputError(f"{here}: the file_name {name!r} was used before, in images[{owners[name]}]")
        names[key] = name
    for i, annotation in enumerate(_field(value, "annotations", list, where)):
        here = f"{where}, annotations[{i}]"
        key, caption = _field(annotation, "image_id", (int, str), here), _field(annotation, "caption", str, here)
        if key not in names:
            raise InputError(f"{here}: image_id {key!r} is none of the images")
        yield Row(names[key], (caption,), "", here, (("image_id", str(key)),))


def _karpathy(value: Any, where: str) -> Iterator[Row]:
    for i, image in enumerate(_field(value, "images", list, where)):
        here = f"{where}, images[{i}]"
        name, split = _field(image, "filename", str, here), _field(image, "split", str, here)
        if "filepath" in image:  # COCO's pictures lie in two folders
            name = f"{_field(image, 'filepath', str, here)}/{name}"
        sentences = _field(image, "sentences", list, here)
        raw = tuple(_field(sentence, "raw", str, f"{here}.sentences[{j}]") for j, sentence in enumerate(sentences))
        ids = [(kind, str(_field(image, kind, (int, str), here))) for kind in ("cocoid", "imgid") if kind in image]
        yield Row(name, raw, split, here, tuple(ids))


def _flickr(text: str, where: str) -> Iterator[Row]:
    for number, line in lines(text):
        match = _TOKEN_LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{where}, line {number}: not of the form name#k<TAB>caption")
        yield Row(match[1], (match[2],), "", f"{where}, line {number}")


def _table(text: str, where: str, delimiter: str, columns: Columns) -> Iterator[Row]:
    # Strict, because a caption with a stray quote or comma would otherwise lose its end without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 1
    try:
        for fields in reader:
            here = f"{where}, line {number}"
            number = reader.line_num + 1
            if not any(map(str.strip, fields)):
                continue
            if header is None:
                header = [name.strip() for name in fields]
                at = _positions(header, here, columns)
            elif len(fields) != len(header):
                raise InputError(
                    f"{here}: {len(fields)} fields where the header has {len(header)}: "
                    'put captions that hold the delimiter in "quotes"'
                )
            else:
                yield Row(
                    csv_text(fields[at[0]]),
                    (csv_text(fields[at[1]]),),
                    fields[at[2]].strip() if len(at) > 2 else "",
                    here,
                )
    except csv.Error as error:
        raise InputError(f"{where}, line {number}: bad quoting ({error}): inside quotes, double every quote") from error


def _positions(header: list[str], here: str, columns: Columns) -> list[int]:
    wanted = [columns.picture, columns.caption] + ([columns.split] if columns.split is not None else [])
    for name in wanted:
        if name not in header:
            have = ", ".join(map(repr, header))
            raise InputError(f"{here}: no column {name!r}: the columns are {have}; name those for picture and caption")
    return [header.index(name) for name in wanted]


def _json_lines(text: str, where: str, columns: Columns) -> Iterator[Row]:
    for number, line in lines(text):
        here = f"{where}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError alone: a number of thousands of digits
            raise InputError(f"{here}: not JSON ({getattr(error, 'msg', error)})") from error
        name = str(_field(value, columns.picture, (str, int), here))
        captions = _field(value, columns.caption, (str, list), here)
        captions = [captions] if isinstance(captions, str) else captions
        if not all(isinstance(caption, str) for caption in captions):
            raise InputError(f"{here}: {columns.caption!r} holds something other than text")
        split = "" if columns.split is None else _field(value, columns.split, str, here)
        yield Row(name, tuple(captions), split, here)


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; only newlines end a line, not exotic separators."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def _json(text: str, where: str) -> Any:
    try:
        return parse_json(text, where)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not a caption file ({error})") from error


def _field(record: Any, key: str, kinds: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(record, dict):
        raise InputError(f"{where}: not a JSON object")
    if key not in record:
        have = ", ".join(map(repr, list(record)[:8])) or "nothing"
        raise InputError(f"{where}: no {key!r}, only {have}")
    value = record[key]
    if not isinstance(value, kinds) or isinstance(value, bool):
        expected = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise InputError(f"{where}: {key!r} is {type(value).__name__}, not {expected}")
    return value
