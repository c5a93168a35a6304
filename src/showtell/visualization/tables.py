"""Rows of text -> a table as Markdown, LaTeX or CSV, for papers, repositories and spreadsheets."""

import csv
import io
import re
from collections.abc import Callable, Sequence

from showtell.files import csv_cell

_NUMBERS = re.compile(r"[-+]?[\d.,]+%?( to [-+]?[\d.,]+%?)?")  # a spreadsheet runs none of these
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of GitHub's Markdown; the first column is text, the others are aligned to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join(f"| {' | '.join(_in_markdown(cell) for cell in line)} |\n" for line in lines)


def latex_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A `tabular` with the rules of the package booktabs."""
    lines = [" & ".join(map(_in_latex, line)) + r" \\" for line in (columns, *rows)]
    head, body = lines[0], "\n".join(lines[1:])
    return (
        f"\\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}\n\\toprule\n{head}\n\\midrule\n{body}\n"
        "\\bottomrule\n\\end{tabular}\n"
    )


def csv_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A CSV file with a header (RFC 4180), whose cells run in no spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[cell if _NUMBERS.fullmatch(cell) else csv_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


TABLES: dict[str, Callable[[Sequence[str], Sequence[Sequence[str]]], str]] = {
    "markdown": markdown_table,
    "latex": latex_table,
    "csv": csv_table,
}
"""Functions from columns and rows to a table, by the name of its format."""


def _in_markdown(cell: str) -> str:
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").split())


def _in_latex(cell: str) -> str:
    escaped = "".join(_LATEX.get(letter, letter) for letter in " ".join(cell.split()))
    return escaped if escaped != "-" else "--"
