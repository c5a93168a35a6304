"""JSON caption files -> values of the right type, or an error that names the record; all JSON readers use this."""

from collections.abc import Iterator
from typing import Any

from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError
from showtell.files import parse_json


def json_value(file: CaptionFile) -> Any:
    """The JSON value of the whole file; an `InputError` names the line if it is not JSON."""
    try:
        return parse_json(file.text, file.where)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file.where}: not a caption file ({error})") from error


def field(record: Any, key: str, kinds: type | tuple[type, ...], where: str) -> Any:
    """`record[key]`; an `InputError` if it is missing or not of one of `kinds`."""
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


def caption_or_null(record: Any, key: str, where: str) -> str | None:
    """The caption under `key`; None if it is null."""
    if isinstance(record, dict) and key in record and record[key] is None:
        return None
    caption: str = field(record, key, str, where)
    return caption


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; only newlines separate lines."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")
