"""Writes one word after another: the likeliest (greedy), or a random one (sampling).

Sampling follows Holtzman et al. 2020 (nucleus) and Fan et al. 2018 (top-k).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.search.options import Hypothesis, SearchOptions
from showtell.search.rules import rules_of
from showtell.search.steps import (
    Floats,
    Ints,
    State,
    StepDecoder,
    begin,
    calibrated_end,
    calibration_shift,
    log_probabilities,
    repeat_rows,
    shares_constants,
    take_rows,
)
from showtell.text import TokenVocabulary

_VANISHING = 1e-200  # below such a sum the smaller powers lose digits, and the sum soon becomes 0


def temper(probabilities: npt.NDArray[Any], temperature: float) -> npt.NDArray[np.float64]:
    """`p_i^(1/t) / sum_j p_j^(1/t)` over the last axis, for any positive t; it equals the course notebook's to the last
    digit.
    """
    p = np.asarray(probabilities, np.float64)
    powers: npt.NDArray[np.float64] = p ** (1.0 / temperature)
    vanishing = powers.sum(axis=-1, keepdims=True) < _VANISHING
    if vanishing.any():  # the same quotient, after division by the largest probability
        powers = np.where(vanishing, (p / p.max(axis=-1, keepdims=True)) ** (1.0 / temperature), powers)
    tempered: npt.NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return tempered


def truncate(probabilities: npt.NDArray[np.float64], top_k: int, top_p: float) -> npt.NDArray[np.float64]:
    """Keep the `top_k` likeliest entries, then the smallest set with `top_p` of the probability, and renormalize; rows
    `(N, V)`.
    """
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


def sample(
    decoder: StepDecoder,
    embeddings: Floats,
    vocabulary: TokenVocabulary,
    options: SearchOptions,
    first: int | Sequence[int],
    calibration_temperature: float | None = None,
) -> list[list[Hypothesis]]:
    """One row per sentence; greedy search always chooses the likeliest word."""
    copies = options.num_captions if options.sample else 1
    begun = begin(decoder, embeddings, vocabulary, options.prompt, calibration_temperature)
    constants, state = begun.constants, repeat_rows(begun.state, copies)
    if not shares_constants(decoder):
        constants = repeat_rows(constants, copies)
    count, before = len(embeddings) * copies, len(begun.prompt)
    longest = vocabulary.steps(options.max_length)
    draws = _uniform(options, len(embeddings), copies, first, longest)
    tokens = np.repeat(begun.tokens, copies)
    chosen = np.full((count, longest), vocabulary.end, np.int64)
    log_probs = np.zeros((count, longest), np.float32)
    shifts = np.zeros((count, longest), np.float32)
    chosen[:, :before] = begun.prompt
    log_probs[:, :before] = np.repeat(begun.log_probs, copies, axis=0)
    shifts[:, :before] = np.repeat(begun.shifts, copies, axis=0)
    summands = np.full(count, longest)  # words, and END if the sentence ended
    rows = _Rows(decoder, constants, state, copies, np.arange(count))
    rules = rules_of(options, vocabulary)
    for t in range(before, longest):
        logits = rows.step(tokens)
        alive = rows.alive
        next_log_probs = log_probabilities(logits, vocabulary, first_word=t == 0)
        if calibration_temperature:
            shifts[alive, t] = calibration_shift(calibration_temperature, next_log_probs)[:, 0]
        if rules:
            rules.apply(next_log_probs, chosen[alive, :t])
            able = next_log_probs.max(axis=1) > -np.inf
            summands[alive[~able]] = t
            next_log_probs = next_log_probs[able]
            rows.keep(able)
            alive = rows.alive
        tokens = _next(next_log_probs, options, draws[alive, t])
        chosen[alive, t] = tokens
        log_probs[alive, t] = next_log_probs[np.arange(len(alive)), tokens]
        live = tokens != vocabulary.end
        summands[alive[~live]] = t + 1
        rows.keep(live)
        tokens = tokens[live]
        if not len(tokens):
            break
    calibrated: list[tuple[float, ...]] = [()] * count
    if calibration_temperature:
        at = log_probs * np.float32(1 / calibration_temperature) + shifts
        ends = rows.step(tokens) if len(rows.alive) else None
        ended = None if ends is None else calibrated_end(ends, vocabulary, calibration_temperature)
        calibrated = _cut(at, summands, rows.alive, ended)
    sentences = [
        _hypothesis(ids[:n], lp[:n], of_words, vocabulary.end, options, before)
        for ids, lp, of_words, n in zip(chosen, log_probs, calibrated, summands, strict=True)
    ]
    return _best_first(sentences, copies)


class _Rows:
    """The decoder's arrays for the sentences that are being written: `alive` are their rows, out of all."""

    def __init__(self, decoder: StepDecoder, constants: State, state: State, copies: int, alive: Ints) -> None:
        self._decoder, self._constants, self._state, self._copies = decoder, constants, state, copies
        self.alive = alive
        self._here = alive  # the rows in `_state`: where pictures share constants, all rows of a picture stay together

    def step(self, tokens: Ints) -> Floats:
        """Logits `(N, V)` after the last tokens `(N,)` of the rows alive."""
        if len(self._here) == len(self.alive):
            logits, self._state = self._decoder.step(tokens, self._constants, self._state)
            return logits
        at = np.searchsorted(self._here, self.alive)
        whole = np.full(len(self._here), tokens[0], np.int64)
        whole[at] = tokens
        logits, self._state = self._decoder.step(whole, self._constants, self._state)
        return logits[at]

    def keep(self, live: npt.NDArray[np.bool_]) -> None:
        """Drop the other sentences."""
        if live.all():
            return
        self.alive = self.alive[live]
        if not shares_constants(self._decoder):
            stay = live
            self._constants = take_rows(self._constants, stay)
        else:
            pictures = np.unique(self._here // self._copies)
            left = np.isin(pictures, self.alive // self._copies)
            stay = np.repeat(left, self._copies)
            if not left.all():
                self._constants = take_rows(self._constants, left)
        self._here = self._here[stay]
        self._state = take_rows(self._state, stay)


def _next(log_probs: Floats, options: SearchOptions, draws: npt.NDArray[np.float64]) -> Ints:
    """The next token of each row `(N,)`: drawn by its uniform number in `draws`, or the likeliest."""
    if not options.sample:
        likeliest: Ints = log_probs.argmax(axis=1)
        return likeliest
    return _draw(truncate(temper(np.exp(log_probs), options.temperature), options.top_k, options.top_p), draws)


def _cut(at: Floats, summands: Ints, alive: Ints, ends: Floats | None) -> list[tuple[float, ...]]:
    """The calibrated log-probabilities of each sentence, of rows `(N, T)`; those cut at the maximum length, which are
    still `alive`, have the value for END as well.
    """
    calibrated = [tuple(row[:n].tolist()) for row, n in zip(at, summands, strict=True)]
    if ends is not None:
        for row, end in zip(alive.tolist(), ends.tolist(), strict=True):
            calibrated[row] += (end,)
    return calibrated


def _best_first(sentences: list[Hypothesis], copies: int) -> list[list[Hypothesis]]:
    """The `copies` adjacent sentences of each picture, best first."""
    grouped = [sentences[i : i + copies] for i in range(0, len(sentences), copies)]
    return [sorted(group, key=lambda hypothesis: -hypothesis.score) for group in grouped]


def _uniform(
    options: SearchOptions, pictures: int, copies: int, first: int | Sequence[int], longest: int
) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for every word of every sentence, which depends on the position of its picture in the run."""
    places = range(first, first + pictures) if isinstance(first, int) else first
    drawn = [np.random.default_rng([options.seed, place]).random((copies, longest)) for place in places]
    return np.stack(drawn).reshape(pictures * copies, longest)


def _draw(probabilities: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Inverse-transform sampling: the first entry whose cumulative probability exceeds the uniform number."""
    cumulative = np.cumsum(probabilities, axis=1)
    targets = uniform * cumulative[:, -1]
    drawn: npt.NDArray[np.int64] = (cumulative <= targets[:, None]).sum(axis=1).astype(np.int64)
    return drawn


def _hypothesis(
    ids: Ints, log_probs: Floats, calibrated: tuple[float, ...], end: int, options: SearchOptions, before: int
) -> Hypothesis:
    """The sentence with the ids `ids`, including END if it ended; the first `before` are the prompt."""
    words = len(ids) - int(ids[-1] == end)
    score = float(log_probs[before:].sum()) / max(1, len(ids) - before) ** options.length_penalty
    ended = calibrated if len(calibrated) > words else ()
    return Hypothesis(tuple(ids[:words].tolist()), tuple(log_probs[:words].tolist()), score, ended)
