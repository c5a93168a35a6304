"""The history of a training run -> charts of its losses and scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from showtell.visualization.charts import Series, line_chart, panel

_CURVES = (
    ("Loss", "nats per word", 1, (("training", "train_loss"), ("validation", "val_loss"))),
    ("Scores", "score x 100", 100, (("BLEU-4", "bleu_4"), ("CIDEr-D", "cider_d"))),
    ("Next word", "% correct", 100, (("training", "train_accuracy"), ("validation", "val_accuracy"))),
)


def training_panels(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Panels of loss, scores and next-word accuracy by epoch; a curve has the epochs that have its figure."""
    panels = []
    for title, unit, times, curves in _CURVES:
        series = []
        for name, key in curves:
            points = tuple((float(e["epoch"]), times * float(e[key])) for e in epochs if key in e and "epoch" in e)
            if points:
                series.append(Series(name, points))
        if series:
            panels.append(panel(title, line_chart(f"{title} by epoch", series, "epoch", unit), ""))
    return panels
