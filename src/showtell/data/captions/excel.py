"""The first sheet of an Excel workbook (.xlsx), with a header row -> rows, by openpyxl."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from showtell.data.captions.columns import Columns
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.table import table_rows
from showtell.data.captions.text_file import MAX_UNPACKED, CaptionFile
from showtell.errors import InputError, one_line, require


def _detect(file: CaptionFile, columns: Columns) -> bool:
    return file.suffix in (".xlsx", ".xlsm")


@caption_format(
    "xlsx",
    title="Excel workbook (.xlsx)",
    help="the first sheet of an Excel workbook, with a header row (extra `excel`)",
    detect=_detect,
    order=10,
)
def read_xlsx(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each row of the first sheet."""
    return table_rows(file, _rows(file), columns)


def _rows(file: CaptionFile) -> Iterator[tuple[str, list[str]]]:
    require("openpyxl", extra="excel", what=f"{file.where}: reading an Excel workbook")
    from openpyxl import load_workbook

    try:
        _require_bounded(file)
        book = load_workbook(io.BytesIO(file.data), read_only=True, data_only=True)
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            yield f"{file.where}, row {number}", [_text(cell) for cell in cells]
    except (InputError, GeneratorExit):
        raise
    except Exception as error:  # of zipfile, of XML parsers and of openpyxl itself
        raise InputError(
            f"{file.where}: not a complete Excel workbook ({one_line(error, 99)}): save it again"
        ) from error


def _require_bounded(file: CaptionFile) -> None:
    """Refuse a workbook that unpacks to too much, whatever sizes its headers state."""
    total = 0
    with zipfile.ZipFile(io.BytesIO(file.data)) as parts:
        for part in parts.infolist():
            total += part.file_size
            if total > MAX_UNPACKED:
                limit = MAX_UNPACKED >> 20
                raise InputError(f"{file.where}: unpacks to more than {limit} MiB: save it as CSV, or in several parts")
            with parts.open(part) as content:
                while content.read(1 << 20):  # a wrong size is found here, piece by piece
                    pass


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
