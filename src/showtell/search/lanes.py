"""Lanes: which of the sentences that are being written compete with one another in a beam search.

A picture has the same number of lanes at every step, each with room for `width` live sentences, the K = `count` x
`width` columns of `scores`. Plain beam search has one. Lanes that do not compete keep sentences which a single lane
would drop: different ones (`showtell.search.diverse`), or those that hold words which must appear
(`showtell.search.banks`). A live sentence may bear a mark, a number that means something to its lanes alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from showtell.search.steps import Floats, Ints


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may become of a lane's live sentences, the likeliest first; each array is `(A, lanes, C)`.

    `values` are sums of log-probabilities, -inf where there is no candidate; a candidate is sentence `parents` (of the
    picture's K) lengthened by the word `words`, and would bear the mark `marks`. C is twice the width where there are
    as many, so that `width` of them go on whichever of them end.
    """

    values: Floats
    parents: Ints
    words: Ints
    marks: Ints


class Lanes(Protocol):
    """`count` lanes for each picture, of `width` sentences; the first `complete` hold sentences that may end.

    Sentences are finished in `goals` lists, which share the lanes evenly.
    """

    width: int
    count: int
    complete: int
    goals: int

    def start(self, pictures: int) -> Ints:
        """The mark of each picture's first live sentence, that without a word; `(A,)`."""
        ...

    def needed(self, marks: Ints) -> Ints | None:
        """Words that no rule against repetition may take from a sentence with this mark: `(..., M)` for marks `(...)`.

        Entries that are never said fill the rows; None where no word is needed.
        """
        ...

    def candidates(self, scores: Floats, ahead: Floats, marks: Ints) -> Candidates:
        """The best of every lane, from the live sentences' sums `(A, K)`, what may follow them `(A, K, V)`, and marks.

        At the first step K is 1.
        """
        ...


class OneLane:
    """Every live sentence of a picture competes with every other: beam search as it is."""

    count = complete = goals = 1

    def __init__(self, width: int) -> None:
        self.width = width

    def start(self, pictures: int) -> Ints:
        """See `Lanes`: marks mean nothing here."""
        return np.zeros(pictures, np.int64)

    def needed(self, marks: Ints) -> None:
        """See `Lanes`."""

    def candidates(self, scores: Floats, ahead: Floats, marks: Ints) -> Candidates:
        """See `Lanes`."""
        totals = (scores[:, :, None] + ahead).reshape(len(scores), -1)
        best = top(totals, min(2 * self.width, totals.shape[1]))
        values = np.take_along_axis(totals, best, axis=1)
        parents, words = np.divmod(best, ahead.shape[2])
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
