"""Tables with a header row -> rows: CSV and TSV as programs and people write them.

The delimiter is a comma, semicolon, tab or bar, whichever makes the header contain the columns; Excel's line `sep=;` is
understood. Rows may be shorter than the header, or longer by empty fields. A row without a caption field is left out
and counted. A row with too many fields is an error, because a caption would lose its end.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from showtell.data.captions.columns import Columns, FoundColumns
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError
from showtell.files import csv_text

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BY_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def _detect_csv(file: CaptionFile, columns: Columns) -> bool:
    if not file.is_text:
        return False
    return file.suffix == ".csv" or (file.suffix not in _BY_SUFFIX and bool(_fitting(file, columns, ",")))


def _detect_tsv(file: CaptionFile, columns: Columns) -> bool:
    return file.is_text and _BY_SUFFIX.get(file.suffix) == "\t"


@caption_format(
    "csv",
    title="CSV or TSV with a header row",
    help="a table with a header row, divided by commas, semicolons, tabs or bars",
    detect=_detect_csv,
    order=91,
)
def read_csv(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each row of the table."""
    return _divided(file, columns, ",")


@caption_format("tsv", title="TSV", help="likewise, by tabs unless it looks otherwise", detect=_detect_tsv, order=90)
def read_tsv(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each row of the table."""
    return _divided(file, columns, "\t")


def table_rows(
    file: CaptionFile, rows: Iterable[tuple[str, Sequence[str]]], columns: Columns, *, spaced: bool = False
) -> Iterator[CaptionRow]:
    """Rows of a table whose first row is its header.

    Arguments:
        file: the file, to which notes are added.
        rows: the place of each row, for messages, and its fields.
        columns: which columns to read.
        spaced: whether spaces around fields belong to the table and not to the texts.
    """
    header: list[str] = []
    places: list[int] = []
    short, first_short = 0, ""
    for here, given in rows:
        fields = [field.strip() for field in given] if spaced else list(given)
        if not any(map(str.strip, fields)):
            continue
        if not header:
            header = [name.strip() for name in fields]
            found = _found(header, here, columns)
            file.note(found.note)
            places = [header.index(name) for name in (found.picture, found.caption, found.split) if name is not None]
            continue
        while len(fields) > len(header) and not fields[-1].strip():
            fields.pop()
        if len(fields) > len(header):
            raise InputError(
                f"{here}: {len(fields)} fields where the header has {len(header)}: "
                'put captions that hold the delimiter in "quotes"'
            )
        if len(fields) <= max(places[:2]):
            short, first_short = short + 1, first_short or here
            continue
        split = fields[places[2]].strip() if len(places) > 2 and places[2] < len(fields) else ""
        yield CaptionRow(csv_text(fields[places[0]]), (csv_text(fields[places[1]]),), split, here)
    if short:
        count = "1 row has no caption and is" if short == 1 else f"{short:,} rows have no caption and are"
        file.note(f"{count} left out, first {first_short}")


def _divided(file: CaptionFile, columns: Columns, usual: str) -> Iterator[CaptionRow]:
    text, skipped, delimiter = _without_sep_line(file.text)
    if not delimiter:
        delimiter = _fitting(file, columns, usual) or usual
    if delimiter != usual:
        file.note(f"fields are divided by {_DELIMITERS.get(delimiter, repr(delimiter))}")
    rows = _fields(text, file.where, delimiter, skipped)
    return table_rows(file, rows, columns, spaced=delimiter == "|")


def _fields(text: str, where: str, delimiter: str, skipped: int) -> Iterator[tuple[str, list[str]]]:
    # Strict, because a caption with a stray quote or comma would otherwise lose its end silently.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1 + skipped
    try:
        for fields in reader:
            yield f"{where}, line {number}", fields
            number = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise InputError(f"{where}, line {number}: bad quoting ({error}): inside quotes, double every quote") from error


def _without_sep_line(text: str) -> tuple[str, int, str]:
    """The text after Excel's line `sep=;`, the number of lines skipped, and the delimiter of that line."""
    first, _, rest = text.partition("\n")
    line = first.strip("\r").strip('"')
    if len(line) == 5 and line.lower().startswith("sep="):
        return rest, 1, line[4]
    return text, 0, ""


def _fitting(file: CaptionFile, columns: Columns, usual: str) -> str:
    """The delimiter with which the header contains the columns, empty if there is none."""
    text, _, delimiter = _without_sep_line(file.text)
    if delimiter:
        return delimiter
    header = next((line for line in io.StringIO(text) if line.strip()), "").rstrip("\r\n")
    for one in dict.fromkeys((usual, *_DELIMITERS)):
        try:
            names = next(csv.reader([header], delimiter=one), [])
        except csv.Error:
            continue
        if isinstance(columns.find([name.strip(' "') for name in names]), FoundColumns):
            return one
    return ""


def _found(header: list[str], here: str, columns: Columns) -> FoundColumns:
    found = columns.find(header)
    if isinstance(found, str):
        have = ", ".join(map(repr, header))
        raise InputError(
            f"{here}: no column {found!r}: the columns are {have}; name those for picture and caption "
            "with --picture-column and --caption-column"
        )
    return found
