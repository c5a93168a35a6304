"""Groups of beams: they decide which live sentences compete with one another in a beam search.

A picture has the same number of groups at every step, each with up to `width` live sentences: the K = `count` x `width`
columns of `scores`. Plain beam search has one group. Separate groups keep sentences that a single group would drop:
different ones (`showtell.search.diverse`), or those with words that must appear (`showtell.search.banks`). A live
sentence has a state, a number whose meaning only the groups know.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from showtell.search.steps import Floats, Ints


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible extensions of a group's live sentences, likeliest first; each array is `(A, groups, C)`.

    `values` are sums of log-probabilities, -inf where there is no candidate; a candidate is sentence `parents` (of the
    picture's K) extended by the word `words`, in the state `states`. C is twice the width if there are so many, so that
    at least `width` of them stay live whichever of them end.
    """

    values: Floats
    parents: Ints
    words: Ints
    states: Ints


class BeamGroups(Protocol):
    """`count` groups for each picture, of `width` sentences each; sentences in the first `complete` groups may end.

    Finished sentences go to `goals` lists, which divide the groups evenly.
    """

    width: int
    count: int
    complete: int
    goals: int

    def start(self, pictures: int) -> Ints:
        """The state of each picture's first live sentence, which has no words; `(A,)`."""
        ...

    def needed(self, states: Ints) -> Ints | None:
        """Words that rules against repetition must allow in these states: `(..., M)` for states `(...)`.

        Entries that never appear fill the rows; None if no word is needed.
        """
        ...

    def candidates(self, scores: Floats, next_log_probs: Floats, states: Ints) -> Candidates:
        """The best of every group, from the live sentences' sums `(A, K)`, next words `(A, K, V)`, and states `(A, K)`.

        At the first step K is 1.
        """
        ...


class SingleGroup:
    """All live sentences of a picture compete: plain beam search."""

    count = complete = goals = 1

    def __init__(self, width: int) -> None:
        self.width = width

    def start(self, pictures: int) -> Ints:
        """See `BeamGroups`; the states have no meaning here."""
        return np.zeros(pictures, np.int64)

    def needed(self, states: Ints) -> None:
        """See `BeamGroups`."""

    def candidates(self, scores: Floats, next_log_probs: Floats, states: Ints) -> Candidates:
        """See `BeamGroups`."""
        totals = (scores[:, :, None] + next_log_probs).reshape(len(scores), -1)
        best = top(totals, min(2 * self.width, totals.shape[1]))
        values = np.take_along_axis(totals, best, axis=1)
        parents, words = np.divmod(best, next_log_probs.shape[2])
        return Candidates(values[:, None], parents[:, None], words[:, None], np.zeros_like(words)[:, None])


def top(values: Floats, count: int) -> Ints:
    """Indices of the `count` largest values of each row, largest first; of equal values the first one."""
    rows, left = np.arange(len(values)), values.copy()
    best = np.empty((len(values), count), np.int64)
    for rank in range(count):  # finding a few maxima is much faster than partitioning rows
        best[:, rank] = left.argmax(axis=1)
        if not np.isfinite(left[rows, best[:, rank]]).all():  # a row has fewer candidates than requested
            return np.argsort(-values, axis=1, kind="stable")[:, :count]
        left[rows, best[:, rank]] = -np.inf
    return best
