"""Fine-tuning: the encoder is trained together with the decoder, on what captions mention.

This follows Show and Tell (Vinyals et al. 2016, arXiv:1609.06647, section 4.3.3). Layers before the first trained one
run once per picture, not once per step.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from showtell.decoders.base import Decoder
from showtell.text import Vocabulary, pad_batch
from showtell.training.batches import NameBatches
from showtell.training.distributed import BatchShard
from showtell.training.encoder.frozen_features import FrozenFeatures, boxes
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings, is_sided
from showtell.training.loss import next_word
from showtell.training.recipe import FineTuneOptions, TrainingOptions
from showtell.training.sampling import Sampling, choose
from showtell.training.stages.base import StepLoss, _precision, learning_rate


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


class FineTune:
    """Teacher forcing on the true captions; the encoder is trained as well."""

    name, progress_metric, trains_encoder = "fine_tune", "train_loss", True

    def __init__(
        self,
        options: FineTuneOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        words: Vocabulary,
        inputs: FrozenFeatures,
        head: tuple[torch.Tensor, torch.Tensor] | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.options, self.training, self.pad, self.inputs, self.head = options, training, words.pad, inputs, head
        self.epochs = options.epochs
        self.batches = NameBatches(list(captions), options.pictures, training.seed, sampling)
        self.ids = {name: [words.encode(text)[: training.max_length] for text in captions[name]] for name in captions}
        self.sided = {name: np.array([is_sided(text) for text in captions[name]]) for name in captions}

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Sequence[list[str]]:
        """The names of the pictures of every batch."""
        return self.batches.epoch(number)

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then half a cosine to zero, for both."""
        options, steps = self.options, self.epochs * len(self)
        share = learning_rate(1.0, options.warmup_steps, step, steps)
        return {"decoder": share * options.learning_rate, "encoder": share * options.encoder_learning_rate}

    def caption_lengths(self, given: list[str]) -> None:
        """None: captions are sampled within the step."""

    def step_loss(
        self, decoder: Decoder, given: list[str], views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> StepLoss:
        """Cross-entropy of some captions of each picture; half of the pictures are mirrored if requested.

        The shard is the whole batch: a single worker trains an encoder.
        """
        rng = np.random.default_rng(seed)
        chosen = [choose(len(self.ids[name]), self.options.captions, rng) for name in given]
        mirror = rng.random(len(given)) < (0.5 if self.options.mirrored else 0.0)
        mirror &= [not self.sided[name][some].any() for name, some in zip(given, chosen, strict=True)]
        parts = boxes(len(given), self.options.crop, rng) if self.options.crop < 1 else None
        ids = [self.ids[name][i] for name, some in zip(given, chosen, strict=True) for i in some]
        tokens = torch.from_numpy(pad_batch(ids, self.pad)).to(decoder.device)
        with _precision(self.training, decoder.device):
            embeddings, pooled = self.inputs.embed(self.inputs.take(given, mirror, parts))
            result = next_word(decoder, embeddings, tokens, self.pad, smoothing=self.training.label_smoothing)
        sums = {"train_loss": result.loss.item() * result.count, "train_accuracy": float(result.correct)}
        if not self.head:
            return StepLoss(result.loss, sums, result.count)
        before = torch.from_numpy(views.store.take([views.rows[name] for name in given])).to(decoder.device)
        head = [tensor.to(decoder.device) for tensor in self.head]
        divergence = class_divergence(before.mean(1) if before.ndim == 3 else before, pooled, *head)
        sums["class_divergence"] = divergence.item() * result.count
        return StepLoss(result.loss + self.options.keep_classes * divergence, sums, result.count)
