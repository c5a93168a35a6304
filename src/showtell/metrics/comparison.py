"""Two systems on the same pictures -> the difference of every figure, its interval, and how likely chance explains it.

Both tests are paired: what one picture adds to the figures of one system is compared with what it adds to those of the
other. The paired bootstrap (Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004)
draws the same pictures for both systems; its percentile interval is that of the difference. Approximate randomization
(Noreen 1989; Riezler and Maxwell, "On Some Pitfalls in Automatic Evaluation and Significance Testing for MT", ACL 2005
workshop) swaps the two systems' captions of each picture at random; its p-value is the share of trials whose difference
is at least as large as the one that was found, the found one included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.errors import InputError
from showtell.metrics.bootstrap import Summed, interval, resampled_sums
from showtell.metrics.result import Floats

_AT_ONCE = 64  # trials whose swaps are in memory


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two systems.

    `difference` is `second` minus `first`, and `low` and `high` hold 95% of its bootstrap resamples. `p` is the p-value
    of approximate randomization, two-sided. `wins` is the share of resamples in which the second is larger; ties count
    half.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    wins: float


def compare(
    first: Sequence[Summed], second: Sequence[Summed], *, resamples: int = 1000, trials: int = 10_000, seed: int = 0
) -> dict[str, Difference]:
    """Compare the figures of two systems, such as `Scores.parts`.

    Arguments:
        first: the figures of one system, of N pictures.
        second: the same figures of the other, of the same pictures in the same order.
        resamples: resamples of the paired bootstrap.
        trials: trials of approximate randomization.
        seed: of both.

    Returns:
        The difference by figure, in the order of the parts.

    Raises:
        InputError: the systems do not have the same figures of as many pictures, or a number is not positive.
    """
    if resamples < 1 or trials < 1:
        raise InputError("a comparison needs at least 1 resample and 1 trial")
    if [one.names for one in first] != [one.names for one in second]:
        raise InputError("both systems need the same figures")
    mine, theirs = (np.hstack([one.statistics for one in parts]) for parts in (first, second))
    if mine.shape != theirs.shape:
        raise InputError("both systems need captions of the same pictures")
    figures = _figures_of(first)
    found = figures(mine.sum(axis=0)), figures(theirs.sum(axis=0))
    drawn = np.split(resampled_sums(np.hstack([mine, theirs]), resamples, seed), 2, axis=1)
    drawn_differences = figures(drawn[1]) - figures(drawn[0])
    p = _randomised(mine, theirs, figures, np.abs(found[1] - found[0]), trials, seed)
    wins = np.mean((drawn_differences > 0) + 0.5 * (drawn_differences == 0), axis=0)
    names = [name for one in first for name in one.names]
    return {
        name: Difference(
            float(found[0][i]),
            float(found[1][i]),
            float(found[1][i] - found[0][i]),
            *interval(drawn_differences[:, i]),
            float(p[i]),
            float(wins[i]),
        )
        for i, name in enumerate(names)
    }


def _figures_of(parts: Sequence[Summed]) -> Callable[[Floats], Floats]:
    """From sums `(..., K)` of all parts to all figures `(..., F)`."""
    ends = np.cumsum([part.statistics.shape[1] for part in parts])[:-1]

    def figures(sums: Floats) -> Floats:
        split = np.split(sums, ends, axis=-1)
        return np.concatenate([part.combine(one) for part, one in zip(parts, split, strict=True)], axis=-1)

    return figures


def _randomised(
    mine: Floats, theirs: Floats, figures: Callable[[Floats], Floats], found: Floats, trials: int, seed: int
) -> Floats:
    """The p-value of every figure, `float64 (F,)`; `found` has the absolute differences `(F,)`."""
    rng = np.random.default_rng(seed)
    total, change = (mine.sum(axis=0), theirs.sum(axis=0)), theirs - mine
    reached = np.zeros(len(found))
    for begin in range(0, trials, _AT_ONCE):
        count = min(_AT_ONCE, trials - begin)
        swapped = rng.integers(0, 2, (count, len(mine)), dtype=np.uint8).astype(np.float64) @ change
        differences = np.abs(figures(total[1] - swapped) - figures(total[0] + swapped))
        reached += (differences >= found - 1e-12).sum(axis=0)  # sums of floats may differ in their last digits
    return (reached + 1) / (trials + 1)
