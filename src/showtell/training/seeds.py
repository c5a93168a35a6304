"""One recipe trained with several seeds, to measure how much of a figure is due to chance.

RUN/
  embeddings/        one store for all runs (unless another folder is named) seed-1/ ...        a run for each seed, as
  in `showtell.training.run` seeds.json         the best epoch's figures of each seed, their mean and standard deviation
"""

import dataclasses
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.files import write_json
from showtell.progress import log_line
from showtell.training.loop import Say
from showtell.training.recipe import Recipe
from showtell.training.run import TrainResult, train

FIGURES = ("val_loss", "val_accuracy", "bleu_4", "cider_d")


@dataclass(frozen=True, slots=True)
class SeedsResult:
    """The runs by seed, the figures of their exported epochs, and the mean and (sample) standard deviation of these."""

    runs: dict[int, TrainResult]
    best: dict[int, dict[str, Any]]
    mean: dict[str, float]
    deviation: dict[str, float]


def train_seeds(
    recipe: Recipe,
    folder: str | Path,
    count: int,
    *,
    root: str | Path = ".",
    store: str | Path | None = None,
    begin_from: str | Path | None = None,
    device: str = "auto",
    show: bool = True,
    say: Say = log_line,
) -> SeedsResult:
    """Train `recipe` with `count` seeds, from its own seed upwards; finished runs are not trained again.

    Arguments and errors are those of `showtell.training.train`; also an `InputError` if `count` is below 2.
    """
    if count < 2:
        raise InputError(f"the number of seeds must be at least 2, not {count}")
    folder = Path(folder)
    first = recipe.training.seed
    runs: dict[int, TrainResult] = {}
    for seed in range(first, first + count):
        say(f"seed {seed} ({seed - first + 1} of {count})")
        seeded = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, seed=seed))
        runs[seed] = train(
            seeded,
            folder / f"seed-{seed}",
            root=root,
            store=store or folder / "embeddings",
            begin_from=begin_from,
            device=device,
            show=show,
            say=say,
        )
    best = {seed: run.best for seed, run in runs.items()}
    values = {figure: [line[figure] for line in best.values()] for figure in FIGURES}
    mean = {figure: statistics.mean(found) for figure, found in values.items()}
    deviation = {figure: statistics.stdev(found) for figure, found in values.items()}
    write_json(
        folder / "seeds.json",
        {"best": {str(seed): line for seed, line in best.items()}, "mean": mean, "deviation": deviation},
    )
    say(
        f"{count} seeds: BLEU-4 {100 * mean['bleu_4']:.1f} ± {100 * deviation['bleu_4']:.1f}, "
        f"CIDEr-D {100 * mean['cider_d']:.1f} ± {100 * deviation['cider_d']:.1f} (mean ± standard deviation)"
    )
    return SeedsResult(runs, best, mean, deviation)
