"""JSON lines, JSON lists of records and JSON mappings -> rows.

A record has a picture's name and its caption or captions: `{"image": "a.jpg", "caption": "a dog"}`, one on each line or
in a list, as BLIP and many others write them. A mapping has the pictures' names as keys:
`{"a.jpg": "a dog", "b.jpg": ["a cat", "one cat"]}`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from showtell.data.captions.columns import Columns, FoundColumns
from showtell.data.captions.json_values import field, json_value, lines
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError

_LIST = re.compile(r"\s*\[\s*\{")


def _detect_list(file: CaptionFile, columns: Columns) -> bool:
    return file.is_json and _LIST.match(file.text) is not None


@caption_format(
    "records",
    title="a JSON list of records",
    help="a JSON list of records with a name and a caption, or a list of captions, as BLIP has them",
    detect=_detect_list,
    order=33,
)
def read_records(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each record of the list."""
    records = json_value(file)
    if not isinstance(records, list):
        raise InputError(f"{file.where}: not a JSON list of records")
    return _rows(file, ((f"{file.where}, record {i}", record) for i, record in enumerate(records)), columns)


def _detect_mapping(file: CaptionFile, columns: Columns) -> bool:
    if not file.is_json or not file.first_line.lstrip().startswith("{"):
        return False
    try:
        value = json.loads(file.text)
    except (ValueError, RecursionError):  # JSON lines, or no known format
        return False
    return bool(value) and isinstance(columns.find(list(value)), str) and all(map(_are_captions, value.values()))


def _are_captions(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    return bool(several) and all(one is None or isinstance(one, str) for one in several)


@caption_format(
    "mapping",
    title="a JSON mapping of names to captions",
    help="a JSON object whose keys are names of pictures, each with a caption or a list of them",
    detect=_detect_mapping,
    order=34,
)
def read_mapping(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each key."""
    value = json_value(file)
    if not isinstance(value, dict):
        raise InputError(f"{file.where}: not a JSON object of names and captions")
    for name, captions in value.items():
        here = f"{file.where}, {name!r}"
        yield CaptionRow(name, _captions({"captions": captions}, "captions", here), "", here)


def _detect_lines(file: CaptionFile, columns: Columns) -> bool:
    if file.is_text and file.suffix in (".jsonl", ".ndjson"):
        return True
    if not file.is_json:
        return False
    try:
        return isinstance(json.loads(file.first_line), dict)
    except (ValueError, RecursionError):
        json_value(file)  # raises an error that names the line
    return False


@caption_format(
    "jsonl",
    title="JSON lines",
    help="JSON lines: a record with a name and a caption, or a list of captions, on each line",
    detect=_detect_lines,
    order=35,
)
def read_json_lines(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each line."""
    return _rows(file, _line_records(file), columns)


def _line_records(file: CaptionFile) -> Iterator[tuple[str, Any]]:
    for number, line in lines(file.text):
        here = f"{file.where}, line {number}"
        try:
            yield here, json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError alone: a number of thousands of digits
            raise InputError(f"{here}: not JSON ({getattr(error, 'msg', error)})") from error


def _rows(file: CaptionFile, records: Iterable[tuple[str, Any]], columns: Columns) -> Iterator[CaptionRow]:
    """Rows of records; the first record decides which keys hold name and caption."""
    keys: FoundColumns | None = None
    for here, record in records:
        if keys is None:
            found = columns.find(list(record)) if isinstance(record, dict) else columns.picture
            if isinstance(found, str):
                field(record, found, object, here)  # its error lists the keys that exist
                raise InputError(f"{here}: no {found!r}")
            keys = found
            file.note(keys.note)
        name = str(field(record, keys.picture, (str, int), here))
        split = "" if keys.split is None else field(record, keys.split, str, here)
        yield CaptionRow(name, _captions(record, keys.caption, here), split, here)


def _captions(record: Any, key: str, here: str) -> tuple[str | None, ...]:
    value = None if record.get(key, "") is None else field(record, key, (str, list), here)
    captions = value if isinstance(value, list) else [value]
    if not all(caption is None or isinstance(caption, str) for caption in captions):
        raise InputError(f"{here}: {key!r} holds something other than text")
    return tuple(captions)
