"""What a file of learning curves shows, read by an XML parser: any other reader of SVG must accept it, too."""

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def drawn_curves(document: str) -> dict[tuple[str, str], list[str]]:
    """The values that are drawn, as their tooltips write them, by the chart's title and the curve's name."""
    root = ElementTree.fromstring(document)
    assert root.tag == f"{SVG}svg"
    found: dict[tuple[str, str], list[str]] = {}
    for chart in root.iter(f"{SVG}svg"):
        if "aria-label" in chart.attrib:
            title = chart.attrib["aria-label"].removesuffix(" by epoch")
            for point in chart.iter(f"{SVG}circle"):
                name, value = point.findtext(f"{SVG}title", "").split(": ")
                found.setdefault((title, name), []).append(value)
    return found


def expected_curves(metrics: list[dict[str, float]]) -> dict[tuple[str, str], list[str]]:
    """The values that should be drawn of the lines of `metrics.jsonl`."""
    figures = {
        ("Loss", "training"): (1, "train_loss"),
        ("Loss", "validation"): (1, "val_loss"),
        ("Scores", "BLEU-4"): (100, "bleu_4"),
        ("Scores", "CIDEr-D"): (100, "cider_d"),
        ("Next word", "training"): (100, "train_accuracy"),
        ("Next word", "validation"): (100, "val_accuracy"),
    }
    values = {
        curve: [f"{times * line[key]:.4g}" for line in metrics if key in line]
        for curve, (times, key) in figures.items()
    }
    return {curve: found for curve, found in values.items() if found}
