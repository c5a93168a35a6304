"""The encoder as a stage trains it: parts and mirror images of pictures in, embeddings with gradients out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from showtell.training.encoder.frozen_features import FrozenFeatures, boxes
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings
from showtell.training.recipe import FineTuneOptions
from showtell.training.stages.base import StepLoss


def class_divergence(
    before: torch.Tensor, now: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor
) -> torch.Tensor:
    """How far a classifier's output for the same pictures has changed, in nats: a scalar.

    It is the Kullback-Leibler divergence between the original and the present probabilities, averaged over the
    pictures. Li and Hoiem keep a network's old tasks in this way (2016, arXiv:1606.09282).

    Arguments:
        before: pooled embeddings by the published encoder, `float32 (B, D)`.
        now: pooled embeddings of the same pictures by the encoder in training, `float32 (B, D)`.
        weights: weights of the classifier, `float32 (C, D)`.
        biases: biases of the classifier, `(C,)`.
    """
    old, new = (functional.linear(pooled, weights, biases).float().log_softmax(1) for pooled in (before, now))
    return functional.kl_div(new, old, reduction="batchmean", log_target=True)


class EncoderInput:
    """What a step shows to the encoder, and what holds the encoder to its classes."""

    def __init__(
        self, options: FineTuneOptions, inputs: FrozenFeatures, head: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> None:
        """Note how pictures are shown.

        Arguments:
            options: their mirror images and crops, and the weight of the classes.
            inputs: the inputs of the encoder's first trained layer.
            head: the classifier whose classes are kept; None for none.
        """
        self.options, self.inputs, self.head = options, inputs, head

    def embed(
        self, names: Sequence[str], sided: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings of pictures and the pooled ones, as `FrozenFeatures.embed` gives them.

        Arguments:
            names: of the pictures.
            sided: which of them must not be mirrored, `(B,)`.
            rng: chooses mirror images and crops.
        """
        mirror = rng.random(len(names)) < (0.5 if self.options.mirrored else 0.0)
        mirror &= ~sided
        parts = boxes(len(names), self.options.crop, rng) if self.options.crop < 1 else None
        return self.inputs.embed(self.inputs.take(names, mirror, parts))

    def keeping_classes(
        self, step: StepLoss, names: Sequence[str], pooled: torch.Tensor, views: AugmentedEmbeddings
    ) -> StepLoss:
        """A step's loss with the `class_divergence` of pooled embeddings from those of `views`, if classes are kept."""
        if not self.head:
            return step
        before = torch.from_numpy(views.store.take([views.rows[name] for name in names])).to(pooled.device)
        head = [tensor.to(pooled.device) for tensor in self.head]
        divergence = class_divergence(before.mean(1) if before.ndim == 3 else before, pooled, *head)
        sums = step.sums | {"class_divergence": divergence.item() * step.weight}
        return StepLoss(step.loss + self.options.keep_classes * divergence, sums, step.weight)
