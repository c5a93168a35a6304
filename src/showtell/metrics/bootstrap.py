"""Sums over pictures -> sums over resampled pictures -> intervals.

The bootstrap of Efron 1979, with percentile intervals; for machine translation Koehn, "Statistical Significance Tests
for Machine Translation Evaluation", EMNLP 2004. A resample draws as many pictures as there are, with replacement. Every
figure that is computed from sums over pictures, such as BLEU, is computed from the resample's sums by the same code.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from showtell.metrics.result import Floats

LEVEL = 0.95
_AT_ONCE = 64  # resamples whose weights are in memory: 64 x 40,000 pictures take 20 MB


class Summed(Protocol):
    """Figures that are computed from sums over pictures, such as `MetricScores`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The figures, shape `(F,)`."""

    @property
    def statistics(self) -> Floats:
        """The numbers of each picture that are summed, `float64 (N, K)`."""

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        """From sums `(..., K)` to figures `(..., F)`."""


def bootstrap(parts: Sequence[Summed], resamples: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """The 95% interval of every figure of `parts`, such as `Scores.parts`; all use the same resamples.

    Arguments:
        parts: figures of the same N pictures.
        resamples: how often N pictures are drawn from the N.
        seed: of the draws.

    Returns:
        (lower end, upper end) by figure name.
    """
    resampled = resampled_sums(np.hstack([part.statistics for part in parts]), resamples, seed)
    ends = np.cumsum([part.statistics.shape[1] for part in parts])
    return {
        name: interval(values)
        for part, sums in zip(parts, np.split(resampled, ends[:-1], axis=1), strict=True)
        for name, values in zip(part.names, part.combine(sums).T, strict=True)
    }


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


def mean_interval(values: Floats, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """The 95% interval of a mean: of `values`, `float64 (N,)`, one for each picture; `bootstrap` has the arguments."""
    return interval(resampled_sums(values[:, None], resamples, seed)[:, 0] / len(values))


def interval(values: Floats) -> tuple[float, float]:
    """The percentile interval that holds the middle 95% of `values`, `float64 (resamples,)`."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
