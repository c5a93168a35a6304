"""The figures of a run -> the tools that people compare runs with: TensorBoard, Weights & Biases, MLflow, a CSV file.

Each is a `showtell.training.watch.Watch` that writes through the tool's own library, if that is installed. The loss of
steps goes there once in ten steps, and every figure of an epoch when it ends. A run that resumes continues its log.
"""

import contextlib
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from showtell.data.sources.base import Pictures
from showtell.errors import InputError, near, require
from showtell.training.recipe import Recipe
from showtell.training.watch import Progress, Watch

_EVERY = 10  # steps
Write = Callable[[int, Mapping[str, float]], None]
"""Writes figures by name, at a step of the run."""


class _FiguresTo:
    """Hands the figures of steps and epochs to a function."""

    def __init__(self, write: Write) -> None:
        self._write, self._step, self._epochs = write, 0, 0

    def begin(self, name: str, source: Pictures, references: Mapping[str, Sequence[str]]) -> None:
        """See `Watch`."""

    def step(self, progress: Progress) -> bool:
        """See `Watch`."""
        self._step = progress.done
        if progress.done % _EVERY == 1 or progress.step == progress.steps:
            self._write(progress.done, {f"step/{name}": value for name, value in progress.latest.items()})
        return False

    def epoch(self, metrics: Sequence[Mapping[str, Any]], captions: Mapping[str, str]) -> None:
        """See `Watch`."""
        if captions and metrics:  # else a run resumes, whose epochs are written already
            last = metrics[-1]
            numbers = {key: float(value) for key, value in last.items() if type(value) in (int, float)}
            self._write(int(last["step"]), numbers)


@contextlib.contextmanager
def _csv(recipe: Recipe, folder: Path) -> Iterator[Write]:
    path = folder / "log.csv"
    folder.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if is_new:
            rows.writerow(["step", "name", "value"])

        def write(step: int, figures: Mapping[str, float], file: TextIOWrapper = file) -> None:
            rows.writerows([step, name, f"{value:.6g}"] for name, value in figures.items())
            file.flush()

        yield write


@contextlib.contextmanager
def _tensorboard(recipe: Recipe, folder: Path) -> Iterator[Write]:
    require("tensorboardX", extra="tensorboard", what="--log tensorboard")
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder / "tensorboard")) as writer:

        def write(step: int, figures: Mapping[str, float]) -> None:
            for name, value in figures.items():
                writer.add_scalar(name, value, step)
            writer.flush()

        yield write


@contextlib.contextmanager
def _wandb(recipe: Recipe, folder: Path) -> Iterator[Write]:
    require("wandb", extra="wandb", what="--log wandb")
    import wandb

    run = wandb.init(
        project="showtell",
        name=recipe.name,
        id=_identity(folder),
        resume="allow",
        dir=str(folder),
        config=recipe.to_json(),
    )
    try:
        yield lambda step, figures: run.log(dict(figures), step=step)
    finally:
        run.finish()


@contextlib.contextmanager
def _mlflow(recipe: Recipe, folder: Path) -> Iterator[Write]:
    require("mlflow", extra="mlflow", what="--log mlflow")
    import mlflow

    mlflow.set_experiment("showtell")
    kept = folder / "mlflow-run.txt"
    before = kept.read_text().strip() if kept.exists() else None
    with mlflow.start_run(run_id=before, run_name=None if before else recipe.name) as run:
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(run.info.run_id)
        if not before:
            mlflow.log_dict(recipe.to_json(), "recipe.json")
        yield lambda step, figures: mlflow.log_metrics(dict(figures), step=step)


LOGS: Mapping[str, Callable[[Recipe, Path], contextlib.AbstractContextManager[Write]]] = {
    "csv": _csv,
    "mlflow": _mlflow,
    "tensorboard": _tensorboard,
    "wandb": _wandb,
}
"""The tools by name."""


@contextlib.contextmanager
def logged(names: Sequence[str], recipe: Recipe, folder: Path) -> Iterator[list[Watch]]:
    """Observers that write the figures of a run to some tools, while the block runs.

    Arguments:
        names: keys of `LOGS`.
        recipe: the run's; tools that keep settings get it.
        folder: the run's folder, where `csv` and `tensorboard` write.

    Raises:
        InputError: a name is unknown.
        MissingExtra: a tool's library is not installed.
    """
    for name in names:
        if name not in LOGS:
            raise InputError(f"--log {name}{near(name, LOGS)}: choose some of {', '.join(LOGS)}")
    with contextlib.ExitStack() as stack:
        yield [_FiguresTo(stack.enter_context(LOGS[name](recipe, folder))) for name in dict.fromkeys(names)]


def _identity(folder: Path) -> str:
    """The same for the same folder, so that a run that resumes continues its log."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
