"""Lanes: which of the sentences that are being written compete with one another in a beam search.

A picture has the same number of lanes at every step, each with room for `width` live sentences, the K = `count` x
`width` columns of `scores`. Plain beam search has one. Lanes that do not compete keep sentences which a single lane
would drop: different ones (`showtell.search.diverse`), or those that hold words which must appear.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from showtell.search.steps import Floats

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may become of a lane's live sentences, the likeliest first; each array is `(A, lanes, C)`.

    `values` are sums of log-probabilities, -inf where there is no candidate; a candidate is sentence `parents` (of the
    picture's K) lengthened by the word `words`. C is twice the width where there are as many, so that `width` of them
    go on whichever of them end.
    """

    values: Floats
    parents: Ints
    words: Ints


class Lanes(Protocol):
    """`count` lanes for each picture, of `width` sentences; the first `complete` hold sentences that may end.

    Sentences are finished in `goals` lists, which share the lanes evenly.
    """

    width: int
    count: int
    complete: int
    goals: int

    def candidates(self, scores: Floats, ahead: Floats) -> Candidates:
        """The best of every lane, from the live sentences' sums `(A, K)` and what may follow them `(A, K, V)`.

        At the first step K is 1.
        """
        ...

    def follow(self, parents: Ints, words: Ints) -> None:
        """Hear which candidates became the live sentences, both `(A, K)`."""
        ...

    def keep(self, pictures: npt.NDArray[np.bool_]) -> None:
        """Hear which pictures go on, `(A,)`."""
        ...


class OneLane:
    """Every live sentence of a picture competes with every other: beam search as it is."""

    count = complete = goals = 1

    def __init__(self, width: int) -> None:
        self.width = width

    def candidates(self, scores: Floats, ahead: Floats) -> Candidates:
        """See `Lanes`."""
        totals = (scores[:, :, None] + ahead).reshape(len(scores), -1)
        best = top(totals, min(2 * self.width, totals.shape[1]))
        values = np.take_along_axis(totals, best, axis=1)
        parents, words = np.divmod(best, ahead.shape[2])
        return Candidates(values[:, None], parents[:, None], words[:, None])

    def follow(self, parents: Ints, words: Ints) -> None:
        """See `Lanes`."""

    def keep(self, pictures: npt.NDArray[np.bool_]) -> None:
        """See `Lanes`."""


def top(values: Floats, count: int) -> Ints:
    """Indices of the `count` largest of each row, largest first."""
    some = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
