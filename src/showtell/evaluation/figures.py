"""Sums over pictures -> the figures of an evaluation with their intervals; and what each figure is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from showtell.evaluation.result import Figure
from showtell.metrics.bootstrap import Summed, bootstrap
from showtell.metrics.result import Floats

Unit: TypeAlias = Literal["score", "percent", "number"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a figure is shown: a score times 100, as papers print it, a share in percent, a number as it is."""

    label: str
    unit: Unit
    about: str

    def text(self, value: float) -> str:
        """A value as it is printed."""
        if self.unit == "number":
            return f"{value:.2f}"
        return f"{100 * value:.1f}" + ("%" if self.unit == "percent" else "")


KINDS = {
    "BLEU-1": Kind("BLEU-1", "score", "words that a reference has"),
    "BLEU-2": Kind("BLEU-2", "score", "and pairs of words"),
    "BLEU-3": Kind("BLEU-3", "score", "and runs of three words"),
    "BLEU-4": Kind("BLEU-4", "score", "and runs of four words"),
    "ROUGE-L": Kind("ROUGE-L", "score", "longest shared subsequence"),
    "CIDEr-D": Kind("CIDEr-D", "score", "shared runs, weighed by rarity"),
    "perplexity": Kind("perplexity", "number", "of the references; 1 is least"),
    "next_word_accuracy": Kind("next word", "percent", "of the references, predicted"),
    "mean_length": Kind("mean length", "number", "words of a caption"),
    "vocabulary_used": Kind("vocabulary used", "percent", "of the model's words"),
    "distinct": Kind("distinct", "percent", "captions unlike each other"),
    "copied": Kind("copied", "percent", "equal to a training caption"),
    "nearly_copied": Kind("nearly copied", "percent", "equal, or but for one word"),
    "repeated_pair": Kind("repeated pair", "percent", "two words in a row, twice"),
    "hallucinated": Kind("hallucinated", "percent", "name an object no reference has"),
    "rank_correlation": Kind("confidence", "number", "rank correlation with CIDEr-D"),
    "confidence_error": Kind("confidence error", "percent", "from the share of good captions"),
    "unfamiliar": Kind("unfamiliar", "percent", "unlike the training pictures"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Figures that are means over pictures: a column of `values`, `float64 (N, F)`, for each name."""

    names: tuple[str, ...]
    values: Floats

    @property
    def statistics(self) -> Floats:
        return np.hstack([self.values, np.ones((len(self.values), 1))])

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        return lambda sums: sums[..., :-1] / sums[..., -1:]


@dataclass(frozen=True, slots=True, eq=False)
class NextWordFigures:
    """Perplexity and next-word accuracy.

    For each picture: the loss of its references in nats, how many of their words were predicted, how many there are.
    """

    statistics: Floats

    @property
    def names(self) -> tuple[str, ...]:
        return ("perplexity", "next_word_accuracy")

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        return lambda sums: np.stack([np.exp(sums[..., 0] / sums[..., 2]), sums[..., 1] / sums[..., 2]], axis=-1)


def figures_of(parts: Sequence[Summed], resamples: int, seed: int) -> dict[str, Figure]:
    """Every figure of `parts` over all pictures, with its interval; all intervals come from the same resamples."""
    intervals = bootstrap(parts, resamples, seed)
    return {
        name: Figure(float(value), *intervals[name])
        for part in parts
        for name, value in zip(part.names, part.combine(part.statistics.sum(axis=0)), strict=True)
    }
