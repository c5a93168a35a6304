"""Numbers -> a summary of their distribution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """Smallest, median, 95th percentile (`most`), largest and mean of some numbers; all 0 if there are none."""

    smallest: int = 0
    median: float = 0.0
    most: float = 0.0
    largest: int = 0
    mean: float = 0.0

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "NumberSummary":
        """The summary of whole numbers."""
        if not numbers:
            return cls()
        values = np.asarray(numbers)
        median, most = np.percentile(values, [50, 95])
        return cls(int(values.min()), float(median), float(most), int(values.max()), round(float(values.mean()), 3))

    def __str__(self) -> str:
        if self.smallest == self.largest:
            return f"{self.smallest:,}"
        return f"{self.smallest:,} to {self.largest:,}, median {self.median:,g}"
