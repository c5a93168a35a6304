"""Fine-tuning: the encoder is trained together with the decoder, on what captions mention.

This follows Show and Tell (Vinyals et al. 2016, arXiv:1609.06647, section 4.3.3). Layers before the first trained one
run once per picture, not once per step.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from showtell.decoders.base import Decoder
from showtell.text import Vocabulary, pad_batch
from showtell.training.batches import NameBatches
from showtell.training.distributed import BatchShard
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings, is_sided
from showtell.training.loss import next_word
from showtell.training.recipe import FineTuneOptions, TrainingOptions
from showtell.training.sampling import Sampling, choose
from showtell.training.stages.base import StepLoss, _precision, learning_rate
from showtell.training.stages.encoder_input import EncoderInput


class FineTune:
    """Teacher forcing on the true captions; the encoder is trained as well."""

    name, progress_metric, trains_encoder = "fine_tune", "train_loss", True

    def __init__(
        self,
        options: FineTuneOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        words: Vocabulary,
        encoder: EncoderInput,
        sampling: Sampling | None = None,
    ) -> None:
        self.options, self.training, self.pad = options, training, words.pad
        self.encoder = encoder
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
        sided = np.array([bool(self.sided[name][some].any()) for name, some in zip(given, chosen, strict=True)])
        ids = [self.ids[name][i] for name, some in zip(given, chosen, strict=True) for i in some]
        tokens = torch.from_numpy(pad_batch(ids, self.pad)).to(decoder.device)
        with _precision(self.training, decoder.device):
            embeddings, pooled = self.encoder.embed(given, sided, rng)
            result = next_word(decoder, embeddings, tokens, self.pad, smoothing=self.training.label_smoothing)
        sums = {"train_loss": result.loss.item() * result.count, "train_accuracy": float(result.correct)}
        return self.encoder.keeping_classes(StepLoss(result.loss, sums, result.count), given, pooled, views)
