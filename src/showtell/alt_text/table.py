"""Texts of a whole tree in one file: CSV, JSON lines or Parquet, row by row in the order of the pictures' paths.

A row has the picture's name and either its caption or the error that it could not be read with. A caption of less
confidence than was asked for is the row's `guess`, and its `caption` is left out.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from showtell.alt_text.journal import Journal
from showtell.errors import InputError, MissingExtra
from showtell.files import csv_cell, sha256_file, write_beside

TableFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one picture; fields as `showtell.captioning.captioner.Caption` has them, None or empty where
    unknown."""

    name: str
    caption: str | None = None
    score: float | None = None
    confidence: float | None = None
    unfamiliar: bool | None = None
    guess: str | None = None
    error: str | None = None


class Table:
    """One file that a run fills."""

    def __init__(self, path: Path, format: TableFormat, journal: Journal, *, overwrite: bool) -> None:
        """See whether the table may be written.

        Raises:
            InputError: there is another file at `path`, or a table that was changed since a run of this journal wrote
                it, and it is not to be overwritten.
            MissingExtra: Parquet is asked for, and pyarrow is not there.
        """
        self.path, self.format, self.journal = path, format, journal
        self._writer = WRITERS[format]
        if format == "parquet":
            _require_arrow()
        self._before = sha256_file(path) if path.is_file() else None
        if path.exists() and self._before is None:
            raise InputError(f"{path}: not a file: choose another --output")
        if self._before and not overwrite and not journal.wrote(self._before):
            raise InputError(
                f"{path}: was changed, or written by something else, since Showtell wrote it: "
                "move it away, choose another --output, or give --overwrite-others"
            )

    def write(self, rows: Iterable[Row]) -> bool:
        """Write the rows, unless the file holds just these already; returns whether it was written."""
        candidate = self.path.with_name(f".{self.path.name}.new")
        try:
            with write_beside(candidate, alone=True) as file, self._writer(file) as write:
                for row in rows:
                    write(row)
            sha256 = sha256_file(candidate)
            if sha256 == self._before:
                return False
            self.journal.note_table(sha256)
            os.replace(candidate, self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error
        finally:
            candidate.unlink(missing_ok=True)
        return True


_Write: TypeAlias = Callable[[Row], None]


@contextmanager
def _csv(file: IO[bytes]) -> Any:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["name", "caption", "score", "error", "confidence", "unfamiliar", "guess"])

    def write(row: Row) -> None:
        unfamiliar = None if row.unfamiliar is None else str(row.unfamiliar).lower()
        name, caption, error, guess = map(csv_cell, (row.name, row.caption, row.error, row.guess))
        rows.writerow([name, caption, row.score, error, row.confidence, unfamiliar, guess])

    yield write
    text.detach()


@contextmanager
def _jsonl(file: IO[bytes]) -> Any:
    def write(row: Row) -> None:
        known = {key: value for key, value in asdict(row).items() if value is not None}
        file.write((json.dumps(known, ensure_ascii=False) + "\n").encode())

    yield write


@contextmanager
def _parquet(file: IO[bytes]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.float64()
    kinds = (text, text, number, number, pa.bool_(), text, text)
    schema = pa.schema(list(zip(Row.__dataclass_fields__, kinds, strict=True)))
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        if waiting:
            writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
            waiting.clear()

    def write(row: Row) -> None:
        waiting.append(asdict(row))
        if len(waiting) == _ROWS_AT_ONCE:
            flush()

    with pq.ParquetWriter(file, schema) as writer:
        yield write
        flush()


WRITERS: dict[TableFormat, Callable[[IO[bytes]], AbstractContextManager[_Write]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
"""What makes, for an open file, the function that writes one row to it."""


def _require_arrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a Parquet file", "embed") from error
