"""The interface between search and decoder: two functions over arrays, and log-probabilities from their logits."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from showtell.text import TokenVocabulary

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
State: TypeAlias = dict[str, npt.NDArray[Any]]
"""Arrays by name; the first axis of each is the row (one row per live sentence)."""


class StepDecoder(Protocol):
    """A decoder that writes one word at a time for N rows at once.

    The constants have a row for each of the N. If the decoder has an attribute `shares_constants` that is true, they
    have one for each picture, whose N / A rows follow one another.
    """

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """From embeddings `float32 (N, D)` or `(N, L, D)`: constants of each picture, and the first state."""
        ...

    def step(self, tokens: Ints, constants: State, state: State) -> tuple[Floats, State]:
        """From the last tokens `int64 (N,)`: logits `float32 (N, V)` of the next word, and the next state."""
        ...


def log_probabilities(logits: Floats, vocabulary: TokenVocabulary, *, first_word: bool) -> Floats:
    """Log-softmax over the allowed entries; -inf for others. Logits and result are `(N, V)`."""
    logits = logits.copy()
    left_out = [*vocabulary.excluded, *([vocabulary.end] if first_word else [])]
    if vocabulary.renormalizes:
        logits[:, left_out] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    if not vocabulary.renormalizes:
        logits[:, left_out] = -np.inf
    return logits


def calibration_shift(temperature: float, next_log_probs: Floats) -> Floats:
    """The shift that makes `next_log_probs / temperature` log-probabilities again, for rows `(N, V)`: `float32 (N, 1)`.

    Logits and log-probabilities, divided by a temperature, have the same softmax.
    """
    scaled = next_log_probs * np.float32(1 / temperature)
    top = scaled.max(axis=1, keepdims=True)
    scaled -= top
    np.exp(scaled, out=scaled)
    shift: Floats = -(np.log(scaled.sum(axis=1, keepdims=True)) + top)
    return shift


def calibrated_end(logits: Floats, vocabulary: TokenVocabulary, temperature: float) -> Floats:
    """The log-probability of END at a temperature, after at least one word: `float32 (N,)` from logits `(N, V)`."""
    next_log_probs = log_probabilities(logits, vocabulary, first_word=False)
    calibrated: Floats = (
        next_log_probs[:, vocabulary.end] * np.float32(1 / temperature)
        + calibration_shift(temperature, next_log_probs)[:, 0]
    )
    return calibrated


def repeat_rows(state: State, copies: int) -> State:
    """Each row `copies` times, one after another."""
    return {name: np.repeat(array, copies, axis=0) for name, array in state.items()} if copies > 1 else state


def take_rows(state: State, rows: Ints | npt.NDArray[np.bool_]) -> State:
    """The rows with these numbers, in that order, or those where a mask is true."""
    return {name: array[rows] for name, array in state.items()}


def shares_constants(decoder: StepDecoder) -> bool:
    """Whether the rows of a picture share its constants (see `StepDecoder`)."""
    return bool(getattr(decoder, "shares_constants", False))


def start_sentences(decoder: StepDecoder, embeddings: Floats, vocabulary: TokenVocabulary) -> tuple[State, State, Ints]:
    """The constants, the state and the last tokens `(A,)` before the first word of a sentence for each embedding."""
    constants, state = decoder.start(embeddings)
    tokens = np.full(len(embeddings), vocabulary.start, np.int64)
    for token in vocabulary.forced:
        _, state = decoder.step(tokens, constants, state)
        tokens = np.full_like(tokens, token)
    return constants, state, tokens


@dataclass(frozen=True, slots=True)
class Beginning:
    """Sentences of which the prompt is written: the decoder's arrays, the last tokens `(A,)`, the prompt's entries, and
    their log-probabilities and shifts (see `calibration_shift`), both `(A, P)`.
    """

    constants: State
    state: State
    tokens: Ints
    prompt: tuple[int, ...]
    log_probs: Floats
    shifts: Floats


def begin(
    decoder: StepDecoder, embeddings: Floats, vocabulary: TokenVocabulary, prompt: str, temperature: float | None
) -> Beginning:
    """Start a sentence for each embedding, and write what every sentence begins with."""
    constants, state, tokens = start_sentences(decoder, embeddings, vocabulary)
    ids = vocabulary.prompt(prompt) if prompt else ()
    log_probs = np.zeros((len(embeddings), len(ids)), np.float32)
    shifts = np.zeros_like(log_probs)
    for t, token in enumerate(ids):
        logits, state = decoder.step(tokens, constants, state)
        next_log_probs = log_probabilities(logits, vocabulary, first_word=t == 0)
        log_probs[:, t] = next_log_probs[:, token]
        if temperature:
            shifts[:, t] = calibration_shift(temperature, next_log_probs)[:, 0]
        tokens = np.full_like(tokens, token)
    return Beginning(constants, state, tokens, ids, log_probs, shifts)
