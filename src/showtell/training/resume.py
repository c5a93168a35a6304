"""Going on: whose folder it is, where a run stands, and whether a checkpoint fits.

A run goes on from its own `last` checkpoint, or begins from a checkpoint of another run (`showtell train --from`), such
as the course notebook's `weights_3`. Either way it stands at a `Position`, which is what a checkpoint keeps beside its
tensors.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.files import json_bytes, read_json, write_json
from showtell.text import Vocabulary
from showtell.training.checkpoint import Checkpoint, load_checkpoint
from showtell.training.loss import NextWord
from showtell.training.recipe import Recipe


@dataclass(slots=True)
class Position:
    """Where a run stands.

    `step` counts steps, `metrics` has the figures of the epochs that have ended; `loss_sum` (nats), `correct` and
    `count` are over the words of the epoch since. The weights of epochs before number `own_from` (from 0) were another
    run's, so they are not for this one to export.
    """

    step: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)
    loss_sum: float = 0.0
    correct: int = 0
    count: int = 0
    own_from: int = 0

    def add(self, result: NextWord) -> None:
        """Take one more step, with what it found."""
        self.step += 1
        self.loss_sum += result.loss.item() * result.count
        self.correct += result.correct
        self.count += result.count

    def end_epoch(self, figures: dict[str, Any]) -> None:
        """Note an epoch's figures and begin the next."""
        self.metrics.append(figures)
        self.loss_sum, self.correct, self.count = 0.0, 0, 0

    def own_metrics(self) -> list[dict[str, Any]]:
        """The figures of the epochs whose weights this run may export."""
        return self.metrics[self.own_from :]


def claim(folder: Path, recipe: Recipe) -> None:
    """Make the folder this recipe's; an `InputError` where it holds a run of another."""
    path = folder / "recipe.json"
    wanted = json.loads(json_bytes(recipe.to_json()))
    if not path.exists():
        write_json(path, wanted)
        return
    found = read_json(path)
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if differing:
        raise InputError(
            f"{folder}: holds a run of another recipe ({', '.join(differing)} differ): choose another --out"
        )


def require_checkpoint(path: Path) -> None:
    """An `InputError` where there is no file to begin from, before anything slow is done."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint: a run keeps its own in the folder checkpoints/")


def state_of(position: Position, vocabulary: Vocabulary) -> dict[str, Any]:
    """What a checkpoint keeps beside its tensors, as JSON values."""
    return dataclasses.asdict(position) | {"vocabulary": list(vocabulary.entries)}


def read_checkpoint(path: Path, vocabulary: Vocabulary, epoch_steps: int, epochs: int) -> tuple[Checkpoint, Position]:
    """A checkpoint that a run with this vocabulary, of `epochs` epochs of `epoch_steps` steps, can go on from.

    Raises:
        InputError: the file is missing or damaged, has no optimiser state, or belongs to a run with other words, other
            epochs or more of them.
    """
    require_checkpoint(path)
    checkpoint = load_checkpoint(path)
    state = dict(checkpoint.state)
    if state.pop("vocabulary") != list(vocabulary.entries):
        raise InputError(f"{path}: was trained on other captions (its words differ): go on with those, or begin anew")
    if not checkpoint.part("optimizer"):
        raise InputError(f"{path}: has weights alone, which nothing can go on from: take last or one of weights_0, ...")
    position = Position(**{key: value for key, value in state.items() if key != "format"})
    ended = len(position.metrics)
    if not ended * epoch_steps <= position.step <= (ended + 1) * epoch_steps:
        raise InputError(f"{path}: its epochs are not of {epoch_steps} steps: choose the recipe that made it")
    if position.step > epochs * epoch_steps:
        raise InputError(f"{path}: was trained for more than the {epochs} epochs that are asked for: raise --epochs")
    return checkpoint, position


def adopt(position: Position) -> bool:
    """Make another run's position this run's own; whether its weights are those that its last epoch left.

    Of the epochs behind it, only one that it stands at the very end of is this run's to export.
    """
    ends_epoch = position.count == 0
    position.own_from = len(position.metrics) - ends_epoch
    return ends_epoch
