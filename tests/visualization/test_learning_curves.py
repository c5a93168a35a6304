"""Learning curves as a file: every figure is drawn where its axes say, and the file needs nothing but itself."""

import re
from importlib import resources
from xml.etree import ElementTree

import pytest

from drawn_curves import SVG, drawn_curves, expected_curves
from showtell.visualization.charts import HEIGHT, WIDTH
from showtell.visualization.learning_curves import learning_curves_svg

METRICS = [
    {
        "epoch": epoch,
        "train_loss": 5.0 / epoch,
        "val_loss": 5.5 / epoch,
        "bleu_4": 0.05 * epoch,
        "cider_d": 0.2 * epoch,
        "train_accuracy": 0.1 * epoch,
        "val_accuracy": 0.09 * epoch,
    }
    for epoch in range(1, 6)
]


def charts_of(document):
    charts = [svg for svg in ElementTree.fromstring(document).iter(f"{SVG}svg") if "aria-label" in svg.attrib]
    return {chart.attrib["aria-label"]: chart for chart in charts}


def scale(chart, anchor, place):
    """The function from values to places that the labels of an axis give."""
    texts = [t for t in chart.iter(f"{SVG}text") if t.attrib["text-anchor"] == anchor and "transform" not in t.attrib]
    labels = [(t.text.replace("\N{MINUS SIGN}", "-"), float(t.attrib[place])) for t in texts]
    values = [(float(text), at) for text, at in labels if text != "epoch"]
    (low, first), (high, last) = values[0], values[-1]
    return lambda value: first + (value - low) / (high - low) * (last - first)


def test_every_figure_is_drawn_where_the_axes_say():
    document = learning_curves_svg(METRICS)
    assert drawn_curves(document) == expected_curves(METRICS)
    charts = charts_of(document)
    assert list(charts) == ["Loss by epoch", "Scores by epoch", "Next word by epoch"]
    keys = (("train_loss", "val_loss"), ("bleu_4", "cider_d"), ("train_accuracy", "val_accuracy"))
    for chart, pair, times in zip(charts.values(), keys, (1, 100, 100), strict=True):
        x, y = scale(chart, "middle", "x"), scale(chart, "end", "y")
        for i, key in enumerate(pair):
            points = [c for c in chart.iter(f"{SVG}circle") if c.attrib["class"] == f"series-{i}"]
            for point, line in zip(points, METRICS, strict=True):
                assert 0 <= float(point.attrib["cx"]) <= WIDTH
                assert 0 <= float(point.attrib["cy"]) <= HEIGHT
                assert float(point.attrib["cx"]) == pytest.approx(x(line["epoch"]), abs=0.2)
                assert float(point.attrib["cy"]) + 4 == pytest.approx(y(times * line[key]), abs=0.2)  # 4: text's base


def test_charts_and_keys_lie_beside_each_other_inside_the_drawing():
    root = ElementTree.fromstring(learning_curves_svg(METRICS))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    places = [
        (float(svg.attrib["x"]), float(svg.attrib["y"]), float(svg.attrib["width"]), float(svg.attrib["height"]))
        for svg in root.findall(f"{SVG}svg")
    ]
    assert len(places) == 3
    for i, (x, y, w, h) in enumerate(places):
        assert x >= 0 and x + w <= width and y + h <= height  # noqa: PT018
        assert all(x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y for x2, y2, w2, h2 in places[:i])
    titles = [(t.text, float(t.attrib["x"])) for t in root.findall(f"{SVG}text") if t.attrib["class"] == "title"]
    assert titles == [("Loss", places[0][0]), ("Scores", places[1][0]), ("Next word", places[2][0])]
    keys = [t.text for t in root.findall(f"{SVG}text") if t.attrib["class"] == "key"]
    assert keys == ["training", "validation", "BLEU-4", "CIDEr-D", "training", "validation"]
    samples = [line.attrib["class"] for line in root.findall(f"{SVG}polyline")]
    assert samples == ["series-0", "series-1"] * 3


def test_a_curve_goes_through_the_epochs_that_have_its_figure():
    lines = [dict(line) for line in METRICS]
    for line in lines[3:]:
        del line["train_loss"]  # as self-critical training has none
    assert drawn_curves(learning_curves_svg(lines)) == expected_curves(lines)
    lines[1]["val_loss"], lines[2]["val_loss"] = float("nan"), float("inf")
    drawn = drawn_curves(learning_curves_svg(lines))
    assert drawn["Loss", "validation"] == [f"{METRICS[i]['val_loss']:.4g}" for i in (0, 3, 4)]
    assert {curve for curve, _ in drawn_curves(learning_curves_svg([{"epoch": 1, "bleu_4": 0.5}]))} == {"Scores"}


def test_a_run_without_epochs_is_a_picture_that_says_so():
    root = ElementTree.fromstring(learning_curves_svg([]))
    assert [text.text for text in root.iter(f"{SVG}text")] == ["no figures yet"]


def test_the_file_loads_nothing_and_styles_nothing_else():
    """A notebook puts the whole drawing, with its style, into its own page."""
    document = learning_curves_svg(METRICS)
    assert not re.search(r"href|url\(|@import|<script|<!", document)
    root = ElementTree.fromstring(document)
    assert root.attrib["class"] == "learning-curves"
    style = re.sub(r"/\*.*?\*/", "", root.findtext(f"{SVG}style"), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", style)
    assert len(selectors) > 10
    for selector in selectors:
        assert selector.strip().startswith((".learning-curves ", "@media (prefers-color-scheme: dark)")), selector


def test_its_colors_are_those_of_the_report_in_light_and_dark():
    pages = [("showtell.visualization", "page.css"), ("showtell.evaluation.report", "evaluation.css")]
    variables = ({}, {})
    for package, name in pages:
        for part, found in zip(split_schemes(read(package, name)), variables, strict=True):
            found |= dict(re.findall(r"--([\w-]+): (#\w+);", part))
    for part, known in zip(
        split_schemes(read("showtell.visualization", "learning_curves.css")), variables, strict=True
    ):
        used = dict(re.findall(r"\.learning-curves ([^{]+?) \{\s*(?:fill: none;[^}]*)?(?:fill|stroke): (#\w+)", part))
        assert used == {
            ".ground": known["card"],
            "text": known["soft"],
            ".title": known["ink"],
            ".rule": known["line"],
            "polyline.series-0": known["series-0"],
            "polyline.series-1": known["series-1"],
            "circle.series-0": known["series-0"],
            "circle.series-1": known["series-1"],
        }


def read(package, name):
    return resources.files(package).joinpath(name).read_text("utf-8")


def split_schemes(style):
    """A style sheet's rules for light, and those that dark changes: the block of its media query."""
    light, dark = "", ""
    for part in re.split(r"(?=@media)", style):
        if part.startswith("@media (prefers-color-scheme: dark)"):
            block, _, rest = part.partition("\n}\n")
            dark, light = dark + block, light + rest
        else:
            light += part if not part.startswith("@media") else part.partition("\n}\n")[2]
    return light, dark
