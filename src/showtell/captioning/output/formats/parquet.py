"""Captions as rows of Parquet, with all digits; long jobs also store their finished pieces in this format.

A row is a picture: its `name`, and either its caption or the `error` that says why it cannot be read.
docs/reference/file-formats.md lists the columns.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from showtell.captioning.output.registry import EVERYTHING, Layout, Write, output_format
from showtell.errors import InputError, one_line, require

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned

_ROWS_AT_ONCE = 1024
_FLAT_ROWS_AT_ONCE = 4096  # without words and tags


def require_arrow() -> None:
    """Raise a `MissingExtra` if Parquet cannot be written."""
    require("pyarrow.parquet", extra="embed", what="a Parquet file")


@output_format(
    "parquet",
    "a table for programs, with all digits",
    binary=True,
    whole=True,
    table=True,
    attention=True,
    suffixes=(".parquet",),
    check=require_arrow,
)
def write_parquet(file: IO[bytes], layout: Layout) -> Iterator[Write]:
    """Write a row for each picture."""
    with row_writer(file, layout=layout) as write:
        yield write


@contextmanager
def row_writer(
    file: IO[bytes], metadata: Mapping[str, str] | None = None, layout: Layout = EVERYTHING
) -> Iterator[Write]:
    """Give a function that writes rows to an open file, many at a time; the schema keeps `metadata`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from showtell.captioning.output.row import to_row, with_tags

    schema = _schema(layout.columns).with_metadata(dict(metadata or {}))
    at_once = _ROWS_AT_ONCE if "words" in schema.names else _FLAT_ROWS_AT_ONCE
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        if waiting:
            writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
            waiting.clear()

    def write(result: "Captioned") -> None:
        waiting.append(to_row(with_tags(result, layout.tags)))
        if len(waiting) == at_once:
            flush()

    with pq.ParquetWriter(file, schema) as writer:
        yield write
        flush()


def read_rows(path: Path) -> "Iterator[Captioned]":
    """Read the rows of a file, some at a time; an `InputError` if it is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from showtell.captioning.output.row import from_row

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                yield from map(from_row, batch.to_pylist())
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: damaged ({one_line(error, 200)}): delete it and give the same command again"
        ) from error


def _schema(columns: tuple[str, ...] | None) -> Any:
    import pyarrow as pa

    text, number, truth = pa.string(), pa.float64(), pa.bool_()
    looked = pa.list_(pa.list_(pa.float32()))
    word = pa.struct([("word", text), ("probability", number), ("attention", looked)])
    sentence = [
        ("caption", text),
        ("score", number),
        ("confidence", number),
        ("unfamiliar", truth),
        ("guess", text),
        ("guided", truth),
        ("words", pa.list_(word)),
    ]
    tag = pa.struct([("name", text), ("probability", number)])
    further = [("tags", pa.list_(tag)), ("alternatives", pa.list_(pa.struct(sentence))), ("error", text)]
    every = [("name", text), *sentence, *further]
    return pa.schema([(name, kind) for name, kind in every if columns is None or name in columns])
