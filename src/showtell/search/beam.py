"""Beam search: the K likeliest sentences of every picture are written at once.

Beams are ranked by log-probability over length to the power `length_penalty` (Wu et al. 2016, without the constant 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.search.options import Hypothesis, SearchOptions
from showtell.search.steps import Floats, StepDecoder, log_probabilities, take_rows
from showtell.text import Vocabulary


@dataclass(slots=True)
class _Finished:
    """The sentences of one picture that have come to their end, best first."""

    hypotheses: list[Hypothesis] = field(default_factory=list)

    def add(self, hypothesis: Hypothesis, keep: int) -> None:
        self.hypotheses.append(hypothesis)
        self.hypotheses.sort(key=lambda h: -h.score)
        del self.hypotheses[keep:]


class Beams:
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
            ahead = log_probabilities(logits, self.vocabulary, first_word=t == 0)
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
            self.constants = take_rows(self.constants, flat)
        self.state = take_rows(self.state, flat)

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
