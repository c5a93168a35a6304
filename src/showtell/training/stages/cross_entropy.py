"""Teacher forcing on the true captions."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from showtell.decoders.registry import Decoder
from showtell.text import Vocabulary
from showtell.training.batches import Batch, Batches, CaptionBatches, PictureBatches
from showtell.training.distributed import Part
from showtell.training.encoder.horizontal_flip import Views, sided_ids
from showtell.training.loss import next_word
from showtell.training.recipe import TrainingOptions
from showtell.training.stages.base import Outcome, _precision, learning_rate
from showtell.training.validate import Seen


class CrossEntropy:
    """Teacher forcing on the true captions."""

    name, main, trains_encoder = "cross_entropy", "train_loss", False

    def __init__(
        self,
        options: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        rows: Mapping[str, int],
        words: Vocabulary,
    ) -> None:
        self.options, self.pad = options, words.pad
        self.sided = sided_ids(words)
        self.epochs = options.epochs
        sizes = {"batch_size": options.batch_size, "max_length": options.max_length, "seed": options.seed}
        self.batches: Batches = (
            PictureBatches(captions, rows, words, steps=options.epoch_steps, **sizes)
            if options.epoch_steps
            else CaptionBatches(captions, rows, words, **sizes)
        )

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Sequence[Batch]:
        """The batches of epoch `number`."""
        return self.batches.epoch(number)

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then constant or half a cosine to zero."""
        options = self.options
        steps = self.epochs * len(self) if options.schedule == "cosine" else None
        return {"decoder": learning_rate(options.learning_rate, options.warmup_steps, step, steps)}

    def lengths(self, given: Batch) -> torch.Tensor:
        """Those of the batch's captions without START."""
        return torch.from_numpy((given.tokens[:, 1:] != self.pad).sum(1))

    def outcome(self, decoder: Decoder, given: Batch, views: Views, seed: int, part: Part) -> Outcome:
        """Cross-entropy of a batch, and how many words were foreseen."""
        sided = np.any(np.isin(given.tokens, self.sided), axis=1)
        embeddings = views.take(given.rows, seed, as_is=sided, part=part.rows).to(decoder.device)
        tokens = torch.from_numpy(given.tokens[part.rows]).to(decoder.device)
        with _precision(self.options, decoder.device):
            result = next_word(decoder, embeddings, tokens, self.pad, smoothing=self.options.label_smoothing)
        sums = {"train_loss": result.loss.item() * result.count, "train_accuracy": float(result.correct)}
        return Outcome(part.of_mean(result.loss, result.count), sums, result.count)

    def seen(self, views: Views) -> Seen:
        """The pictures as they are."""
        return views.store
