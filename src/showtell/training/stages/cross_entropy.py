"""Teacher forcing on the true captions."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from showtell.decoders.base import Decoder
from showtell.text import Vocabulary
from showtell.training.batches import Batch, Batches, CaptionBatches, PictureBatches
from showtell.training.distributed import BatchShard
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings, sided_ids
from showtell.training.loss import next_word
from showtell.training.recipe import TrainingOptions
from showtell.training.sampling import Sampling
from showtell.training.stages.base import StepLoss, _precision, learning_rate
from showtell.training.text_only import TextBatch, TextOnly


class CrossEntropy:
    """Teacher forcing on the true captions."""

    name, progress_metric, trains_encoder = "cross_entropy", "train_loss", False

    def __init__(
        self,
        options: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        rows: Mapping[str, int],
        words: Vocabulary,
        sampling: Sampling | None = None,
        texts: TextOnly | None = None,
    ) -> None:
        """Take the training captions and the rows of the store by picture name, and captions without pictures."""
        self.texts = texts
        self.options, self.pad = options, words.pad
        self.sided = sided_ids(words)
        self.epochs = options.epochs
        sizes = {"batch_size": options.batch_size, "max_length": options.max_length, "seed": options.seed}
        self.batches: Batches = (
            PictureBatches(captions, rows, words, steps=options.epoch_steps, sampling=sampling, **sizes)
            if options.epoch_steps
            else CaptionBatches(captions, rows, words, sampling=sampling, **sizes)
        )

    def __len__(self) -> int:
        steps = len(self.batches)
        return steps + (self.texts.steps_beside(steps) if self.texts else 0)

    def epoch(self, number: int) -> Sequence[Batch | TextBatch]:
        """The batches of epoch `number`, those of captions without pictures among them at random."""
        batches = self.batches.epoch(number)
        if not self.texts:
            return batches
        mixed = [*batches, *self.texts.epoch(number, len(batches))]
        return [mixed[i] for i in np.random.default_rng([self.options.seed, number, 1]).permutation(len(mixed))]

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then constant or half a cosine to zero."""
        options = self.options
        steps = self.epochs * len(self) if options.schedule == "cosine" else None
        return {"decoder": learning_rate(options.learning_rate, options.warmup_steps, step, steps)}

    def caption_lengths(self, given: Batch | TextBatch) -> torch.Tensor:
        """The lengths of the batch's captions without START."""
        return torch.from_numpy((given.tokens[:, 1:] != self.pad).sum(1))

    def step_loss(
        self, decoder: Decoder, given: Batch | TextBatch, views: AugmentedEmbeddings, seed: int, shard: BatchShard
    ) -> StepLoss:
        """Cross-entropy of a batch, and the number of predicted words."""
        if isinstance(given, TextBatch):
            assert self.texts
            embeddings = self.texts.embeddings(given.groups, seed)[shard.rows].to(decoder.device)
        else:
            sided = np.any(np.isin(given.tokens, self.sided), axis=1)
            embeddings = views.take(given.rows, seed, as_is=sided, shard=shard.rows).to(decoder.device)
        tokens = torch.from_numpy(given.tokens[shard.rows]).to(decoder.device)
        with _precision(self.options, decoder.device):
            result = next_word(decoder, embeddings, tokens, self.pad, smoothing=self.options.label_smoothing)
        sums = {"train_loss": result.loss.item() * result.count, "train_accuracy": float(result.correct)}
        return StepLoss(shard.share_of_mean(result.loss, result.count), sums, result.count)
