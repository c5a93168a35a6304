"""The result of every metric: scores of each picture, and sums from which the score of any set of pictures comes.

A corpus score is not always the mean of its pictures' scores (BLEU and METEOR sum counts first), so a result has the
sums. The same function then computes the scores of the corpus and of every resample of it (see `bootstrap`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MetricScores:
    """The scores of one metric, or of one family such as BLEU-1 to BLEU-4."""

    names: tuple[str, ...]
    """What is scored, shape `(N,)`."""
    picture_ids: tuple[str, ...]
    """The pictures, in the order of the references, shape `(B,)`."""
    per_picture: Floats
    """The scores of each picture alone, shape `(B, N)`."""
    statistics: Floats
    """For each picture the numbers that are summed over a corpus, shape `(B, K)`."""
    combine: Callable[[Floats], Floats]
    """Sums of `statistics`, shape `(..., K)`, to scores, shape `(..., N)`."""

    @property
    def corpus(self) -> dict[str, float]:
        """The score of all pictures together, by name."""
        scores = self.combine(self.statistics.sum(axis=0))
        return {name: float(score) for name, score in zip(self.names, scores, strict=True)}


def mean_scores(name: str, picture_ids: tuple[str, ...], per_picture: Floats) -> MetricScores:
    """A metric whose corpus score is the mean of its pictures' scores, `per_picture` of shape `(B,)`."""
    column = per_picture[:, np.newaxis]
    return MetricScores((name,), picture_ids, column, np.hstack([column, np.ones_like(column)]), _mean)


def _mean(sums: Floats) -> Floats:
    return sums[..., :-1] / sums[..., -1:]
