"""Resuming a run: checking its folder, its state, and whether a checkpoint fits.

A run resumes from its own `last` checkpoint, or starts from a checkpoint of another run (`showtell train --from`), such
as the course notebook's `weights_3`. In both cases its state is a `TrainingState`, which a checkpoint stores with its
tensors.
"""

import dataclasses
import math
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
from showtell.training.validate import DEGENERATE

_CLEARLY_BETTER = 0.8  # of the validation loss of an epoch with sensible captions


@dataclass(slots=True)
class TrainingState:
    """The state of a run.

    `step` counts steps, and `metrics` has the figures of finished epochs. `sums` are sums of figures over `weight`
    words or captions of the current epoch. Epochs before number `own_from` (from 0) belong to another run, so this run
    does not export their weights.
    """

    step: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    weight: int = 0
    own_from: int = 0

    def add(self, sums: Mapping[str, float], weight: int) -> None:
        """Count one more step, with its sums of figures over `weight` words or captions."""
        self.step += 1
        self.weight += weight
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def figures(self) -> dict[str, float]:
        """The means of the current epoch so far."""
        return {name: value / self.weight for name, value in self.sums.items()}

    def end_epoch(self, figures: dict[str, Any]) -> None:
        """Store an epoch's figures and start the next epoch."""
        self.metrics.append(figures)
        self.sums, self.weight = {}, 0

    def own_metrics(self) -> list[dict[str, Any]]:
        """The figures of the epochs whose weights this run may export."""
        return self.metrics[self.own_from :]


@dataclass(frozen=True, slots=True)
class CurrentEpoch:
    """The current epoch of a run: number `epoch` of `stage`. They started at steps `epoch_step` and `stage_step`."""

    stage: Stage
    epoch: int
    stage_step: int
    epoch_step: int


def current_epoch(
    metrics: Sequence[dict[str, Any]], stages: Sequence[Stage], options: TrainingOptions
) -> CurrentEpoch | None:
    """The epoch that follows those in `metrics`; None if training is finished.

    A stage ends after its epochs or, with `patience`, after so many epochs in a row without a new best.
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
    """The stage of a run's last step; the first stage if there was no step yet."""
    current = current_epoch(state.metrics, stages, options)
    if current and (state.step > current.epoch_step or not state.metrics):
        return current.stage
    return next(stage for stage in stages if stage.name == state.metrics[-1]["stage"])


def best_of(metrics: Sequence[dict[str, Any]], options: TrainingOptions) -> dict[str, Any]:
    """The figures of the epoch that `best_by` prefers, the earliest of equals.

    An epoch whose captions are degenerate is left out if another one is about as well trained: on few pictures, chance
    may give it a high score.
    """
    return metrics[_best_index(metrics, options)]


def _best_index(metrics: Sequence[dict[str, Any]], options: TrainingOptions) -> int:
    if options.best_by == "last":
        return len(metrics) - 1
    other = figures_by_key().get(options.best_by)
    sign = -1 if options.best_by == "val_loss" or (other and not other[0].higher_is_better) else 1
    return max(_sensible(metrics), key=lambda i: (sign * metrics[i][options.best_by], -i), default=-1)


def _sensible(metrics: Sequence[dict[str, Any]]) -> list[int]:
    """The epochs whose captions are not degenerate, and degenerate ones that are clearly better trained than those."""
    if not any(line.get(DEGENERATE) for line in metrics):
        return [*range(len(metrics))]
    least = min((line["val_loss"] for line in metrics if not line.get(DEGENERATE)), default=math.inf)
    return [
        i for i, line in enumerate(metrics) if not line.get(DEGENERATE) or line["val_loss"] < least * _CLEARLY_BETTER
    ]


def _steps(metrics: Sequence[dict[str, Any]], stages: Sequence[Stage]) -> int:
    """The number of steps of the epochs in `metrics`."""
    return sum(len(stage) * len(_lines_of(stage, metrics)) for stage in stages)


def _lines_of(stage: Stage, metrics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in metrics if line["stage"] == stage.name]


def is_started(folder: Path) -> bool:
    """Whether the folder has a run with a checkpoint."""
    return any((folder / "checkpoints").glob("*.safetensors"))


def check_run_folder(folder: Path, recipe: Recipe) -> None:
    """Raise an `InputError` if the folder has a run of another recipe; write nothing.

    The recipe of a run without a checkpoint may still be corrected. Options that an older release's recipe lacks have
    their defaults.
    """
    path = folder / "recipe.json"
    if not path.exists() or not is_started(folder):
        return
    wanted = recipe.to_json()
    tables = read_json(path)
    tables["decoder"] = {"kind": tables.pop("decoder_kind"), **tables["decoder"]}
    found = recipe_from(tables, str(path)).to_json()
    differing = [key for key in wanted if found[key] != wanted[key]]
    if differing:
        raise InputError(f"{folder}: has a run of another recipe ({', '.join(differing)} differ): choose another --out")


def claim_run_folder(folder: Path, recipe: Recipe) -> None:
    """Write the recipe into the run's folder, after its data were checked; errors as for `check_run_folder`."""
    check_run_folder(folder, recipe)
    path, wanted = folder / "recipe.json", recipe.to_json()
    if not path.exists() or not (is_started(folder) or read_json(path) == wanted):
        write_json(path, wanted)


def require_checkpoint(path: Path | None) -> None:
    """Raise an `InputError` if a checkpoint to start from is missing, before anything slow happens."""
    if path is None:
        return
    where = "a run has its checkpoints in its folder checkpoints/"
    if path.suffix == SUFFIX:
        raise InputError(f"{path}: is a model, but training starts from a checkpoint: {where}")
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint: {where}")


def state_of(state: TrainingState, vocabulary: Vocabulary) -> dict[str, Any]:
    """What a checkpoint stores besides its tensors, as JSON values."""
    return dataclasses.asdict(state) | {"vocabulary": list(vocabulary.entries)}


def read_checkpoint(
    path: Path, vocabulary: Vocabulary, stages: Sequence[Stage], options: TrainingOptions
) -> tuple[Checkpoint, TrainingState]:
    """A checkpoint that a run with this vocabulary and these stages can resume from.

    Raises:
        InputError: the file is missing or damaged, has no optimizer state, or belongs to a run with another vocabulary,
            other epochs or more of them.
    """
    require_checkpoint(path)
    checkpoint = load_checkpoint(path)
    values = dict(checkpoint.state)
    if values.pop("vocabulary") != list(vocabulary.entries):
        raise InputError(f"{path}: was trained on other captions (its words differ): use those, or start a new run")
    if not checkpoint.part("optimizer"):
        raise InputError(f"{path}: has only weights, so no run can resume from it: use last, or one of weights_0, ...")
    state = TrainingState(**{key: value for key, value in values.items() if key != "format"})
    for stage in stages:
        if len(_lines_of(stage, state.metrics)) > stage.epochs:
            raise InputError(f"{path}: was trained for more than the {stage.epochs} epochs of the recipe: raise them")
    current = current_epoch(state.metrics, stages, options)
    ended = _steps(state.metrics, stages)
    if not ended <= state.step <= ended + (len(current.stage) if current else 0):
        raise InputError(f"{path}: its epochs do not have {len(stages[0])} steps: choose the recipe that made it")
    return checkpoint, state


def fork_from(state: TrainingState) -> bool:
    """Make another run's state this run's own. Return whether its weights are those at the end of its last epoch.

    Of its finished epochs, this run may export only one that it stands exactly at the end of.
    """
    ends_epoch = state.weight == 0
    state.own_from = len(state.metrics) - ends_epoch
    return ends_epoch
