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
    StepDecoder,
    calibrated_end,
    calibration_shift,
    log_probabilities,
    repeat_rows,
    take_rows,
)
from showtell.text import Vocabulary

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
    vocabulary: Vocabulary,
    options: SearchOptions,
    first: int | Sequence[int],
    calibration_temperature: float | None = None,
) -> list[list[Hypothesis]]:
    """One row per sentence; greedy search always chooses the likeliest word."""
    copies = options.num_captions if options.sample else 1
    constants, state = decoder.start(embeddings)
    constants, state = repeat_rows(constants, copies), repeat_rows(state, copies)
    count = len(embeddings) * copies
    draws = _uniform(options, len(embeddings), copies, first)
    tokens = np.full(count, vocabulary.start, np.int64)
    chosen = np.full((count, options.max_length), vocabulary.end, np.int64)
    log_probs = np.zeros((count, options.max_length), np.float32)
    shifts = np.zeros((count, options.max_length), np.float32)
    summands = np.full(count, options.max_length)  # words, and END if the sentence ended
    alive = np.arange(count)
    rules = rules_of(options, vocabulary)
    for t in range(options.max_length):
        logits, state = decoder.step(tokens, constants, state)
        next_log_probs = log_probabilities(logits, vocabulary, first_word=t == 0)
        if calibration_temperature:
            shifts[alive, t] = calibration_shift(calibration_temperature, next_log_probs)[:, 0]
        if rules:
            rules.apply(next_log_probs, chosen[alive, :t])
            able = next_log_probs.max(axis=1) > -np.inf
            summands[alive[~able]] = t
            next_log_probs, alive = next_log_probs[able], alive[able]
            constants, state = take_rows(constants, able), take_rows(state, able)
        if options.sample:
            p = truncate(temper(np.exp(next_log_probs), options.temperature), options.top_k, options.top_p)
            tokens = _draw(p, draws[alive, t])
        else:
            tokens = next_log_probs.argmax(axis=1)
        chosen[alive, t] = tokens
        log_probs[alive, t] = next_log_probs[np.arange(len(alive)), tokens]
        live = np.flatnonzero(tokens != vocabulary.end)
        summands[alive[tokens == vocabulary.end]] = t + 1
        if not len(live):
            break
        if len(live) < len(alive):
            alive, tokens = alive[live], tokens[live]
            constants, state = take_rows(constants, live), take_rows(state, live)
    calibrated: list[tuple[float, ...]] = [()] * count
    if calibration_temperature:
        at = log_probs * np.float32(1 / calibration_temperature) + shifts
        calibrated = [tuple(row[:n].tolist()) for row, n in zip(at, summands, strict=True)]
        if len(live):  # cut at the maximum length: the value for END
            logits, _ = decoder.step(tokens, constants, state)
            ends = calibrated_end(logits, vocabulary, calibration_temperature).tolist()
            for row, end in zip(alive.tolist(), ends, strict=True):
                calibrated[row] += (end,)
    sentences = [
        _hypothesis(ids[:n], lp[:n], of_words, vocabulary.end, options)
        for ids, lp, of_words, n in zip(chosen, log_probs, calibrated, summands, strict=True)
    ]
    return _best_first(sentences, copies)


def _best_first(sentences: list[Hypothesis], copies: int) -> list[list[Hypothesis]]:
    """The `copies` adjacent sentences of each picture, best first."""
    grouped = [sentences[i : i + copies] for i in range(0, len(sentences), copies)]
    return [sorted(group, key=lambda hypothesis: -hypothesis.score) for group in grouped]


def _uniform(options: SearchOptions, pictures: int, copies: int, first: int | Sequence[int]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for every word of every sentence, which depends on the position of its picture in the run."""
    places = range(first, first + pictures) if isinstance(first, int) else first
    drawn = [np.random.default_rng([options.seed, place]).random((copies, options.max_length)) for place in places]
    return np.stack(drawn).reshape(pictures * copies, options.max_length)


def _draw(probabilities: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Inverse-transform sampling: the first entry whose cumulative probability exceeds the uniform number."""
    cumulative = np.cumsum(probabilities, axis=1)
    targets = uniform * cumulative[:, -1]
    drawn: npt.NDArray[np.int64] = (cumulative <= targets[:, None]).sum(axis=1).astype(np.int64)
    return drawn


def _hypothesis(
    ids: Ints, log_probs: Floats, calibrated: tuple[float, ...], end: int, options: SearchOptions
) -> Hypothesis:
    """The sentence with the ids `ids`, including END if it ended."""
    words = len(ids) - int(ids[-1] == end)
    score = float(log_probs.sum()) / len(ids) ** options.length_penalty
    ended = calibrated if len(calibrated) > words else ()
    return Hypothesis(tuple(ids[:words].tolist()), tuple(log_probs[:words].tolist()), score, ended)
