"""Decoder states -> sentences: greedy, sampled, and beam search, in NumPy, one implementation for every decoder.

A decoder is anything with `start` and `step` (see `StepDecoder`): an exported graph in ONNX Runtime, or a model that
is being trained. PAD, START and UNK are never produced and a sentence has at least one word; probabilities are those of
the decoder over all other entries. Sampling follows Holtzman et al. 2020 (nucleus) and Fan et al. 2018 (top-k); beams
are ranked by log-probability over length to the power `length_penalty` (Wu et al. 2016, without the constant 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.text import Vocabulary

Floats: TypeAlias = npt.NDArray[np.float32]
State: TypeAlias = dict[str, npt.NDArray[Any]]
"""Arrays by name; the first axis of each is the row (one row per sentence that is being written)."""


class StepDecoder(Protocol):
    """A decoder that writes one word at a time for N rows at once."""

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """From embeddings `float32 (N, D)` or `(N, L, D)`: what stays the same for a picture, and the first state."""
        ...

    def step(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State]:
        """From the last tokens `int64 (N,)`: logits `float32 (N, V)` of the next, and the next state."""
        ...


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a sentence is found.

    Greedy when `beam` is 1 and `sample` is false. `length_penalty` is the exponent of the length that a beam's
    log-probability is divided by; 0 prefers short sentences. Sampling draws from probabilities raised to the power
    1 / `temperature`, of the `top_k` likeliest words (0: all), of the smallest set of words that holds `top_p` of the
    probability (1: all). Each picture draws from `seed` and its own place in the run, whatever batch it falls into.
    """

    beam: int = 3
    num_captions: int = 1
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    max_length: int = 20
    length_penalty: float = 0.7

    def __post_init__(self) -> None:
        checks = (
            (self.beam >= 1, f"beam must be at least 1, not {self.beam}"),
            (self.num_captions >= 1, f"the number of captions must be at least 1, not {self.num_captions}"),
            (
                self.sample or self.num_captions <= self.beam,
                f"{self.num_captions} captions need a beam of at least {self.num_captions}, or sampling",
            ),
            (self.temperature > 0, f"the temperature must be above 0, not {self.temperature:g}"),
            (self.top_k >= 0, f"top-k must not be negative ({self.top_k})"),
            (0 < self.top_p <= 1, f"top-p must lie in (0, 1], not {self.top_p:g}"),
            (self.seed >= 0, f"the seed must not be negative ({self.seed})"),
            (self.max_length >= 1, f"the maximal length must be at least 1 word, not {self.max_length}"),
            (self.length_penalty >= 0, f"the length penalty must not be negative ({self.length_penalty:g})"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A sentence: word ids without START and END, the log-probability of each, and the score it was ranked by.

    `score` is the sum of the log-probabilities, that of END included where the sentence was not cut, divided by the
    number of summands to the power `length_penalty`; 0 is certainty.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    score: float


def search(
    decoder: StepDecoder, embeddings: Floats, vocabulary: Vocabulary, options: SearchOptions, *, first: int = 0
) -> list[list[Hypothesis]]:
    """Find `options.num_captions` sentences for each embedding, best first.

    Arguments:
        decoder: what gives the next word's logits.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        vocabulary: the decoder's, `V` entries.
        options: the method and its settings.
        first: place of the first embedding in the whole run, which seeds sampling.
    """
    if not len(embeddings):
        return []
    if options.sample or options.beam == 1:
        return _sample(decoder, embeddings, vocabulary, options, first)
    return _Beams(decoder, embeddings, vocabulary, options).run()


def temper(probabilities: npt.NDArray[Any], temperature: float) -> npt.NDArray[np.float64]:
    """`p_i^(1/t) / sum_j p_j^(1/t)` over the last axis, for any positive t without underflow of the sum."""
    p = np.asarray(probabilities, np.float64)
    powers: npt.NDArray[np.float64] = (p / p.max(axis=-1, keepdims=True)) ** (1.0 / temperature)
    tempered: npt.NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return tempered


def truncate(probabilities: npt.NDArray[np.float64], top_k: int, top_p: float) -> npt.NDArray[np.float64]:
    """Keep the `top_k` likeliest entries, then the smallest set holding `top_p`, and renormalise; rows `(N, V)`."""
    if not top_k and top_p == 1.0:
        return probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    if top_k:
        ranked[:, top_k:] = 0.0
        ranked /= ranked.sum(axis=1, keepdims=True)
    reached = np.cumsum(ranked, axis=1)
    ranked[:, 1:][reached[:, :-1] >= top_p] = 0.0
    ranked /= ranked.sum(axis=1, keepdims=True)
    kept = np.empty_like(ranked)
    np.put_along_axis(kept, order, ranked, axis=1)
    return kept


def _log_probabilities(logits: Floats, vocabulary: Vocabulary, *, first_word: bool) -> Floats:
    """Log-softmax over the entries that may follow; -inf for those that may not."""
    logits = logits.copy()
    logits[:, [vocabulary.pad, vocabulary.start, vocabulary.unk]] = -np.inf
    if first_word:
        logits[:, vocabulary.end] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits


def _sample(
    decoder: StepDecoder, embeddings: Floats, vocabulary: Vocabulary, options: SearchOptions, first: int
) -> list[list[Hypothesis]]:
    """One row per sentence; greedy is the case in which the likeliest word is always drawn."""
    copies = options.num_captions if options.sample else 1
    constants, state = decoder.start(embeddings)
    constants, state = _rows(constants, copies), _rows(state, copies)
    count = len(embeddings) * copies
    draws = np.stack(
        [
            np.random.default_rng([options.seed, first + i]).random((copies, options.max_length))
            for i in range(len(embeddings))
        ]
    ).reshape(count, options.max_length)
    tokens = np.full(count, vocabulary.start, np.int64)
    chosen = np.full((count, options.max_length), vocabulary.end, np.int64)
    log_probs = np.zeros((count, options.max_length), np.float32)
    alive = np.arange(count)
    for t in range(options.max_length):
        logits, state = decoder.step(tokens, constants, state)
        ahead = _log_probabilities(logits, vocabulary, first_word=t == 0)
        if options.sample:
            p = truncate(temper(np.exp(ahead), options.temperature), options.top_k, options.top_p)
            tokens = _draw(p, draws[alive, t])
        else:
            tokens = ahead.argmax(axis=1)
        chosen[alive, t] = tokens
        log_probs[alive, t] = ahead[np.arange(len(alive)), tokens]
        going_on = np.flatnonzero(tokens != vocabulary.end)
        if not len(going_on):
            break
        if len(going_on) < len(alive):
            alive, tokens = alive[going_on], tokens[going_on]
            constants, state = _take(constants, going_on), _take(state, going_on)
    sentences = [_cut(ids, lp, vocabulary.end, options) for ids, lp in zip(chosen, log_probs, strict=True)]
    grouped = [sentences[i : i + copies] for i in range(0, count, copies)]
    return [sorted(group, key=lambda hypothesis: -hypothesis.score) for group in grouped]


def _draw(probabilities: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Inverse-transform sampling: the first entry whose cumulative probability exceeds the uniform number."""
    cumulative = np.cumsum(probabilities, axis=1)
    targets = uniform * cumulative[:, -1]
    drawn: npt.NDArray[np.int64] = (cumulative <= targets[:, None]).sum(axis=1).astype(np.int64)
    return drawn


def _cut(ids: npt.NDArray[np.int64], log_probs: Floats, end: int, options: SearchOptions) -> Hypothesis:
    ends = np.flatnonzero(ids == end)
    words = int(ends[0]) if len(ends) else len(ids)
    summands = min(words + 1, len(ids))
    score = float(log_probs[:summands].sum()) / summands**options.length_penalty
    return Hypothesis(tuple(map(int, ids[:words])), tuple(map(float, log_probs[:words])), score)


@dataclass(slots=True)
class _Finished:
    """The sentences of one picture that have come to their end, best first."""

    hypotheses: list[Hypothesis] = field(default_factory=list)

    def add(self, hypothesis: Hypothesis, keep: int) -> None:
        self.hypotheses.append(hypothesis)
        self.hypotheses.sort(key=lambda h: -h.score)
        del self.hypotheses[keep:]


class _Beams:
    """Beam search over a batch: `K` live sentences for each of the `A` pictures that are still being written."""

    def __init__(
        self, decoder: StepDecoder, embeddings: Floats, vocabulary: Vocabulary, options: SearchOptions
    ) -> None:
        self.decoder, self.vocabulary, self.options = decoder, vocabulary, options
        pictures = len(embeddings)
        self.constants, self.state = decoder.start(embeddings)
        self.finished = [_Finished() for _ in range(pictures)]
        self.alive = np.arange(pictures)  # (A,) the pictures still being written
        self.scores = np.zeros((pictures, 1), np.float32)  # (A, K) sums of log-probabilities
        self.ids = np.empty((pictures, 1, 0), np.int64)  # (A, K, t)
        self.log_probs = np.empty((pictures, 1, 0), np.float32)  # (A, K, t)

    def run(self) -> list[list[Hypothesis]]:
        tokens = np.full(len(self.alive), self.vocabulary.start, np.int64)
        for t in range(self.options.max_length):
            logits, self.state = self.decoder.step(tokens, self.constants, self.state)
            ahead = _log_probabilities(logits, self.vocabulary, first_word=t == 0)
            self._advance(ahead.reshape(*self.scores.shape, -1))
            if not len(self.alive):
                break
            tokens = self.ids[:, :, -1].reshape(-1)
        for picture, ids, log_probs, scores in zip(self.alive, self.ids, self.log_probs, self.scores, strict=True):
            for k in np.flatnonzero(np.isfinite(scores)):
                self._finish(int(picture), ids[k], log_probs[k], float(scores[k]), ids.shape[1])
        return [finished.hypotheses[: self.options.num_captions] for finished in self.finished]

    def _advance(self, ahead: npt.NDArray[np.float32]) -> None:
        """Lengthen every live sentence by its likeliest words; `ahead` is `(A, K, V)` log-probabilities."""
        pictures, beams, entries = ahead.shape
        width = self.options.beam
        totals = (self.scores[:, :, None] + ahead).reshape(pictures, -1)
        best = _top(totals, min(2 * width, totals.shape[1]))  # 2K: at most K of them end, so K can go on
        values = np.take_along_axis(totals, best, axis=1)
        parents, words = np.divmod(best, entries)
        ending = words == self.vocabulary.end
        for a, rank in self._endings(ending & np.isfinite(values)):
            k = parents[a, rank]
            log_probs = np.append(self.log_probs[a, k], ahead[a, k, self.vocabulary.end])
            self._finish(self.alive[a], self.ids[a, k], log_probs, float(values[a, rank]), len(log_probs))
        values = np.where(ending, -np.inf, values)
        going_on = np.argsort(-values, axis=1, kind="stable")[:, :width]
        self.scores = np.take_along_axis(values, going_on, axis=1).astype(np.float32)
        parents = np.take_along_axis(parents, going_on, axis=1)
        words = np.take_along_axis(words, going_on, axis=1)
        rows = np.arange(pictures)[:, None]
        self.ids = np.concatenate([self.ids[rows, parents], words[:, :, None]], axis=2)
        self.log_probs = np.concatenate(
            [self.log_probs[rows, parents], ahead[rows, parents, words][:, :, None]], axis=2
        )
        self._drop_settled(rows * beams + parents, same_width=parents.shape[1] == beams)

    def _endings(self, ending: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """(picture, rank) of the candidates that end among the first K, in order of rank."""
        for a, rank in np.argwhere(ending[:, : self.options.beam]):
            yield int(a), int(rank)

    def _drop_settled(self, rows: npt.NDArray[np.int64], same_width: bool) -> None:
        """Keep only pictures whose live sentences could still beat what they have; `rows` `(A, K)` are the parents'."""
        likeliest = self.scores.max(axis=1)
        attainable = likeliest / self.options.max_length**self.options.length_penalty
        keep = np.isfinite(likeliest)
        for a, picture in enumerate(self.alive):
            found = self.finished[picture].hypotheses
            keep[a] &= len(found) < self.options.beam or found[-1].score < attainable[a]
        if not keep.all():
            self.alive, self.scores = self.alive[keep], self.scores[keep]
            self.ids, self.log_probs, rows = self.ids[keep], self.log_probs[keep], rows[keep]
        flat = rows.reshape(-1)
        if not (same_width and keep.all()):  # else each row stays with its picture, whose constants are the same
            self.constants = _take(self.constants, flat)
        self.state = _take(self.state, flat)

    def _finish(
        self, picture: int, ids: npt.NDArray[np.int64], log_probs: npt.NDArray[Any], total: float, summands: int
    ) -> None:
        score = total / summands**self.options.length_penalty
        words = tuple(map(float, log_probs[: len(ids)]))
        self.finished[picture].add(Hypothesis(tuple(map(int, ids)), words, score), self.options.beam)


def _top(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Indices of the `count` largest of each row, largest first."""
    some = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _rows(state: State, copies: int) -> State:
    return {name: np.repeat(array, copies, axis=0) for name, array in state.items()} if copies > 1 else state


def _take(state: State, rows: npt.NDArray[np.int64]) -> State:
    return {name: array[rows] for name, array in state.items()}
