"""Printing figures: as a table on the terminal, as JSON, or as Markdown, LaTeX or CSV for other documents."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from showtell.metrics.registry import FigureKind


class Format(StrEnum):
    """How figures are printed."""

    table = "table"
    json = "json"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"


HELP = "Print a table, JSON, or a table in Markdown, LaTeX or CSV."


def print_rows(format: Format, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown, LaTeX or CSV."""
    from showtell.visualization.tables import TABLES

    print(TABLES[format.value](columns, rows), end="")


def rows_of(
    values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]], kind_of: "Mapping[str, FigureKind]"
) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of figures with their intervals, as text."""
    rows = []
    for name, value in values.items():
        kind = kind_of[name]
        low, high = intervals.get(name, (None, None))
        ends = [] if not intervals else [""] * 2 if low is None or high is None else [kind.text(low), kind.text(high)]
        rows.append([kind.label, kind.text(value), *ends])
    return ["figure", "value", *(["95% low", "95% high"] if intervals else [])], rows
