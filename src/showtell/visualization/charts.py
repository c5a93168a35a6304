"""Numbers -> charts as SVG: lines, grouped bars, points with intervals. No script, no package.

A chart is 400 units wide, about the width of a phone, so that its text stays readable there; the page scales it. Its
colors are the classes `series-0` and `series-1` of the page's style sheet, which also differ in their strokes, so that
a chart is readable without color. Every mark has a tooltip, and the chart has an accessible name.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from showtell.visualization.html import escape

WIDTH, HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 44
_MOST_LABELS = 11  # of a category axis: more would overlap


@dataclass(frozen=True, slots=True)
class Series:
    """A name and its points (x, y), in the order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """A point with the interval of its y, and a note for its tooltip."""

    x: float
    y: float
    low: float
    high: float
    note: str


@dataclass(frozen=True, slots=True)
class _Axes:
    """Maps values to positions in the drawing."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def line_chart(name: str, series: Sequence[Series], x_label: str, y_label: str) -> str:
    """Series as lines through their points, and their key as HTML; arguments as for `line_drawing`."""
    return line_drawing(name, series, x_label, y_label) + _key([one.name for one in series], "line")


def line_drawing(name: str, series: Sequence[Series], x_label: str, y_label: str) -> str:
    """Series as lines through their points: one `svg` element, without a key.

    Arguments:
        name: what the chart shows, for screen readers.
        series: at most two, of at least one point each.
        x_label, y_label: labels of the axes, with units.
    """
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    x_ticks, y_ticks = ticks(min(xs), max(xs), whole=True), ticks(min(ys), max(ys))
    axes = _Axes(*_ends(xs), *_ends([*ys, y_ticks[0], y_ticks[-1]]))
    marks = [
        _horizontals(axes, y_ticks),
        _x_axis([(axes.x(x), f"{x:g}") for x in x_ticks if axes.x_low <= x <= axes.x_high]),
    ]
    for i, one in enumerate(series):
        places = [(axes.x(x), axes.y(y)) for x, y in one.points]
        marks.append(f'<polyline class="series-{i}" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
        marks += [
            f'<circle class="series-{i}" cx="{px}" cy="{py}" r="3"><title>{escape(one.name)}: {y:.4g}</title></circle>'
            for (px, py), (_, y) in zip(places, one.points, strict=True)
        ]
    return _drawing(name, marks, x_label, y_label)


def bar_chart(
    name: str, categories: Sequence[str], bars: Sequence[tuple[str, Sequence[float]]], x_label: str, y_label: str
) -> str:
    """Bars side by side, a group for each category.

    Arguments:
        name: what the chart shows, for screen readers.
        categories: labels of the groups, `(C,)`.
        bars: at most two pairs of a name and values `(C,)`, which are not negative.
        x_label, y_label: labels of the axes, with units.
    """
    y_ticks = ticks(0.0, max(value for _, values in bars for value in values))
    axes = _Axes(0, len(categories), 0, y_ticks[-1])
    every = math.ceil(len(categories) / _MOST_LABELS)
    labels = [(axes.x(i + 0.5), text) for i, text in enumerate(categories) if i % every == 0]
    marks = [_horizontals(axes, y_ticks), _x_axis(labels)]
    width = 0.8 / len(bars)
    for i, (of, values) in enumerate(bars):
        for j, value in enumerate(values):
            left, right = axes.x(j + 0.1 + i * width), axes.x(j + 0.1 + (i + 1) * width)
            top, bottom = axes.y(value), axes.y(0)
            marks.append(
                f'<rect class="series-{i}" x="{left}" y="{top}" width="{right - left:.1f}" height="{bottom - top:.1f}">'
                f"<title>{escape(of)}, {escape(categories[j])}: {value:.4g}</title></rect>"
            )
    return _drawing(name, marks, x_label, y_label) + _key([of for of, _ in bars], "bar")


def spread_chart(name: str, points: Sequence[Spread], x_label: str, y_label: str) -> str:
    """Points joined by a line, each with its interval."""
    y_ticks = ticks(min(0.0, *(point.low for point in points)), max(point.high for point in points))
    x_low, x_high = _ends([point.x for point in points])
    room = 0.03 * (x_high - x_low)
    axes = _Axes(x_low - room, x_high + room, y_ticks[0], y_ticks[-1])
    labels = [(axes.x(x), _number(x)) for x in ticks(x_low, x_high) if axes.x_low <= x <= axes.x_high]
    places = " ".join(f"{axes.x(point.x)},{axes.y(point.y)}" for point in points)
    marks = [_horizontals(axes, y_ticks), _x_axis(labels), f'<polyline class="series-0" points="{places}"/>']
    for point in points:
        x = axes.x(point.x)
        marks.append(
            f'<g class="spread"><title>{escape(point.note)}</title>'
            f'<path d="M{x} {axes.y(point.low)}V{axes.y(point.high)}"/>'
            f'<circle class="series-0" cx="{x}" cy="{axes.y(point.y)}" r="4"/></g>'
        )
    return _drawing(name, marks, x_label, y_label)


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Four to eight round numbers from at or below `low` to at or above `high`; `whole` for whole numbers only."""
    span = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if span / (power * factor) <= 6)
    step = max(1.0, round(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _drawing(name: str, marks: Sequence[str], x_label: str, y_label: str) -> str:
    below = f'x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 6}"'
    beside = f'transform="translate(11 {(_TOP + HEIGHT - _BOTTOM) / 2}) rotate(-90)"'
    lines = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">',
        *marks,
        f'<text {below} text-anchor="middle">{escape(x_label)}</text>',
        f'<text {beside} text-anchor="middle">{escape(y_label)}</text>',
        "</svg>\n",
    )
    return "\n".join(lines)


def _horizontals(axes: _Axes, values: Sequence[float]) -> str:
    return "\n".join(
        f'<path class="rule" d="M{_LEFT} {axes.y(value)}H{WIDTH - _RIGHT}"/>'
        f'<text x="{_LEFT - 6}" y="{axes.y(value) + 4}" text-anchor="end">{_number(value)}</text>'
        for value in values
    )


def _x_axis(labels: Sequence[tuple[float, str]]) -> str:
    y = HEIGHT - _BOTTOM + 20
    return "\n".join(f'<text x="{x}" y="{y}" text-anchor="middle">{escape(text)}</text>' for x, text in labels)


def _key(names: Sequence[str], shape: str) -> str:
    if len(names) == 1:
        return ""  # the axis says what it is
    items = "".join(
        f'<li><span class="swatch {shape} series-{i}"></span>{escape(of)}</li>' for i, of in enumerate(names)
    )
    return f'<ul class="key" role="list">{items}</ul>\n'


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def panel(title: str, body: str, note: str) -> str:
    sentence = f'<p class="label">{note}</p>\n' if note else ""
    return f'<div class="panel">\n<h3>{escape(title)}</h3>\n{body}{sentence}</div>\n'
