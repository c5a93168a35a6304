"""A Parquet file -> its pictures, from a column of bytes, or of `{bytes, path}` as Hugging Face `datasets` writes it.

A picture's name is its path if the column has a unique one for every row, else the value of a text column of unique
file names or keys, else its row, such as `row-0000012`. Rows are read a few at a time, by row group.
"""

from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from showtell.data.sources.base import RawPicture, too_large
from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line, require

_ROWS_AT_ONCE = 8
_BUFFER = 1 << 20  # bytes of a column that are read at once
_LARGEST_GROUP = 4 << 30  # bytes of pictures in a row group
_USUAL = ("image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "pixels", "bytes", "content")
_NAMES = ("file_name", "filename", "path", "__key__", "key", "url")
_LONGEST_NAME = 1024


@dataclass(frozen=True)
class ParquetPictures:
    """The pictures of a file, or of some of its rows by name; methods as in `PictureSource`."""

    path: Path | Remote
    rows: dict[str, int] | None = field(default=None, compare=False)

    def names(self) -> list[str]:
        if not self._rows:
            raise InputError(f"{self.path}: has no rows: give another file")
        return list(self._rows)

    def only(self, names: Collection[str]) -> "ParquetPictures":
        return ParquetPictures(self.path, {name: self._rows[name] for name in names})

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        wanted = {row: name for name, row in self._rows.items() if name not in skip}
        whole = 0
        with self._opened() as file:
            column = self._column(file)
            first = 0
            for group in range(file.num_row_groups):
                rows = range(first, first := first + file.metadata.row_group(group).num_rows)
                here = {row: wanted[row] for row in rows if row in wanted} if wanted else {}
                if not here:
                    continue
                self._require_small(file, group, column)
                with closing(self._cells(file, group, column)) as cells:
                    for row, cell in zip(rows, cells, strict=False):
                        if name := here.pop(row, ""):
                            yield _picture(name, cell)
                            whole += 1
                        if not here:
                            break

    @cached_property
    def _rows(self) -> dict[str, int]:
        if self.rows is not None:
            return self.rows
        with self._opened() as file:
            named = self._named(file, self._column(file))
            return named or {f"row-{row:07d}": row for row in range(file.metadata.num_rows)}

    def _named(self, file: Any, column: str) -> dict[str, int]:
        """Rows by name, from the first column that has a name for each; empty if none has."""
        schema = file.schema_arrow
        top = column if column in schema.names else column.removesuffix(".bytes")
        inside = [f"{top}.path"] if top != column and schema.field(top).type.get_field_index("path") >= 0 else []
        for name in (*inside, *(name for name in _NAMES if name in schema.names and _is_text(schema.field(name).type))):
            found: dict[str, int] = {}
            row = 0
            for value in self._values(file, name):
                called = _safe(value)
                if not called or called in found:
                    break
                found[called] = row
                row += 1
            if row == file.metadata.num_rows:
                return found
        return {}

    def _values(self, file: Any, column: str) -> Iterator[Any]:
        for batch in file.iter_batches(batch_size=4096, columns=[column]):
            yield from _leaf(batch, column).to_pylist()

    def _cells(self, file: Any, group: int, column: str) -> Generator[Any, None, None]:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[group], columns=[column]):
            yield from _leaf(batch, column)

    def _column(self, file: Any) -> str:
        """The path of the column of bytes."""
        import pyarrow as pa

        found: dict[str, str] = {}
        for one in file.schema_arrow:
            if _is_bytes(one.type):
                found[one.name] = one.name
            elif pa.types.is_struct(one.type) and any(f.name == "bytes" and _is_bytes(f.type) for f in one.type):
                found[one.name] = f"{one.name}.bytes"
        usual = [name for name in _USUAL if name in found]
        if not found:
            raise InputError(
                f"{self.path}: has no column of picture bytes: it has {', '.join(file.schema_arrow.names)}"
            )
        if len(found) > 1 and not usual:
            raise InputError(
                f"{self.path}: several columns have bytes ({', '.join(found)}): name the one of the pictures image"
            )
        return found[usual[0]] if usual else next(iter(found.values()))

    def _require_small(self, file: Any, group: int, column: str) -> None:
        described = file.metadata.row_group(group)
        for i in range(described.num_columns):
            one = described.column(i)
            if one.path_in_schema == column and one.total_uncompressed_size > _LARGEST_GROUP:
                size = f"{one.total_uncompressed_size >> 20:,} MiB of pictures (limit {_LARGEST_GROUP >> 20:,})"
                raise InputError(f"{self.path}: row group {group} has {size}: write it with smaller row groups")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        require("pyarrow.parquet", extra="embed", what=f"{self.path}: reading Parquet")
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            source = self.path.native() if isinstance(self.path, Remote) else str(self.path)
            with pq.ParquetFile(source, buffer_size=_BUFFER) as file:
                yield file
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.path}: not a complete Parquet file ({one_line(error, 200)}): copy it again"
            ) from error


def _leaf(batch: Any, column: str) -> Any:
    """The column itself, or the one field of it that was read; the field of a null is null."""
    (whole,) = batch.columns
    return whole.flatten()[0] if "." in column and column not in batch.schema.names else whole


def _picture(name: str, cell: Any) -> RawPicture:
    data = cell.as_buffer() if cell.is_valid else None
    if data is None:
        return RawPicture(name, b"", "no bytes in this row: write the data set with its pictures inside")
    if error := too_large(data.size):
        return RawPicture(name, b"", error)
    return RawPicture(name, data.to_pybytes())


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _safe(value: Any) -> str:
    """A name that does not lead out of its folder, as for archives; empty if it is not a name."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return ""
    return "/".join(part for part in PurePosixPath(value).parts if part not in ("/", "//", ".."))
