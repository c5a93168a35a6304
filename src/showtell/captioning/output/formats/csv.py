"""Captions as comma-separated values (RFC 4180, with line feeds): a row for each caption."""

import csv
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from showtell.captioning.output.registry import Layout, Write, output_format
from showtell.files import csv_cell

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned

COLUMNS = ("name", "caption", "score", "error", "confidence", "unfamiliar", "guess", "tags")
_TEXTS = ("name", "caption", "error", "guess", "tags")  # text from elsewhere, which must not become a formula


@output_format("csv", "a table for spreadsheets, a row for each caption", table=True, suffixes=(".csv",))
def write_csv(file: IO[str], layout: Layout) -> Iterator[Write]:
    """Write a header, and a row for each caption; unknown values are empty cells."""
    from showtell.captioning.output.row import to_cells, with_tags

    columns = [name for name in COLUMNS if layout.columns is None or name in layout.columns]
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)

    def write(result: "Captioned") -> None:
        for cells in to_cells(with_tags(result, layout.tags), exact=layout.exact):
            rows.writerow(
                [csv_cell(cells.get(name, "")) if name in _TEXTS else cells.get(name, "") for name in columns]
            )

    yield write
