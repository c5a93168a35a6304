"""The stages of a training run: what its steps are made of, and how fast they learn.

A run goes through its stages one after the other. Each begins with a new optimiser, the later ones from the weights of
the best epoch so far. What a step does is a function of (seed, step) alone.
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
    """What one step gave: a scalar `loss` to go down, and sums of figures over `weight` words or captions.

    With several workers these are of a worker's own rows, and the sum of all workers' losses is minimized.
    """

    loss: torch.Tensor
    sums: dict[str, float]
    weight: int


class Stage(Protocol):
    """What the training loop asks of a stage; `progress_metric` is the figure that the progress bar shows.

    A stage that `trains_encoder` is validated on what the encoder now gives, others on the stored embeddings.
    """

    name: str
    epochs: int
    progress_metric: str
    trains_encoder: bool

    def __len__(self) -> int:
        """Steps in an epoch."""
        ...

    def epoch(self, number: int) -> Sequence[Any]:
        """What the steps of the stage's epoch `number` are given, in order."""
        ...

    def learning_rates(self, step: int) -> dict[str, float]:
        """The learning rates of the stage's step `step`, by what it trains: `decoder`, and `encoder` if that, too."""
        ...

    def caption_lengths(self, given: Any) -> torch.Tensor | None:
        """How many words of each caption that a step is given are predicted, `int64 (B,)`; None where only the step
        tells.
        """
        ...

    def step_loss(
        self, decoder: Decoder, given: Any, views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> StepLoss:
        """Compute one step's loss on this worker's `shard` of what is given; `seed` is of its random numbers other than
        dropout's.
        """
        ...


def learning_rate(peak: float, warmup_steps: int, step: int, steps: int | None) -> float:
    """Linear warm-up to `peak` over `warmup_steps`, times half a cosine over all `steps` where they are given."""
    rate = peak * min(1.0, (step + 1) / (warmup_steps + 1))
    return rate if steps is None else rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def _precision(options: TrainingOptions, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16")
