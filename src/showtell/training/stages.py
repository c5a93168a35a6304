"""The stages of a training run: what its steps are made of, and how fast they learn.

A run goes through its stages one after the other. Each begins with a new optimiser, the later ones from the weights of
the best epoch so far. What a step does is a function of (seed, step) alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from showtell.text import Vocabulary, pad_batch
from showtell.training.batches import Batch, Batches, CaptionBatches, PictureBatches, picture_order
from showtell.training.decoders import Decoder
from showtell.training.loss import next_word
from showtell.training.recipe import Recipe, TrainingOptions
from showtell.training.self_critical import Reward, SelfCriticalOptions, advantages, draw, log_probabilities
from showtell.training.views import Views, is_sided, sided_ids


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step gave: a scalar `loss` to go down, and sums of figures over `weight` words or captions."""

    loss: torch.Tensor
    sums: dict[str, float]
    weight: int


class Stage(Protocol):
    """What the training loop asks of a stage; `main` is the figure that the progress bar shows."""

    name: str
    epochs: int
    main: str

    def __len__(self) -> int:
        """Steps in an epoch."""
        ...

    def epoch(self, number: int) -> Sequence[Any]:
        """What the steps of the stage's epoch `number` are given, in order."""
        ...

    def learning_rate(self, step: int) -> float:
        """The learning rate of the stage's step `step`."""
        ...

    def outcome(self, decoder: Decoder, given: Any, seed: int) -> Outcome:
        """Compute one step's loss; `seed` is of its random numbers other than dropout's."""
        ...


class CrossEntropy:
    """Teacher forcing on the true captions."""

    name, main = "cross_entropy", "train_loss"

    def __init__(
        self, options: TrainingOptions, captions: Mapping[str, Sequence[str]], views: Views, words: Vocabulary
    ) -> None:
        self.options, self.views, self.pad = options, views, words.pad
        self.sided = sided_ids(words)
        self.epochs = options.epochs
        sizes = {"batch_size": options.batch_size, "max_length": options.max_length, "seed": options.seed}
        self.batches: Batches = (
            PictureBatches(captions, views.rows, words, steps=options.epoch_steps, **sizes)
            if options.epoch_steps
            else CaptionBatches(captions, views.rows, words, **sizes)
        )

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Sequence[Batch]:
        """The batches of epoch `number`."""
        return self.batches.epoch(number)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then constant or half a cosine to zero."""
        options = self.options
        steps = self.epochs * len(self) if options.schedule == "cosine" else None
        return learning_rate(options.learning_rate, options.warmup_steps, step, steps)

    def outcome(self, decoder: Decoder, given: Batch, seed: int) -> Outcome:
        """Cross-entropy of a batch, and how many words were foreseen."""
        sided = np.any(np.isin(given.tokens, self.sided), axis=1)
        embeddings, tokens = self.views.take(given.rows, seed, as_is=sided), torch.from_numpy(given.tokens)
        with _precision(self.options):
            result = next_word(decoder, embeddings, tokens, self.pad, smoothing=self.options.label_smoothing)
        loss = result.loss.item() * result.count
        return Outcome(result.loss, {"train_loss": loss, "train_accuracy": result.correct}, result.count)


class SelfCritical:
    """Captions of the decoder's own, weighed by how much they score above each other."""

    name, main = "self_critical", "reward"

    def __init__(
        self,
        options: SelfCriticalOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        views: Views,
        words: Vocabulary,
    ) -> None:
        self.options, self.training, self.views, self.words = options, training, views, words
        self.epochs = options.epochs
        self.captions, self.names = captions, list(captions)
        self.reward = Reward(captions, words)

    def __len__(self) -> int:
        return -(-len(self.names) // self.options.pictures)

    def epoch(self, number: int) -> Sequence[list[str]]:
        """The names of the pictures of every batch."""
        order = picture_order(len(self.names), self.options.pictures, [self.training.seed, number])
        return [[self.names[i] for i in batch] for batch in order]

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine to zero."""
        return learning_rate(self.options.learning_rate, self.options.warmup_steps, step, self.epochs * len(self))

    def outcome(self, decoder: Decoder, given: list[str], seed: int) -> Outcome:
        """Draw captions without dropout, compare their rewards, and weigh their log-probabilities by the difference."""
        samples, share = self.options.samples, self.options.cross_entropy
        as_is = [any(map(is_sided, self.captions[name])) for name in given]
        embeddings = self.views.take([self.views.rows[name] for name in given], seed, as_is=as_is)
        generator = torch.Generator().manual_seed(seed)
        decoder.eval()
        drawn = draw(
            decoder,
            embeddings,
            self.words,
            samples=samples,
            max_length=self.training.max_length - 2,
            generator=generator,
        )
        decoder.train()
        rewards = self.reward([name for name in given for _ in range(samples)], drawn.numpy())
        weights = torch.from_numpy(advantages(rewards.reshape(-1, samples))).reshape(-1)
        with _precision(self.training):
            words, row_of = log_probabilities(decoder, embeddings, drawn, self.words)
            loss = -(1 - share) * (weights[row_of] * words).mean()
            if share:
                true = next_word(decoder, embeddings, self._true(given, seed), self.words.pad)
                loss = loss + share * true.loss
        return Outcome(loss, {"reward": float(rewards.sum())}, len(rewards))

    def _true(self, names: Sequence[str], seed: int) -> torch.Tensor:
        """One random true caption of each picture, as padded ids."""
        rng = np.random.default_rng(seed)
        chosen = [self.captions[name][int(rng.integers(len(self.captions[name])))] for name in names]
        ids = [self.words.encode(caption) for caption in chosen]
        return torch.from_numpy(pad_batch(ids, self.words.pad, self.training.max_length))


def stages_of(recipe: Recipe, captions: Mapping[str, Sequence[str]], views: Views, words: Vocabulary) -> list[Stage]:
    """The stages that a recipe asks for, in order; `captions` are the training captions by picture name."""
    stages: list[Stage] = [CrossEntropy(recipe.training, captions, views, words)]
    if recipe.self_critical.epochs:
        stages.append(SelfCritical(recipe.self_critical, recipe.training, captions, views, words))
    return stages


def learning_rate(peak: float, warmup_steps: int, step: int, steps: int | None) -> float:
    """Linear warm-up to `peak` over `warmup_steps`, times half a cosine over all `steps` where they are given."""
    rate = peak * min(1.0, (step + 1) / (warmup_steps + 1))
    return rate if steps is None else rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def _precision(options: TrainingOptions) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16")
