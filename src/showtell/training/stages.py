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

from showtell.encoders import classifier
from showtell.errors import InputError
from showtell.text import Vocabulary, pad_batch
from showtell.training.batches import Batch, Batches, CaptionBatches, PictureBatches, shuffled
from showtell.training.decoders import Decoder
from showtell.training.fine_tune import FineTuneOptions, boxes, choose, class_divergence
from showtell.training.layer_inputs import LayerInputs
from showtell.training.loss import next_word
from showtell.training.recipe import Recipe, TrainingOptions
from showtell.training.self_critical import Reward, SelfCriticalOptions, advantages, draw, log_probabilities
from showtell.training.team import Part
from showtell.training.validate import Seen
from showtell.training.views import Views, is_sided, sided_ids


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step gave: a scalar `loss` to go down, and sums of figures over `weight` words or captions.

    In a team that is what came of a worker's own rows, and what goes down is the sum of all workers' losses.
    """

    loss: torch.Tensor
    sums: dict[str, float]
    weight: int


class Stage(Protocol):
    """What the training loop asks of a stage; `main` is the figure that the progress bar shows."""

    name: str
    epochs: int
    main: str
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

    def lengths(self, given: Any) -> torch.Tensor | None:
        """How many words of each caption that a step is given will be foreseen, `int64 (B,)`; None where only the step
        tells.
        """
        ...

    def outcome(self, decoder: Decoder, given: Any, views: Views, seed: int, part: Part) -> Outcome:
        """Compute one step's loss on this worker's `part` of what is given; `seed` is of its random numbers other than
        dropout's.
        """
        ...

    def seen(self, views: Views) -> Seen:
        """The embeddings to validate with."""
        ...


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


class SelfCritical:
    """Captions of the decoder's own, weighed by how much they score above each other."""

    name, main, trains_encoder = "self_critical", "reward", False

    def __init__(
        self,
        options: SelfCriticalOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        words: Vocabulary,
    ) -> None:
        self.options, self.training, self.words = options, training, words
        self.epochs = options.epochs
        self.captions, self.names = captions, list(captions)
        self.reward = Reward(captions, words)

    def __len__(self) -> int:
        return -(-len(self.names) // self.options.pictures)

    def epoch(self, number: int) -> Sequence[list[str]]:
        """The names of the pictures of every batch."""
        return shuffled(self.names, self.options.pictures, [self.training.seed, number])

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then half a cosine to zero."""
        options = self.options
        return {"decoder": learning_rate(options.learning_rate, options.warmup_steps, step, self.epochs * len(self))}

    def lengths(self, given: list[str]) -> None:
        """Captions are drawn within the step."""

    def outcome(self, decoder: Decoder, given: list[str], views: Views, seed: int, part: Part) -> Outcome:
        """Draw captions without dropout, compare their rewards, and weigh their log-probabilities by the difference."""
        samples, share = self.options.samples, self.options.cross_entropy
        as_is = [any(map(is_sided, self.captions[name])) for name in given]
        rows = [views.rows[name] for name in given]
        embeddings = views.take(rows, seed, as_is=as_is, part=part.rows).to(decoder.device)
        generator = torch.Generator(decoder.device).manual_seed(part.own_seed(seed))
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
        rewards = self.reward([name for name in given[part.rows] for _ in range(samples)], drawn.cpu().numpy())
        weights = torch.from_numpy(advantages(rewards.reshape(-1, samples))).reshape(-1).to(decoder.device)
        with _precision(self.training, decoder.device):
            words, row_of = log_probabilities(decoder, embeddings, drawn, self.words)
            loss = -(1 - share) * part.of_mean((weights[row_of] * words).mean(), len(words))
            if share:
                true_ids = self._true(given, seed)[part.rows].to(decoder.device)
                true = next_word(decoder, embeddings, true_ids, self.words.pad)
                loss = loss + share * part.of_mean(true.loss, true.count)
        return Outcome(loss, {"reward": float(rewards.sum())}, len(rewards))

    def seen(self, views: Views) -> Seen:
        """The pictures as they are."""
        return views.store

    def _true(self, names: Sequence[str], seed: int) -> torch.Tensor:
        """One random true caption of each picture, as padded ids."""
        rng = np.random.default_rng(seed)
        chosen = [self.captions[name][int(rng.integers(len(self.captions[name])))] for name in names]
        ids = [self.words.encode(caption) for caption in chosen]
        return torch.from_numpy(pad_batch(ids, self.words.pad, self.training.max_length))


class FineTune:
    """Teacher forcing on the true captions, the encoder learning as well."""

    name, main, trains_encoder = "fine_tune", "train_loss", True

    def __init__(
        self,
        options: FineTuneOptions,
        training: TrainingOptions,
        captions: Mapping[str, Sequence[str]],
        words: Vocabulary,
        inputs: LayerInputs,
        head: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> None:
        self.options, self.training, self.pad, self.inputs, self.head = options, training, words.pad, inputs, head
        self.epochs = options.epochs
        self.names = list(captions)
        self.ids = {name: [words.encode(text)[: training.max_length] for text in captions[name]] for name in captions}
        self.sided = {name: np.array([is_sided(text) for text in captions[name]]) for name in captions}

    def __len__(self) -> int:
        return -(-len(self.names) // self.options.pictures)

    def epoch(self, number: int) -> Sequence[list[str]]:
        """The names of the pictures of every batch."""
        return shuffled(self.names, self.options.pictures, [self.training.seed, number])

    def learning_rates(self, step: int) -> dict[str, float]:
        """Linear warm-up, then half a cosine to zero, for both."""
        options, steps = self.options, self.epochs * len(self)
        share = learning_rate(1.0, options.warmup_steps, step, steps)
        return {"decoder": share * options.learning_rate, "encoder": share * options.encoder_learning_rate}

    def lengths(self, given: list[str]) -> None:
        """Captions are drawn within the step."""

    def outcome(self, decoder: Decoder, given: list[str], views: Views, seed: int, part: Part) -> Outcome:
        """Cross-entropy of some captions of each picture, half of the pictures mirrored where that is asked for.

        The part is the whole: an encoder learns in a team of one.
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
            return Outcome(result.loss, sums, result.count)
        before = torch.from_numpy(views.store.take([views.rows[name] for name in given])).to(decoder.device)
        head = [tensor.to(decoder.device) for tensor in self.head]
        divergence = class_divergence(before.mean(1) if before.ndim == 3 else before, pooled, *head)
        sums["class_divergence"] = divergence.item() * result.count
        return Outcome(result.loss + self.options.keep_classes * divergence, sums, result.count)

    def seen(self, views: Views) -> Seen:
        """What the encoder makes of the validation pictures now."""
        return self.inputs.seen()


def stages_of(
    recipe: Recipe,
    captions: Mapping[str, Sequence[str]],
    rows: Mapping[str, int],
    words: Vocabulary,
    inputs: LayerInputs | None = None,
) -> list[Stage]:
    """The stages that a recipe asks for, in order.

    Arguments:
        recipe: what is asked for.
        captions: the training captions by picture name.
        rows: the row of each picture in the store that the first stage sees.
        words: the decoder's vocabulary.
        inputs: what the layers to train of the encoder are given; None where none are trained.
    """
    stages: list[Stage] = [CrossEntropy(recipe.training, captions, rows, words)]
    if inputs:
        stages.append(FineTune(recipe.fine_tune, recipe.training, captions, words, inputs, _head(recipe)))
    if recipe.self_critical.epochs:
        stages.append(SelfCritical(recipe.self_critical, recipe.training, captions, words))
    return stages


def _head(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The classifier whose classes are to be kept: weights `(C, D)` and biases `(C,)`."""
    if not recipe.fine_tune.keep_classes:
        return None
    found = classifier(recipe.encoder.name)
    if found is None:
        raise InputError(
            f"keep_classes needs the classifier that the encoder was trained with, and none is known of "
            f"{recipe.encoder.name}: leave it out"
        )
    weights, biases = found
    return torch.from_numpy(weights), torch.from_numpy(biases)


def learning_rate(peak: float, warmup_steps: int, step: int, steps: int | None) -> float:
    """Linear warm-up to `peak` over `warmup_steps`, times half a cosine over all `steps` where they are given."""
    rate = peak * min(1.0, (step + 1) / (warmup_steps + 1))
    return rate if steps is None else rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def _precision(options: TrainingOptions, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16")
