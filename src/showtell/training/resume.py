"""Resuming a run: whose folder it is, where the run stands, and whether a checkpoint fits.

A run resumes from its own `last` checkpoint, or begins from a checkpoint of another run (`showtell train --from`), such
as the course notebook's `weights_3`. Either way its position is a `TrainingState`, which a checkpoint stores beside its
tensors.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.files import read_json, write_json
from showtell.metrics.registry import figures_by_key
from showtell.models.names import SUFFIX
from showtell.text import Vocabulary
from showtell.training.checkpoint import Checkpoint, load_checkpoint
from showtell.training.recipe import Recipe, TrainingOptions, recipe_from
from showtell.training.stages.base import Stage


@dataclass(slots=True)
class TrainingState:
    """Where a run stands.

    `step` counts steps, `metrics` has the figures of the epochs that have ended; `sums` are of figures over `weight`
    words or captions of the epoch since. The weights of epochs before number `own_from` (from 0) were another run's, so
    they are not for this one to export.
    """

    step: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    weight: int = 0
    own_from: int = 0

    def add(self, sums: Mapping[str, float], weight: int) -> None:
        """Take one more step, with the sums of figures over `weight` words or captions that it found."""
        self.step += 1
        self.weight += weight
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def figures(self) -> dict[str, float]:
        """The means of the epoch so far."""
        return {name: value / self.weight for name, value in self.sums.items()}

    def end_epoch(self, figures: dict[str, Any]) -> None:
        """Note an epoch's figures and begin the next."""
        self.metrics.append(figures)
        self.sums, self.weight = {}, 0

    def own_metrics(self) -> list[dict[str, Any]]:
        """The figures of the epochs whose weights this run may export."""
        return self.metrics[self.own_from :]


@dataclass(frozen=True, slots=True)
class CurrentEpoch:
    """The epoch that a run is in: number `epoch` of `stage`. They began at steps `epoch_step` and `stage_step`."""

    stage: Stage
    epoch: int
    stage_step: int
    epoch_step: int


def current_epoch(
    metrics: Sequence[dict[str, Any]], stages: Sequence[Stage], options: TrainingOptions
) -> CurrentEpoch | None:
    """The epoch that follows those in `metrics`; None where all is done.

    A stage is over after its epochs, or with `patience` when so many in a row have brought nothing better.
    """
    stage_step = 0
    for stage in stages:
        lines = _lines_of(stage, metrics)
        stalled = options.patience and len(lines) - _best_index(lines, options) > options.patience
        if len(lines) < stage.epochs and not stalled:
            return CurrentEpoch(stage, len(lines), stage_step, _steps(metrics, stages))
        stage_step += len(stage) * len(lines)
    return None


def stage_behind(state: TrainingState, stages: Sequence[Stage], options: TrainingOptions) -> Stage:
    """The stage that the last step of a run was of; the first where there was none yet."""
    current = current_epoch(state.metrics, stages, options)
    if current and (state.step > current.epoch_step or not state.metrics):
        return current.stage
    return next(stage for stage in stages if stage.name == state.metrics[-1]["stage"])


def best_of(metrics: Sequence[dict[str, Any]], options: TrainingOptions) -> dict[str, Any]:
    """The figures of the epoch that `best_by` prefers, the earliest of equals."""
    return metrics[_best_index(metrics, options)]


def _best_index(metrics: Sequence[dict[str, Any]], options: TrainingOptions) -> int:
    if options.best_by == "last":
        return len(metrics) - 1
    other = figures_by_key().get(options.best_by)
    sign = -1 if options.best_by == "val_loss" or (other and not other[0].higher_is_better) else 1
    return max(range(len(metrics)), key=lambda i: (sign * metrics[i][options.best_by], -i), default=-1)


def _steps(metrics: Sequence[dict[str, Any]], stages: Sequence[Stage]) -> int:
    """Steps of the epochs in `metrics`."""
    return sum(len(stage) * len(_lines_of(stage, metrics)) for stage in stages)


def _lines_of(stage: Stage, metrics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in metrics if line["stage"] == stage.name]


def check_run_folder(folder: Path, recipe: Recipe) -> None:
    """An `InputError` where the folder holds a run of another recipe; nothing is written.

    A run that has no checkpoint yet has nothing to lose, so its recipe may be corrected. What the recipe of an older
    release does not say has its default.
    """
    path = folder / "recipe.json"
    if not path.exists() or not any((folder / "checkpoints").glob("*.safetensors")):
        return
    wanted = recipe.to_json()
    tables = read_json(path)
    tables["decoder"] = {"kind": tables.pop("decoder_kind"), **tables["decoder"]}
    found = recipe_from(tables, str(path)).to_json()
    differing = [key for key in wanted if found[key] != wanted[key]]
    if differing:
        raise InputError(
            f"{folder}: holds a run of another recipe ({', '.join(differing)} differ): choose another --out"
        )


def claim_run_folder(folder: Path, recipe: Recipe) -> None:
    """Write the recipe into the run's folder, once its data are found good; errors as `check_run_folder` has them."""
    check_run_folder(folder, recipe)
    path, wanted = folder / "recipe.json", recipe.to_json()
    started = any((folder / "checkpoints").glob("*.safetensors"))
    if not path.exists() or not (started or read_json(path) == wanted):
        write_json(path, wanted)


def require_checkpoint(path: Path) -> None:
    """An `InputError` where there is no checkpoint to begin from, before anything slow is done."""
    where = "a run keeps its own in the folder checkpoints/"
    if path.suffix == SUFFIX:
        raise InputError(f"{path}: is a model, and training begins from a checkpoint: {where}")
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint: {where}")


def state_of(state: TrainingState, vocabulary: Vocabulary) -> dict[str, Any]:
    """What a checkpoint keeps beside its tensors, as JSON values."""
    return dataclasses.asdict(state) | {"vocabulary": list(vocabulary.entries)}


def read_checkpoint(
    path: Path, vocabulary: Vocabulary, stages: Sequence[Stage], options: TrainingOptions
) -> tuple[Checkpoint, TrainingState]:
    """A checkpoint that a run with this vocabulary and these stages can resume from.

    Raises:
        InputError: the file is missing or damaged, has no optimizer state, or belongs to a run with other words, other
            epochs or more of them.
    """
    require_checkpoint(path)
    checkpoint = load_checkpoint(path)
    values = dict(checkpoint.state)
    if values.pop("vocabulary") != list(vocabulary.entries):
        raise InputError(f"{path}: was trained on other captions (its words differ): use those, or start anew")
    if not checkpoint.part("optimizer"):
        raise InputError(f"{path}: has weights alone, which no run can resume from: take last or one of weights_0, ...")
    state = TrainingState(**{key: value for key, value in values.items() if key != "format"})
    for stage in stages:
        if len(_lines_of(stage, state.metrics)) > stage.epochs:
            raise InputError(
                f"{path}: was trained for more than the {stage.epochs} epochs that are asked for: raise them"
            )
    current = current_epoch(state.metrics, stages, options)
    ended = _steps(state.metrics, stages)
    if not ended <= state.step <= ended + (len(current.stage) if current else 0):
        raise InputError(f"{path}: its epochs are not of {len(stages[0])} steps: choose the recipe that made it")
    return checkpoint, state


def fork_from(state: TrainingState) -> bool:
    """Make another run's state this run's own; whether its weights are those that its last epoch left.

    Of the epochs behind it, only one that it stands at the very end of is this run's to export.
    """
    ends_epoch = state.weight == 0
    state.own_from = len(state.metrics) - ends_epoch
    return ends_epoch
