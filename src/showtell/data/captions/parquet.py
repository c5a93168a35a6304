"""A Parquet file with a column of captions -> rows.

If the file also has a column of pictures, as Hugging Face `datasets` writes it, each caption belongs to the picture of
its row, under the name that `showtell.data.sources.parquet` gives it. Otherwise a column has the pictures' names.
"""

from collections.abc import Iterator
from typing import Any

from showtell.data.captions.columns import Columns
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError, one_line, require

_PLACE = "__row__"


def _detect(file: CaptionFile, columns: Columns) -> bool:
    return file.is_parquet


@caption_format(
    "parquet",
    title="Parquet",
    help="a Parquet file with a column of captions, beside one of pictures or of their names (extra `embed`)",
    detect=_detect,
    order=11,
)
def read_parquet(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each row that has a name."""
    require("pyarrow.parquet", extra="embed", what=f"{file.where}: reading Parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path) as table:
            schema = table.schema_arrow
            pictures = any(_holds_pictures(one.type) for one in schema)
            named = [one.name for one in schema if not _holds_pictures(one.type)]
            found = columns.find([*named, _PLACE])
            if pictures:
                found = Columns(_PLACE, columns.caption, columns.split).find([*named, _PLACE])
            if isinstance(found, str):
                raise InputError(f"{file.where}: no column {found!r}: the columns are {', '.join(map(repr, named))}")
            names = iter(PictureSource(str(file.path)).names()) if pictures else None
            wanted = [one for one in (found.caption, found.split, None if names else found.picture) if one is not None]
            number = 0
            for batch in table.iter_batches(batch_size=1024, columns=wanted):
                for record in batch.to_pylist():
                    name = next(names) if names else record[found.picture]
                    yield _row(name, record, found.caption, found.split, f"{file.where}, row {number}")
                    number += 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file.where}: not a complete Parquet file ({one_line(error, 99)}): copy it again") from error


def _row(name: Any, record: dict[str, Any], caption: str, split: str | None, here: str) -> CaptionRow:
    value = record[caption]
    captions = value if isinstance(value, list) else [value]
    if not isinstance(name, (str, int)) or not all(one is None or isinstance(one, str) for one in captions):
        raise InputError(f"{here}: name or caption is not text")
    return CaptionRow(str(name), tuple(captions), str(record[split] or "") if split else "", here)


def _holds_pictures(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(one.name == "bytes" for one in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
