"""Validation of a decoder: its teacher-forced loss, and the scores of its own captions."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from showtell.data.examples import Group
from showtell.decoders.base import Decoder
from showtell.metrics import bleu, cider_d, score
from showtell.metrics.ptb import ptb_tokenize
from showtell.metrics.registry import figures_by_key
from showtell.search import Floats, SearchOptions, State, search
from showtell.text import Vocabulary
from showtell.training.batches import Batch, CaptionBatches, PictureBatches
from showtell.training.loss import next_word
from showtell.training.recipe import TrainingOptions

DEGENERATE = "degenerate"
"""The key of an epoch's figures that says that its captions are degenerate; other epochs lack it."""

_PICTURES_AT_ONCE = 64
_FEWEST = 5  # pictures of which the same caption for nearly all is no chance
_NEARLY_ALL = 0.8


@dataclass(frozen=True, slots=True)
class Validation:
    """`loss` in nats per word and `accuracy` of the next word are teacher-forced; BLEU-4 (0 to 1) and CIDEr-D (0 to 10)
    score the decoder's own `captions`, by picture name. `other` has the figure of another metric that chooses the
    epoch, by its key. With several data sets, `parts` has the validation of each.
    """

    loss: float
    accuracy: float
    bleu_4: float
    cider_d: float
    captions: dict[str, str]
    parts: dict[str, "Validation"] = field(default_factory=dict)
    other: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """The figures by their names in `metrics.jsonl`."""
        scores = {"bleu_4": self.bleu_4, "cider_d": self.cider_d, **self.other}
        figures: dict[str, Any] = {"val_loss": self.loss, "val_accuracy": self.accuracy, **scores}
        if are_degenerate(list(self.captions.values())):
            figures[DEGENERATE] = True
        return figures | {"sources": {n: part.figures() for n, part in self.parts.items()}} if self.parts else figures


def mean_of(parts: Mapping[str, Validation], weights: Mapping[str, float]) -> Validation:
    """The weighted mean of every figure over several data sets, with all of their captions."""
    total = sum(weights[name] for name in parts)

    def mean(figure: Callable[[Validation], float]) -> float:
        return sum(weights[name] * figure(part) for name, part in parts.items()) / total

    others = next(iter(parts.values())).other
    return Validation(
        loss=mean(lambda part: part.loss),
        accuracy=mean(lambda part: part.accuracy),
        bleu_4=mean(lambda part: part.bleu_4),
        cider_d=mean(lambda part: part.cider_d),
        captions={name: caption for part in parts.values() for name, caption in part.captions.items()},
        parts=dict(parts),
        other={key: mean(lambda part, key=key: part.other[key]) for key in others},  # type: ignore[misc]
    )


def are_degenerate(captions: Sequence[str]) -> bool:
    """Whether most captions are empty or stutter (`a a a`), or nearly all are the same."""
    if not captions:
        return False
    broken = sum(stutters(caption) for caption in captions)
    _, commonest = Counter(captions).most_common(1)[0]
    same = len(captions) >= _FEWEST and commonest > _NEARLY_ALL * len(captions)
    return same or 2 * broken > len(captions)


def stutters(caption: str) -> bool:
    """Whether a caption has no word, or a word or a pair of words three times in a row."""
    words = caption.split()
    for size in (1, 2):
        for begin in range(len(words) - 3 * size + 1):
            first = words[begin : begin + size]
            if first == words[begin + size : begin + 2 * size] == words[begin + 2 * size : begin + 3 * size]:
                return True
    return not words


class TorchSteps:
    """A PyTorch decoder with the array interface of `showtell.search`."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._constants: tuple[State, dict[str, torch.Tensor]] = ({}, {})  # as given, and where the decoder lies

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """See `showtell.search.StepDecoder`."""
        with torch.inference_mode():
            constants, state = self.decoder.start(torch.from_numpy(embeddings).to(self.decoder.device))
        return _arrays(constants), _arrays(state)

    def step(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State]:
        """See `showtell.search.StepDecoder`."""
        with torch.inference_mode():
            given, device = torch.from_numpy(tokens), self.decoder.device
            if constants is not self._constants[0]:  # the same for many steps, and large where they are grids
                self._constants = constants, _tensors(constants, device)
            logits, after = self.decoder.step(given.to(device), self._constants[1], _tensors(state, device))
        return logits.cpu().numpy(), _arrays(after)


class EmbeddingSource(Protocol):
    """Embeddings of pictures, from a store or from an encoder in training."""

    @property
    def rows(self) -> Mapping[str, int]:
        """The row of each picture, by its name."""
        ...

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]]) -> Floats:
        """The embeddings of `rows`, `float32 (len(rows), *shape)`."""
        ...


class Validator:
    """Holds the references, so that each epoch only has to caption and score."""

    def __init__(
        self,
        captions: Mapping[str, Sequence[str]],
        scored: Sequence[str],
        batches: Sequence[Batch],
        vocabulary: Vocabulary,
        options: SearchOptions,
        best_by: str = "cider_d",
    ) -> None:
        """Tokenize the references.

        Arguments:
            captions: captions of the validation pictures, by name.
            scored: names of the pictures that are captioned and scored.
            batches: the batches of the validation loss, see `held_out`.
            vocabulary: the decoder's.
            options: options of the search.
            best_by: the figure that chooses the epoch; its metric is computed if it is not anyway.
        """
        self.vocabulary, self.options = vocabulary, options
        self.pictures, self.names = list(captions), list(scored)
        self.texts = {name: [self.vocabulary.spaced(caption) for caption in captions[name]] for name in self.names}
        self.references = {name: [ptb_tokenize(text) for text in texts] for name, texts in self.texts.items()}
        self.batches, self.best_by = batches, best_by

    def __call__(self, decoder: Decoder, seen: EmbeddingSource) -> Validation:
        """Validate `decoder` on the embeddings `seen`; it is put into evaluation mode and left there."""
        decoder.eval()
        loss, accuracy = self._teacher_forced(decoder, seen)
        captions = self._captions(decoder, seen)
        spaced = {name: self.vocabulary.spaced(caption) for name, caption in captions.items()}
        hypotheses = {name: ptb_tokenize(caption) for name, caption in spaced.items()}
        bleu_4 = bleu(hypotheses, self.references).corpus["BLEU-4"]
        best = cider_d(hypotheses, self.references).corpus["CIDEr-D"]
        return Validation(loss, accuracy, bleu_4, best, captions, other=self._other(spaced))

    def constant(self, caption: str) -> float:
        """The CIDEr-D of one caption for all scored pictures."""
        tokens = ptb_tokenize(self.vocabulary.spaced(caption))
        return cider_d(dict.fromkeys(self.names, tokens), self.references).corpus["CIDEr-D"]

    def _other(self, captions: Mapping[str, str]) -> dict[str, float]:
        if self.best_by in ("cider_d", "bleu_4", "val_loss", "last"):
            return {}
        metric, figure = figures_by_key()[self.best_by]
        return {self.best_by: score(captions, self.texts, metrics=[metric.name]).corpus[figure]}

    def _teacher_forced(self, decoder: Decoder, seen: EmbeddingSource) -> tuple[float, float]:
        loss, correct, count = 0.0, 0, 0
        rows = np.array([seen.rows[name] for name in self.pictures], np.int64)
        with torch.inference_mode():
            for batch in self.batches:
                embeddings = torch.from_numpy(seen.take(rows[batch.rows])).to(decoder.device)
                tokens = torch.from_numpy(batch.tokens).to(decoder.device)
                result = next_word(decoder, embeddings, tokens, self.vocabulary.pad)
                loss += result.loss.item() * result.count
                correct += result.correct
                count += result.count
        return loss / count, correct / count

    def _captions(self, decoder: Decoder, seen: EmbeddingSource) -> dict[str, str]:
        captions: dict[str, str] = {}
        for begin in range(0, len(self.names), _PICTURES_AT_ONCE):
            names = self.names[begin : begin + _PICTURES_AT_ONCE]
            embeddings = seen.take([seen.rows[name] for name in names])
            found = search(TorchSteps(decoder), embeddings, self.vocabulary, self.options, first=begin)
            captions |= {name: self.vocabulary.decode(best[0].tokens) for name, best in zip(names, found, strict=True)}
        return captions


class GroupValidator:
    """Validates on each of several data sets; with one data set it is that one's `Validator`."""

    def __init__(
        self,
        captions: Mapping[str, Sequence[str]],
        groups: Sequence[Group],
        training: TrainingOptions,
        vocabulary: Vocabulary,
        search: SearchOptions,
    ) -> None:
        """Tokenize the references.

        Arguments:
            captions: captions of the validation pictures, by name.
            groups: their data sets.
            training: options of the validation loss, and the number of scored pictures of each data set.
            vocabulary: the decoder's.
            search: options of the search.
        """
        self.rules = vocabulary.rules
        self.weights = {group.name: group.validation_weight for group in groups}
        self.validators: dict[str, Validator] = {}
        for group in groups:
            own = {name: captions[name] for name in group.validation if name in captions}
            if own:
                scored = list(own)[: training.validation_pictures or None]
                batches = held_out(training, own, vocabulary)
                self.validators[group.name] = Validator(own, scored, batches, vocabulary, search, training.best_by)
        self.names = [name for validator in self.validators.values() for name in validator.names]

    def __call__(self, decoder: Decoder, seen: EmbeddingSource) -> Validation:
        """Validate `decoder`, as `Validator` does. With several data sets the figures are weighted means."""
        parts = {name: validator(decoder, seen) for name, validator in self.validators.items()}
        return next(iter(parts.values())) if len(parts) == 1 else mean_of(parts, self.weights)

    def constant(self, caption: str) -> float:
        """The CIDEr-D of one caption for all scored pictures, as a weighted mean over the data sets."""
        total = sum(self.weights[name] for name in self.validators)
        return sum(self.weights[name] * one.constant(caption) for name, one in self.validators.items()) / total


def held_out(options: TrainingOptions, captions: Mapping[str, Sequence[str]], vocabulary: Vocabulary) -> list[Batch]:
    """The batches of the validation loss, the same after every epoch; their rows count the pictures of `captions` in
    order.
    """
    rows = {name: row for row, name in enumerate(captions)}
    if options.validation_batches:
        drawn = PictureBatches(
            captions,
            rows,
            vocabulary,
            batch_size=min(options.batch_size, len(captions)),
            max_length=options.max_length,
            seed=0,
            steps=options.validation_batches,
        )
        return drawn.epoch(0)
    return CaptionBatches(captions, rows, vocabulary, seed=0, batch_size=256, max_length=1000).in_order()


def _arrays(tensors: dict[str, torch.Tensor]) -> State:
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _tensors(state: State, device: torch.device) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in state.items()}
