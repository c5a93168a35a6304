"""Two columns of numbers -> their rank correlation (Spearman 1904)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation of `x` and `y`, `float64 (N,)`. Ties share their mean rank; a constant gives 0."""
    a, b = _ranks(x), _ranks(y)
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread else 0.0


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = last - (counts - 1) / 2
    return means[places]
