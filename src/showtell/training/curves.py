"""The figures of a run -> files in its folder: a line for each epoch, and learning curves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from showtell.files import write_bytes
from showtell.visualization.learning_curves import learning_curves_svg


def write_figures(folder: Path, metrics: Sequence[dict[str, Any]]) -> None:
    """Write `metrics.jsonl` and `curves.svg` into the folder of a run.

    Arguments:
        folder: the run's folder.
        metrics: as for `learning_curves_svg`.
    """
    lines = "".join(json.dumps(line) + "\n" for line in metrics)
    write_bytes(folder / "metrics.jsonl", lines.encode())
    write_bytes(folder / "curves.svg", learning_curves_svg(metrics).encode())
