"""How many captions readers found right: docs/results/judgments.csv -> the table of docs/results/models.md.

    python benchmarks/judged_captions.py

Each row of the file is a caption that two readers judged by the picture alone: `right`, `partly` or `wrong`. Prints how
often each reader said so, for each set of pictures and each model; how often the readers agree, with Cohen's kappa; and
the area under the ROC curve of the confidence: how often a caption that both call right has a higher confidence than
one that both call wrong.
"""

import csv
from collections import Counter
from pathlib import Path

FILE = Path(__file__).parents[1] / "docs" / "results" / "judgments.csv"
LABELS = ("right", "partly", "wrong")


def read(path=FILE):
    """The rows of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(row[reader] in LABELS for row in rows for reader in ("reader_1", "reader_2"))
    return rows


def counts(rows, reader):
    """How many captions the reader calls right, partly right and wrong."""
    found = Counter(row[reader] for row in rows)
    return [found[label] for label in LABELS]


def kappa(rows):
    """The share of captions on which the readers agree, and Cohen's kappa (Cohen 1960)."""
    agreed = sum(row["reader_1"] == row["reader_2"] for row in rows) / len(rows)
    first, second = (counts(rows, reader) for reader in ("reader_1", "reader_2"))
    by_chance = sum(a * b for a, b in zip(first, second, strict=True)) / len(rows) ** 2
    return agreed, (agreed - by_chance) / (1 - by_chance)


def area_under_the_curve(rows):
    """How often a right caption has a higher confidence than a wrong one; ties count one half."""
    confidence = {
        label: [float(row["confidence"]) for row in rows if row["reader_1"] == row["reader_2"] == label]
        for label in ("right", "wrong")
    }
    pairs = [(right, wrong) for right in confidence["right"] for wrong in confidence["wrong"]]
    return sum((right > wrong) + (right == wrong) / 2 for right, wrong in pairs) / len(pairs), len(pairs)


def main():
    rows = read()
    print("| pictures | model | right | partly | wrong |\n|---|---|---|---|---|")
    for of in dict.fromkeys(row["set"] for row in rows):
        for model in dict.fromkeys(row["model"] for row in rows):
            some = [row for row in rows if (row["set"], row["model"]) == (of, model)]
            both = zip(counts(some, "reader_1"), counts(some, "reader_2"), strict=True)
            print(f"| {len(some)} of {of} | `{model}` | " + " | ".join(f"{a} / {b}" for a, b in both) + " |")
    agreed, chance = kappa(rows)
    print(f"\nThe readers agree on {agreed:.0%} of {len(rows)} captions; Cohen's kappa is {chance:.2f}.")
    for model in dict.fromkeys(row["model"] for row in rows):
        area, pairs = area_under_the_curve([row for row in rows if row["model"] == model])
        print(f"Area under the curve of the confidence of {model}: {area:.2f} ({pairs} pairs of right and wrong).")


if __name__ == "__main__":
    main()
