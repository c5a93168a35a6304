"""A comparison of two systems -> one HTML file: the differences, and the pictures whose captions differ most."""

from collections.abc import Callable, Sequence

from PIL import Image

from showtell.evaluation.comparison import ComparedPicture, Comparison, differing_most
from showtell.evaluation.figures import kind_of
from showtell.visualization.html import counted, document, escape, grid, thumbnail

SHOWN = 12
"""Most pictures in which each system is better."""


def comparison_page(
    comparison: Comparison,
    pictures: Callable[[str], Image.Image | None],
    metric: str,
    rows: Sequence[Sequence[str]],
    columns: Sequence[str],
    count: int = SHOWN,
) -> str:
    """The text of a self-contained page.

    Arguments:
        comparison: what to show.
        pictures: gives a picture by its name, or None.
        metric: the metric by which pictures differ.
        rows, columns: the table of the differences, as text.
        count: most pictures in which each system is better.
    """
    first, second = comparison.names
    better, worse = differing_most(comparison, metric, count)
    sections = [
        ("Differences", "differences", _table(columns, rows)),
        (f"Pictures with a better caption by {second}", "second", _shown(better, comparison, pictures, metric)),
        (f"Pictures with a better caption by {first}", "first", _shown(worse, comparison, pictures, metric)),
    ]
    main = "\n".join(
        f'<section id="{anchor}">\n<h2>{escape(title)}</h2>\n{body}</section>'
        for title, anchor, body in sections
        if body
    )
    header = f"<p>{counted(len(comparison.pictures), 'picture')}, each compared with people's captions.</p>"
    return document(
        f"{first} and {second}",
        header,
        main,
        comparison.signature,
        styles=(("showtell.visualization", "page.css"), (__package__, "evaluation.css")),
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>\n'
        for name, *cells in rows
    )
    note = (
        "Scores are times 100. Intervals hold 95% of the resamples of a paired bootstrap over the pictures; "
        "p is that of approximate randomization."
    )
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"
    scrolled = f'<div class="wide" role="region" aria-label="Differences" tabindex="0">{table}</div>'
    return f'{scrolled}\n<p class="label">{note}</p>\n'


def _shown(
    chosen: Sequence[ComparedPicture],
    comparison: Comparison,
    pictures: Callable[[str], Image.Image | None],
    metric: str,
) -> str:
    return grid([_figure(one, comparison, pictures, metric) for one in chosen]) if chosen else ""


def _figure(
    picture: ComparedPicture, comparison: Comparison, pictures: Callable[[str], Image.Image | None], metric: str
) -> str:
    label, text = kind_of(metric).label, kind_of(metric).text
    said = "".join(
        f'<p class="about"><bdi>{escape(name)}</bdi><span>{escape(label)} {text(scores[metric])}</span></p>\n'
        f'<p class="caption">{escape(caption) or "(empty)"}</p>\n'
        for name, caption, scores in zip(comparison.names, picture.captions, picture.scores, strict=True)
    )
    references = "".join(f"<li>{escape(one)}</li>" for one in picture.references)
    return (
        f"<figure>\n{thumbnail(pictures(picture.name), picture.references[0])}\n<figcaption>\n{said}"
        f'<p class="label">Captions by people:</p>\n<ul class="references">{references}</ul>\n'
        f'<p class="about"><bdi>{escape(picture.name)}</bdi></p>\n</figcaption>\n</figure>'
    )
