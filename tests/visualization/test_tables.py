"""Tables for papers, repositories and spreadsheets."""

import csv
import io

from showtell.visualization.tables import csv_table, latex_table, markdown_table

COLUMNS = ["figure", "a_b", "x|y"]
ROWS = [["hallucinated", "12.5%", "-3.1 to +2.0"], ["=1+1", "$1 & #2", "\\"]]


def test_markdown_keeps_cells_apart():
    assert markdown_table(COLUMNS, ROWS).splitlines() == [
        "| figure | a_b | x\\|y |",
        "| --- | ---: | ---: |",
        "| hallucinated | 12.5% | -3.1 to +2.0 |",
        "| =1+1 | $1 & #2 | \\\\ |",
    ]


def test_latex_escapes_what_it_would_read_as_commands():
    assert latex_table(COLUMNS, ROWS).splitlines() == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"figure & a\_b & x|y \\",
        r"\midrule",
        r"hallucinated & 12.5\% & -3.1 to +2.0 \\",
        r"=1+1 & \$1 \& \#2 & \textbackslash{} \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_has_numbers_as_they_are_and_runs_nothing():
    rows = list(csv.reader(io.StringIO(csv_table(COLUMNS, ROWS))))
    assert rows == [COLUMNS, ["hallucinated", "12.5%", "-3.1 to +2.0"], ["'=1+1", "$1 & #2", "\\"]]
