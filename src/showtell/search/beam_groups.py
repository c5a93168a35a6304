"""Groups of beams: which of the sentences that are being written compete with one another in a beam search.

A picture has the same number of groups at every step, each with room for `width` live sentences, the K = `count` x
`width` columns of `scores`. Plain beam search has one. Groups that do not compete keep sentences which a single group
would drop: different ones (`showtell.search.diverse`), or those that hold words which must appear
(`showtell.search.banks`). A live sentence has a state, a number that means something to its groups alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from showtell.search.steps import Floats, Ints


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may become of a group's live sentences, the likeliest first; each array is `(A, groups, C)`.

    `values` are sums of log-probabilities, -inf where there is no candidate; a candidate is sentence `parents` (of the
    picture's K) lengthened by the word `words`, and would be in the state `states`. C is twice the width where there
    are as many, so that `width` of them go on whichever of them end.
    """

    values: Floats
    parents: Ints
    words: Ints
    states: Ints


class BeamGroups(Protocol):
    """`count` groups for each picture, of `width` sentences; the first `complete` hold sentences that may end.

    Sentences are finished in `goals` lists, which share the groups evenly.
    """

    width: int
    count: int
    complete: int
    goals: int

    def start(self, pictures: int) -> Ints:
        """The state of each picture's first live sentence, that without a word; `(A,)`."""
        ...

    def needed(self, states: Ints) -> Ints | None:
        """Words that no rule against repetition may take from a sentence in this state: `(..., M)` for states `(...)`.

        Entries that are never said fill the rows; None where no word is needed.
        """
        ...

    def candidates(self, scores: Floats, next_log_probs: Floats, states: Ints) -> Candidates:
        """The best of every group, from the live sentences' sums `(A, K)`, next words `(A, K, V)`, and states `(A, K)`.

        At the first step K is 1.
        """
        ...


class SingleGroup:
    """Every live sentence of a picture competes with every other: beam search as it is."""

    count = complete = goals = 1

    def __init__(self, width: int) -> None:
        self.width = width

    def start(self, pictures: int) -> Ints:
        """See `BeamGroups`: states mean nothing here."""
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
    """Indices of the `count` largest of each row, largest first, and of equal ones the first."""
    rows, left = np.arange(len(values)), values.copy()
    best = np.empty((len(values), count), np.int64)
    for rank in range(count):  # a few maxima are found much faster than rows are partitioned
        best[:, rank] = left.argmax(axis=1)
        if not np.isfinite(left[rows, best[:, rank]]).all():  # a row has fewer candidates than are asked for
            return np.argsort(-values, axis=1, kind="stable")[:, :count]
        left[rows, best[:, rank]] = -np.inf
    return best
