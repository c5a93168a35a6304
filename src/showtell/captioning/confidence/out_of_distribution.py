"""Embeddings of the training pictures -> the share of any embedding that lies outside of what they have in common.

The training embeddings vary mostly along a few directions, their first principal components. A picture is unfamiliar
when much of its embedding points elsewhere: the residual of "ViM: Out-Of-Distribution with Virtual-logit Matching"
(Wang et al. 2022, arXiv:2203.10807), here as a share of the whole, so that the strength of the features does not
matter.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.products import row_products

Floats = npt.NDArray[np.float32]

DIRECTIONS = 128
"""The largest number of directions; never more than a tenth of the embedding's numbers or half of the pictures."""

QUANTILE = 0.99
"""The share of the validation pictures that counts as familiar."""


@dataclass(frozen=True, slots=True, eq=False)
class OutOfDistribution:
    """What the training pictures have in common, small enough to be part of a bundle.

    `mean` is `float32 (D,)`, `directions` `float16 (K, D)`, of length 1, the strongest first. A picture is unfamiliar
    when more than `bound`, in [0, 1], of its embedding lies outside.
    """

    mean: Floats
    directions: npt.NDArray[np.float16]
    bound: float

    def coordinates(self, embeddings: Floats) -> npt.NDArray[np.float64]:
        """The coordinates of embeddings `float32 (B, D)` or `(B, L, D)` along the directions, `float64 (B, K)`."""
        return row_products(self._centred(embeddings), self.directions.astype(np.float64))

    def outside(self, embeddings: Floats) -> npt.NDArray[np.float64]:
        """The share of the squared length of embeddings `(B, D)` or `(B, L, D)` that lies outside of the directions,
        `(B,)`.
        """
        whole = (self._centred(embeddings) ** 2).sum(axis=1)
        inside = (self.coordinates(embeddings) ** 2).sum(axis=1)
        shares: npt.NDArray[np.float64] = 1 - np.divide(inside, whole, out=np.zeros_like(whole), where=whole > 0)
        return np.clip(shares, 0, 1)

    def _centred(self, embeddings: Floats) -> npt.NDArray[np.float64]:
        return _pooled(embeddings) - self.mean.astype(np.float64)


def fit_out_of_distribution(training: Iterable[Floats], validation: Iterable[Floats]) -> OutOfDistribution:
    """Find the directions of the training pictures, and the bound below which `QUANTILE` of the validation pictures
    lie.

    Arguments:
        training: embeddings in pieces, `float32 (n, D)` or `(n, L, D)`; each grid is averaged over its cells.
        validation: likewise, for pictures that the model was not trained on.

    Raises:
        InputError: there are fewer than two training pictures, or no validation pictures.
    """
    count, total, products = 0, np.zeros(1), np.zeros((1, 1))
    for piece in training:
        pooled = _pooled(piece)
        count, total, products = count + len(pooled), total + pooled.sum(axis=0), products + pooled.T @ pooled
    if count < 2:
        raise InputError(f"{count} training pictures do not show what is familiar: give at least two")
    mean = total / count
    _, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))  # the strongest come last
    kept = max(1, min(DIRECTIONS, len(mean) // 10, count // 2))
    directions = vectors[:, ::-1][:, :kept].T
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(kept), largest])[:, None]  # one sign on every machine
    unbound = OutOfDistribution(mean.astype(np.float32), directions.astype(np.float16), 1.0)
    shares = [unbound.outside(piece) for piece in validation]
    if not shares:
        raise InputError("there are no validation pictures to find the bound for unfamiliar pictures: give some")
    bound = float(np.quantile(np.concatenate(shares), QUANTILE))
    return OutOfDistribution(unbound.mean, unbound.directions, bound)


def _pooled(embeddings: Floats) -> npt.NDArray[np.float64]:
    pooled: npt.NDArray[np.float64] = embeddings.astype(np.float64)
    return pooled.mean(axis=1) if pooled.ndim == 3 else pooled
