"""The interface of a training stage: its steps and their learning rates.

A run goes through its stages one after another. Each starts with a new optimizer, and later ones start from the weights
of the best epoch so far. A step depends only on (seed, step).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from showtell.decoders.base import Decoder
from showtell.training.distributed import BatchShard
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings
from showtell.training.recipe import TrainingOptions


@dataclass(frozen=True, slots=True)
class StepLoss:
    """The result of a step: a scalar `loss` to minimize, and sums of figures over `weight` words or captions.

    With several workers they cover a worker's own rows, and the sum of all workers' losses is minimized.
    """

    loss: torch.Tensor
    sums: dict[str, float]
    weight: int


class Stage(Protocol):
    """What the training loop needs from a stage; `progress_metric` is the figure that the progress bar shows.

    A stage that `trains_encoder` is validated on the encoder's present embeddings, other stages on the stored ones.
    """

    name: str
    epochs: int
    progress_metric: str
    trains_encoder: bool

    def __len__(self) -> int:
        """Steps in an epoch."""
        ...

    def epoch(self, number: int) -> Sequence[Any]:
        """The inputs of the steps in the stage's epoch `number`, in order."""
        ...

    def learning_rates(self, step: int) -> dict[str, float]:
        """The learning rates of the stage's step `step`, by module: `decoder` and, if it is trained, `encoder`."""
        ...

    def caption_lengths(self, given: Any) -> torch.Tensor | None:
        """The number of predicted words of each caption in a step, `int64 (B,)`; None if only the step can tell."""
        ...

    def step_loss(
        self, decoder: Decoder, given: Any, views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> StepLoss:
        """Compute one step's loss on this worker's `shard` of the input; `seed` is for random numbers other than
        dropout's.
        """
        ...


def learning_rate(peak: float, warmup_steps: int, step: int, steps: int | None) -> float:
    """Linear warm-up to `peak` over `warmup_steps`, times half a cosine over all `steps` if they are given."""
    rate = peak * min(1.0, (step + 1) / (warmup_steps + 1))
    return rate if steps is None else rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def _precision(options: TrainingOptions, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16")
