"""Output of `showtell caption` and `showtell alt-text` -> one prediction for each picture.

Text, JSON lines, CSV and Parquet contain the same: a row has a picture's name and a caption, a guess if the model was
not sure, or an error. Of several captions of a picture the first is the best.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from showtell.data.captions.json_values import lines
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError, one_line, require
from showtell.files import csv_text
from showtell.images.decode import SUFFIXES

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in SUFFIXES))
_LINE = re.compile(rf"(.+?\.(?:{_SUFFIX})|[^:]+): (.+)", re.IGNORECASE)
_UNSURE = re.compile(r".* \(perhaps: (.*)\)")
_TAGS = re.compile(r" \[[^\[\]]*\]$")
_FAILED = "cannot be captioned: "
_OF_A_MODEL = ("score", "error", "guess")


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A picture's `caption` or `guess`, one of them empty, or the `error` of an unreadable picture."""

    name: str
    caption: str
    guess: str
    error: str


_Rows: TypeAlias = Iterable[OwnRow]


def own_rows(file: CaptionFile) -> Iterator[OwnRow] | None:
    """The first row of every picture; None if the file is not output of these commands."""
    for reader in (_parquet, _csv, _json_lines, _text):
        rows = reader(file)
        if rows is not None:
            return _first_of_each(rows)
    return None


def _first_of_each(rows: _Rows) -> Iterator[OwnRow]:
    seen: set[str] = set()
    for row in rows:
        if row.name not in seen:
            seen.add(row.name)
            yield row


def _row(value: Mapping[str, Any]) -> OwnRow:
    guess, error = value.get("guess") or "", value.get("error") or ""
    return OwnRow(str(value["name"]), "" if guess else value.get("caption") or "", guess, error)


def _csv(file: CaptionFile) -> _Rows | None:
    if not file.is_text or not {"name", "caption", "score", "error"} <= set(file.first_line.split(",")):
        return None
    try:
        rows = csv.DictReader(io.StringIO(file.text, newline=""), strict=True)
        return [
            _row({key: csv_text(row[key] or "") for key in ("name", "caption", "guess", "error") if key in row})
            for row in rows
        ]
    except csv.Error as error:
        raise InputError(f"{file.where}: bad quoting ({error}): inside quotes, double every quote") from error


def _json_lines(file: CaptionFile) -> _Rows | None:
    if not file.is_text or not file.first_line.lstrip().startswith("{"):
        return None
    records = []
    for _, line in lines(file.text):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # another reader reports the error
            return None
        if not isinstance(record, dict) or not isinstance(record.get("name"), str):
            return None
        if not all(isinstance(record.get(key, ""), str) for key in ("caption", "guess", "error")):
            return None
        records.append(record)
    return [_row(record) for record in records] if any(set(record) & set(_OF_A_MODEL) for record in records) else None


def _text(file: CaptionFile) -> _Rows | None:
    if not file.is_text or file.first_line.lstrip().startswith(("{", "[")) or "\t" in file.first_line:
        return None
    rows: list[OwnRow] = []
    for _, line in lines(file.text):
        if line.startswith("  ") and rows:  # another caption of the same picture
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        name, caption = match[1], match[2]
        if caption.startswith(_FAILED):
            rows.append(OwnRow(name, "", "", caption.removeprefix(_FAILED)))
            continue
        caption = _TAGS.sub("", caption)
        unsure = _UNSURE.fullmatch(caption)
        rows.append(OwnRow(name, "" if unsure else caption, unsure[1] if unsure else "", ""))
    return rows or None


def _parquet(file: CaptionFile) -> _Rows | None:
    if not file.is_parquet:
        return None
    require("pyarrow.parquet", extra="embed", what=f"{file.where}: reading Parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["name", "caption", "guess", "error"]
    try:
        if not set(columns) <= set(pq.read_schema(file.path).names):
            return None
        return [_row(row) for row in pq.read_table(file.path, columns=columns).to_pylist()]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file.where}: not a complete Parquet file ({one_line(error, 99)}): copy it again") from error
