"""Sums over pictures -> sums over resampled pictures, from which intervals are read.

The bootstrap of Efron 1979, with percentile intervals; for machine translation Koehn, "Statistical Significance Tests
for Machine Translation Evaluation", EMNLP 2004. A resample draws as many pictures as there are, with replacement. Every
figure that is computed from sums over pictures, BLEU among them, is computed from the resample's sums by the same code.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
_AT_ONCE = 64  # resamples whose weights are in memory: 64 x 40,000 pictures take 20 MB


def resampled_sums(columns: Floats, resamples: int, seed: int) -> Floats:
    """Column sums over resampled rows.

    Arguments:
        columns: `float64 (N, K)`, a row for each picture.
        resamples: how often N pictures are drawn from the N.
        seed: the same seed draws the same pictures.

    Returns:
        `float64 (resamples, K)`.
    """
    rng = np.random.default_rng(seed)
    pictures = len(columns)
    even = np.full(pictures, 1 / pictures)
    sums = np.empty((resamples, columns.shape[1]))
    for begin in range(0, resamples, _AT_ONCE):
        here = sums[begin : begin + _AT_ONCE]
        here[:] = rng.multinomial(pictures, even, size=len(here)).astype(np.float64) @ columns
    return sums


def interval(values: Floats) -> tuple[float, float]:
    """The percentile interval that holds the middle 95% of `values`, `float64 (resamples,)`."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation of `x` and `y`, `float64 (N,)`; ties share their mean rank, a constant gives 0."""
    a, b = _ranks(x), _ranks(y)
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread else 0.0


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = last - (counts - 1) / 2
    return means[places]
