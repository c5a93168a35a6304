"""Next-word distributions and the true next words -> the temperature that calibrates the likeliest word.

Temperature scaling, Guo et al. 2017 (arXiv:1706.04599, section 4.2): all logits are divided by one number, which keeps
the order of words. Guo et al. choose the number that makes the true words likeliest. With thousands of words the many
unlikely ones decide that. Label smoothing makes them too likely, and the calibration of the likeliest words can get
worse. Here the number is chosen by what people see: the probability of the likeliest word, against whether it was the
true one.

The search is written here, because a calibration must be the same bit for bit wherever it is fitted. The loss has
kinks, so the last digits of Brent's method (`scipy.optimize.minimize_scalar`) depend on release and tolerance (1.20440
for 1.20433 on 10,000 words, with 10 evaluations instead of 20). SciPy would also be the largest dependency.
"""

import math

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError

Floats = npt.NDArray[np.float32]

LOWEST, HIGHEST = 0.1, 10.0
"""No temperature beyond these is tried: a model that needs one has learned nothing."""

_ROWS_AT_ONCE = 1024
_CLOSE_ENOUGH = 1e-3  # of the logarithm of the temperature
_GOLDEN = (math.sqrt(5) - 1) / 2


def find_temperature(log_probs: Floats, words: npt.NDArray[np.int64]) -> float:
    """The temperature T that minimizes the log loss of one prediction per row: that the likeliest word is the true one.
    Probabilities are proportional to exp(log_probs / T). Golden-section search over log T.

    Arguments:
        log_probs: `float32 (N, V)`, logits or log-probabilities; -inf for words that are not allowed.
        words: `int64 (N,)`, the true words.

    Raises:
        InputError: there are no words.
    """
    if not len(words):
        raise InputError("there are no words to fit a temperature to")
    right = log_probs.argmax(axis=1) == words

    def loss(at: float) -> float:
        stated = likeliest(log_probs, math.exp(at))
        return -float(np.log(np.where(right, stated, 1 - stated).clip(1e-12)).mean())

    low, high = math.log(LOWEST), math.log(HIGHEST)
    left, other = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_other = loss(left), loss(other)
    while high - low > _CLOSE_ENOUGH:
        if at_left < at_other:
            high, other, at_other = other, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, other, at_other
            other = low + _GOLDEN * (high - low)
            at_other = loss(other)
    return math.exp((low + high) / 2)


def likeliest(log_probs: Floats, temperature: float) -> npt.NDArray[np.float64]:
    """The probability of each row's likeliest word at a temperature: `float64 (N,)` from `float32 (N, V)`."""
    found = np.empty(len(log_probs))
    for begin in range(0, len(log_probs), _ROWS_AT_ONCE):
        here = log_probs[begin : begin + _ROWS_AT_ONCE]
        powers = np.exp((here - here.max(axis=1, keepdims=True)) / np.float32(temperature))
        found[begin : begin + _ROWS_AT_ONCE] = 1 / powers.sum(axis=1, dtype=np.float64)
    return found
