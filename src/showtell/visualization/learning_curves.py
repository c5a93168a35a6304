"""The history of a training run -> charts of its losses and scores, in a page or as a file of their own.

`charts` draws both, because training would need matplotlib for this file alone: seven packages of 75 MB, 0.5 s for the
first drawing and 0.1 s for each later one. `charts` takes half a millisecond for 20 epochs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from showtell.visualization.charts import HEIGHT, WIDTH, Series, line_chart, line_drawing, panel
from showtell.visualization.html import escape

_CURVES = (
    ("Loss", "nats per word", 1, (("training", "train_loss"), ("validation", "val_loss"))),
    ("Scores", "score x 100", 100, (("BLEU-4", "bleu_4"), ("CIDEr-D", "cider_d"))),
    ("Next word", "% correct", 100, (("training", "train_accuracy"), ("validation", "val_accuracy"))),
)
_MARGIN, _GAP, _HEADING = 16, 24, 30  # around all charts, between two, and above each for its title and key
_COLUMNS = 2  # so that a notebook and most windows show them in their own size


def training_panels(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Panels of loss, scores and next-word accuracy by epoch; a curve has the epochs that have its figure."""
    return [
        panel(title, line_chart(f"{title} by epoch", series, "epoch", unit), "")
        for title, unit, series in _charts(epochs)
    ]


def learning_curves_svg(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Loss, BLEU-4, CIDEr-D and next-word accuracy against epochs: an SVG document, light or dark as its viewer asks.

    Arguments:
        metrics: a dictionary of figures for each epoch, as `metrics.jsonl` has them. A curve goes through the epochs
            that have its figure.
    """
    return charts_svg("Learning curves", "epoch", list(_charts(metrics)))


def charts_svg(name: str, x_label: str, charts: Sequence[tuple[str, str, Sequence[Series]]]) -> str:
    """Line charts side by side: an SVG document, light or dark as its viewer asks.

    Arguments:
        name: what the document shows, its title.
        x_label: label of the horizontal axes, such as `epoch`.
        charts: title, unit of the vertical axis and at most two series of each chart.
    """
    across, down = min(len(charts), _COLUMNS) or 1, math.ceil(len(charts) / _COLUMNS) or 1
    width = 2 * _MARGIN + across * (WIDTH + _GAP) - _GAP
    height = 2 * _MARGIN + down * (_HEADING + HEIGHT + _GAP) - _GAP
    body = []
    for i, chart in enumerate(charts):
        row, column = divmod(i, _COLUMNS)
        left, top = _MARGIN + column * (WIDTH + _GAP), _MARGIN + row * (_HEADING + HEIGHT + _GAP)
        body.append(_titled_chart(left, top, x_label, *chart))
    if not charts:
        body.append(f'<text x="{width / 2}" y="{height / 2}" text-anchor="middle">no figures yet</text>\n')
    style = resources.files(__package__).joinpath("learning_curves.css").read_text("utf-8")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="learning-curves" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">\n<title>{escape(name)}</title>\n<style>\n{style}</style>\n'
        f'<rect class="ground" width="{width}" height="{height}"/>\n{"".join(body)}</svg>\n'
    )


def _charts(epochs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Series]]]:
    """Title, unit and series of each chart that has a point."""
    for title, unit, times, curves in _CURVES:
        series = []
        for name, key in curves:
            points = ((float(e["epoch"]), times * float(e[key])) for e in epochs if key in e and "epoch" in e)
            drawable = tuple(point for point in points if math.isfinite(point[1]))
            if drawable:
                series.append(Series(name, drawable))
        if series:
            yield title, unit, series


def _titled_chart(left: int, top: int, x_label: str, title: str, unit: str, series: Sequence[Series]) -> str:
    """A chart in its place, below its title and its key."""
    line = top + 14  # the text's
    parts = [f'<text class="title" x="{left}" y="{line}">{escape(title)}</text>']
    for i, one in enumerate(series):
        x = left + WIDTH - 110 * (len(series) - i)
        parts.append(f'<polyline class="series-{i}" points="{x},{line - 4} {x + 22},{line - 4}"/>')
        parts.append(f'<text class="key" x="{x + 28}" y="{line}">{escape(one.name)}</text>')
    parts.append(f'<svg x="{left}" y="{top + _HEADING}" width="{WIDTH}" height="{HEIGHT}">')
    drawing = line_drawing(f"{title} by {x_label}", series, x_label, unit)
    return "\n".join(parts) + f"\n{drawing}</svg>\n"
