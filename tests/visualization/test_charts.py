"""Charts: what they draw stands where the numbers say."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from html_tree import read
from showtell.visualization.charts import Series, Spread, bar_chart, line_chart, spread_chart, ticks

NUMBER = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))


def places_of(page, css_class="series-0"):
    return [(float(c.attributes["cx"]), float(c.attributes["cy"])) for c in page.all("circle", css_class)]


def tick_labels(page, anchor):
    texts = [t for t in page.all("text") if t.attributes["text-anchor"] == anchor and "transform" not in t.attributes]
    return [(t.text.replace("\N{MINUS SIGN}", "-"), t.attributes) for t in texts]


@given(NUMBER, NUMBER)
def test_ticks_are_few_round_and_enclose_the_values(one, other):
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    step = found[1] - found[0]
    assert float(f"{step:.6e}".split("e")[0]) in (1.0, 2.0, 2.5, 5.0)
    assert len({f"{value:.6g}" for value in found}) == len(found) or step < 1e-5 * abs(low)
    slack = 1e-6 * step
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    whole = ticks(low, high, whole=True)
    assert all(value == round(value) for value in whole)


def test_a_line_goes_through_its_points_in_the_scale_of_its_labels():
    svg = read(line_chart("losses", [Series("training", ((1.0, 4.0), (2.0, 3.0), (5.0, 1.0)))], "epoch", "nats"))
    points = places_of(svg)
    labels = [(float(text), float(a["y"]) - 4) for text, a in tick_labels(svg, "end")]
    (v0, y0), (v1, y1) = labels[0], labels[-1]
    for (_, y), value in zip(points, (4.0, 3.0, 1.0), strict=True):
        assert y == pytest.approx(y0 + (value - v0) / (v1 - v0) * (y1 - y0), abs=0.2)
    assert (points[1][0] - points[0][0]) * 4 == pytest.approx(points[2][0] - points[0][0], abs=0.5)
    assert svg.one("polyline").attributes["points"] == " ".join(f"{x},{y}" for x, y in points)
    assert svg.one("svg").attributes["aria-label"] == "losses"


def test_bars_are_as_high_as_their_values_and_stand_on_one_line():
    svg = read(bar_chart("lengths", ["1", "2", "3"], [("model", [1, 4, 0]), ("people", [2, 2, 3])], "words", "%"))
    bars = svg.all("rect")
    heights = [float(bar.attributes["height"]) for bar in bars]
    assert [height / heights[0] for height in heights] == pytest.approx([1, 4, 0, 2, 2, 3], abs=0.02)
    feet = {round(float(bar.attributes["y"]) + float(bar.attributes["height"]), 1) for bar in bars}
    assert len(feet) == 1
    spans = sorted((float(b.attributes["x"]), float(b.attributes["x"]) + float(b.attributes["width"])) for b in bars)
    assert all(right <= left + 0.2 for (_, right), (left, _) in pairwise(spans))
    assert [item.text for item in svg.one("ul", "key").all("li")] == ["model", "people"]


def test_many_categories_are_labelled_sparsely():
    svg = read(bar_chart("lengths", [str(i) for i in range(40)], [("model", [1.0] * 40)], "words", "%"))
    labels = [text for text, _ in tick_labels(svg, "middle") if text.isdigit()]
    assert 5 <= len(labels) <= 11
    assert labels[:2] == ["0", "4"]


def test_an_interval_reaches_from_its_low_to_its_high_end():
    svg = read(spread_chart("trust", [Spread(-2, 10, 5, 20, "ten"), Spread(-1, 40, 35, 50, "ten more")], "score", "y"))
    (_, y0), (_, y1) = places_of(svg)
    unit = (y0 - y1) / 30
    for group, (low, value, high) in zip(svg.all("g", "spread"), ((5, 10, 20), (35, 40, 50)), strict=True):
        bottom, top = map(float, re.fullmatch(r"M[\d.]+ ([\d.]+)V([\d.]+)", group.one("path").attributes["d"]).groups())
        y = float(group.one("circle").attributes["cy"])
        assert (bottom - y, y - top) == pytest.approx(((value - low) * unit, (high - value) * unit), abs=0.2)
    assert [title.text for title in svg.all("title")] == ["ten", "ten more"]


def test_one_point_and_equal_values_can_be_drawn():
    for points in (((3.0, 2.0),), ((1.0, 2.0), (2.0, 2.0))):
        svg = read(line_chart("flat", [Series("a", points)], "epoch", "y"))
        assert all(0 <= x <= 400 and 0 <= y <= 250 for x, y in places_of(svg))
    assert read(bar_chart("none", ["a"], [("model", [0.0])], "x", "y")).one("rect").attributes["height"] == "0.0"


def test_names_cannot_break_out_of_a_chart():
    hostile = '"><script>alert(1)</script>'
    svg = read(bar_chart(hostile, [hostile], [(hostile, [1.0]), (hostile, [1.0])], hostile, hostile))
    assert not svg.all("script")
    assert svg.one("svg").attributes["aria-label"] == hostile
