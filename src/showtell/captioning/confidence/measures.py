"""Stated probabilities and what came true -> reliability and calibration error.

The reliability diagram and expected calibration error of Guo et al. 2017, "On Calibration of Modern Neural Networks"
(arXiv:1706.04599, section 2), with bins of equal width.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of similar probability: the mean of what was `stated`, the share that came `true`, and their
    `count`.
    """

    stated: float
    true: float
    count: int


def reliability(probabilities: Floats, true: npt.NDArray[np.bool_], bins: int = 10) -> list[Bin]:
    """Group predictions by their probability, in bins of equal width. Empty bins are left out.

    Arguments:
        probabilities: `float64 (N,)`, in [0, 1].
        true: `bool (N,)`, what came true.
        bins: the number of bins; a probability on a bound belongs to the bin above.
    """
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    stated, came = (np.bincount(places, values, bins) for values in (probabilities, true.astype(np.float64)))
    return [Bin(float(stated[i] / n), float(came[i] / n), int(n)) for i, n in enumerate(counts) if n]


def expected_calibration_error(probabilities: Floats, true: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Mean distance between what was stated and what came true, over the bins, weighted by their counts; 0 is best.

    Arguments as for `reliability`.
    """
    found = reliability(probabilities, true, bins)
    return sum(one.count * abs(one.stated - one.true) for one in found) / len(probabilities)
