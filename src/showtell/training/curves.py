"""The figures of a run as lines and as a picture: losses on one side, scores on the other."""

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from showtell.files import write_bytes

_SECONDS = 2.0  # while epochs end faster than that, drawing them would take longer than training


def write_figures(folder: Path, metrics: Sequence[dict[str, Any]], *, soon: bool = False) -> None:
    """Write `metrics.jsonl`, a line for each epoch, and `curves.png` into the folder of a run.

    Arguments:
        folder: the run's.
        metrics: as for `curves_png`.
        soon: whether more is to come, so that a picture of the last two seconds may stay for now.
    """
    lines = "".join(json.dumps(line) + "\n" for line in metrics)
    write_bytes(folder / "metrics.jsonl", lines.encode())
    picture = folder / "curves.png"
    if not (soon and picture.exists() and 0 <= time.time() - picture.stat().st_mtime < _SECONDS):
        write_bytes(picture, curves_png(metrics))


def curves_png(metrics: Sequence[dict[str, Any]]) -> bytes:
    """Training and validation loss, and BLEU-4 and CIDEr-D x 100, against epochs: the bytes of a PNG.

    Arguments:
        metrics: a dictionary of figures for each epoch, as `metrics.jsonl` has them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # Margins are given and the canvas prints itself, because to find margins and `savefig` draw everything once more.
    figure = Figure(figsize=(9, 3.6), dpi=120)
    figure.subplots_adjust(left=0.075, right=0.99, bottom=0.14, top=0.96, wspace=0.18)
    canvas = FigureCanvasAgg(figure)
    losses, scores = figure.subplots(1, 2)
    epochs = [line["epoch"] for line in metrics]
    trained = [
        (line["epoch"], line["train_loss"]) for line in metrics if "train_loss" in line
    ]  # self-critical has none
    losses.plot(*zip(*trained, strict=True), "o-", ms=3, label="training")
    losses.plot(epochs, [line["val_loss"] for line in metrics], "o-", ms=3, label="validation")
    losses.set_ylabel("loss (nats per word)")
    scores.plot(epochs, [100 * line["bleu_4"] for line in metrics], "o-", ms=3, label="BLEU-4")
    scores.plot(epochs, [100 * line["cider_d"] for line in metrics], "o-", ms=3, label="CIDEr-D")
    scores.set_ylabel("validation score (x 100)")
    for axes in (losses, scores):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    picture = io.BytesIO()
    canvas.print_png(picture, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return picture.getvalue()
