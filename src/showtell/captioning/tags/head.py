"""The classifier that the encoder was trained with, small enough to be part of a bundle: embeddings -> class logits.

Weights are kept as int8 rows with one float16 scale for each class (see `showtell.quantization.int8_weights`): a
quarter of float32, 1.3 MB for 1,000 classes of 1,280 numbers, and the logits differ by about 0.01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.products import row_products
from showtell.quantization.int8_weights import to_rows

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ClassHead:
    """The last layer of a classifier of C classes: `weights` int8 `(C, D)`, `scales` float16 `(C,)`, `biases` float32
    `(C,)`.
    """

    weights: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float16]
    biases: Floats

    @classmethod
    def of(cls, weights: Floats, biases: Floats) -> "ClassHead":
        """Convert a layer, `float32 (C, D)` and `(C,)`, to int8."""
        return cls(*to_rows(weights), biases.astype(np.float32))

    def __call__(self, embeddings: Floats) -> Floats:
        """Logits `float32 (B, C)` of embeddings `float32 (B, D)` or, averaged over their cells, `(B, L, D)`."""
        pooled = embeddings.mean(axis=1) if embeddings.ndim == 3 else embeddings
        products = row_products(pooled.astype(np.float32), self.weights.astype(np.float32))
        logits: Floats = products * self.scales.astype(np.float32) + self.biases
        return logits

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, as `from_tensors` takes them."""
        return {"weights": self.weights, "scales": self.scales, "biases": self.biases}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]], classes: int) -> "ClassHead":
        """The inverse of `tensors`.

        Raises:
            InputError: an array is missing, or its type or shape is not that of a head with so many classes.
        """
        kinds = {"weights": (np.int8, 2), "scales": (np.float16, 1), "biases": (np.float32, 1)}
        for name, (kind, axes) in kinds.items():
            array = tensors.get(name)
            if array is None or array.dtype != kind or array.ndim != axes or len(array) != classes:
                raise InputError(f"the classifier's {name} are not for {classes} classes")
        return cls(tensors["weights"], tensors["scales"], tensors["biases"])
