"""Diverse beam search (Vijayakumar et al. 2018): groups of beams, each discouraged from words that others just chose.

At every step the groups choose in turn. A group ranks its candidates by log-probability minus `diversity` for each time
that an earlier group of the same picture chose the same word at this step (Hamming diversity). The first group is plain
beam search. The score of a sentence is its log-probability, without this penalty.
"""

import numpy as np

from showtell.search.beam_groups import Candidates, top
from showtell.search.steps import Floats, Ints


class DiverseGroups:
    """Groups that choose one after another; each has its own list of finished sentences."""

    def __init__(self, groups: int, width: int, diversity: float, end: int) -> None:
        self.count = self.complete = self.goals = groups
        self.width, self.diversity, self.end = width, np.float32(diversity), end

    def start(self, pictures: int) -> Ints:
        """See `showtell.search.beam_groups.BeamGroups`; the states have no meaning here."""
        return np.zeros(pictures, np.int64)

    def needed(self, states: Ints) -> None:
        """See `showtell.search.beam_groups.BeamGroups`."""

    def candidates(self, scores: Floats, next_log_probs: Floats, states: Ints) -> Candidates:
        """See `showtell.search.beam_groups.BeamGroups`."""
        pictures, beams, entries = next_log_probs.shape
        own = beams // self.count  # live sentences of a group; 0 at the first step, when all groups share one
        taken = np.zeros((pictures, entries), np.float32)  # how often earlier groups chose each word
        found = []
        for group in range(self.count):
            rows = slice(group * own, (group + 1) * own) if own else slice(1)
            totals = scores[:, rows, None] + next_log_probs[:, rows]
            ranked = (totals - self.diversity * taken[:, None]).reshape(pictures, -1)
            best = top(ranked, min(2 * self.width, ranked.shape[1]))
            values = np.take_along_axis(totals.reshape(pictures, -1), best, axis=1)
            parents, words = np.divmod(best, entries)
            found.append((values, parents + group * own, words))
            self._take(taken, values, words)
        values, parents, words = (np.stack(of_groups, axis=1) for of_groups in zip(*found, strict=True))
        return Candidates(values, parents, words, np.zeros_like(words))

    def _take(self, taken: Floats, values: Floats, words: Ints) -> None:
        """Count the words that a group chose: those of its first `width` candidates that do not end."""
        live = (words != self.end) & np.isfinite(values)
        live &= np.cumsum(words != self.end, axis=1) <= self.width
        pictures, ranks = np.nonzero(live)
        np.add.at(taken, (pictures, words[pictures, ranks]), 1)
