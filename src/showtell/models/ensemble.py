"""Ensembles: several models that caption together by averaging their probabilities of the next word.

Each model has its own state. Averaging follows Sutskever et al. 2014 (translation) and Vinyals et al. 2014
(captioning). An ensemble is a `StepDecoder` like any other, so every search works with it.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from showtell.decoders.runtime import OnnxSteps
from showtell.errors import BundleError
from showtell.models.bundle import Bundle
from showtell.search import Floats, State

T = TypeVar("T")


class Ensemble:
    """Decoders that share a vocabulary and take the same embeddings, as one `StepDecoder`."""

    def __init__(self, decoders: Sequence[OnnxSteps]) -> None:
        self.decoders = tuple(decoders)
        self.attends = all(decoder.attends for decoder in decoders)
        self.shares_constants = all(decoder.shares_constants for decoder in decoders)

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """See `showtell.search.StepDecoder`."""
        started = [decoder.start(embeddings) for decoder in self.decoders]
        return _joined([constants for constants, _ in started]), _joined([state for _, state in started])

    def step(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State]:
        """See `showtell.search.StepDecoder`; the logits are log-probabilities over all entries."""
        steps = self._each(lambda decoder, *own: decoder.step(tokens, *own), constants, state)
        return _log_mean([logits for logits, _ in steps]), _joined([after for _, after in steps])

    def look(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State, Floats]:
        """A step, with the mean of the decoders' attention to the grid's cells, `(N, L)`; only if all `attend`."""
        steps = self._each(lambda decoder, *own: decoder.look(tokens, *own), constants, state)
        attention = np.mean([attention for _, _, attention in steps], axis=0)
        return _log_mean([logits for logits, _, _ in steps]), _joined([after for _, after, _ in steps]), attention

    def _each(self, run: Callable[[OnnxSteps, State, State], T], constants: State, state: State) -> list[T]:
        return [run(decoder, _own(constants, i), _own(state, i)) for i, decoder in enumerate(self.decoders)]


def check_fit(bundles: Sequence[Bundle], *, any_resize: bool = False, any_output: bool = False) -> None:
    """Refuse bundles that cannot form an ensemble.

    Arguments:
        bundles: at least one.
        any_resize: accept bundles that make pictures square in different ways, because the user chose one way.
        any_output: accept decoders of pooled embeddings beside those of grids.

    Raises:
        BundleError: encoders, embeddings, vocabularies or ways of making pictures square differ; the message names the
            two bundles.
    """
    first, *others = bundles
    for other in others:
        if difference := _difference(first, other, any_resize, any_output):
            raise BundleError(f"{other.path}: does not go together with {first.path}: {difference}")


def _difference(one: Bundle, other: Bundle, any_resize: bool, any_output: bool) -> str:
    """Why two bundles cannot form an ensemble, and the remedy; empty if they can."""
    a, b = one.model, other.model
    if a["encoder"] != b["encoder"]:
        names = (a["encoder"]["name"], b["encoder"]["name"])
        what = f"{names[1]} instead of {names[0]}" if names[0] != names[1] else f"{names[0]} with other weights or size"
        return f"its encoder is {what}: train both with one encoder"
    if a["output"] != b["output"] and not any_output:
        return (
            f"its decoder takes {b['output']} embeddings instead of {a['output']}: train both with one encoder.output"
        )
    if one.vocabulary != other.vocabulary:
        return (
            f"its vocabulary of {len(other.vocabulary)} entries is not that of {len(one.vocabulary)}: "
            "train both on the same captions with one vocabulary.min_count"
        )
    if a["resize"] != b["resize"] and not any_resize:
        return f"it makes pictures square by {b['resize']} instead of {a['resize']}: say by which with --resize"
    return ""


def _log_mean(logits: Sequence[Floats]) -> Floats:
    """The logarithm of the mean of the decoders' probabilities, each from logits `(N, V)`."""
    summed = np.zeros_like(logits[0])
    for own in logits:
        powers = np.exp(own - own.max(axis=1, keepdims=True))
        summed += powers / powers.sum(axis=1, keepdims=True)
    # Probabilities that underflow stay above 0, or constrained search could not write a required word.
    mean: Floats = np.log(np.maximum(summed / len(logits), np.finfo(np.float32).tiny))
    return mean


def _joined(states: Sequence[State]) -> State:
    return {f"{i}.{name}": array for i, own in enumerate(states) for name, array in own.items()}


def _own(state: State, i: int) -> State:
    """The part of a `_joined` state that belongs to decoder `i`."""
    beginning = f"{i}."
    return {name.removeprefix(beginning): array for name, array in state.items() if name.startswith(beginning)}
