"""Sums over pictures -> the figures of an evaluation with their intervals; and what each figure is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.evaluation.result import Figure
from showtell.metrics.bootstrap import Summed, bootstrap
from showtell.metrics.registry import FigureKind, figure_kinds
from showtell.metrics.result import Floats

KINDS = {
    **figure_kinds(),
    "perplexity": FigureKind("perplexity", "number", "of the references; 1 is least"),
    "next_word_accuracy": FigureKind("next word", "percent", "of the references, predicted"),
    "mean_length": FigureKind("mean length", "number", "words of a caption"),
    "vocabulary_used": FigureKind("vocabulary used", "percent", "of the model's words"),
    "distinct": FigureKind("distinct", "percent", "captions unlike each other"),
    "copied": FigureKind("copied", "percent", "equal to a training caption"),
    "nearly_copied": FigureKind("nearly copied", "percent", "equal, or but for one word"),
    "repeated_pair": FigureKind("repeated pair", "percent", "two words in a row, twice"),
    "hallucinated": FigureKind("hallucinated", "percent", "name an object no reference has"),
    "rank_correlation": FigureKind("confidence", "number", "rank correlation with CIDEr-D"),
    "confidence_error": FigureKind("confidence error", "percent", "from the share of good captions"),
    "unfamiliar": FigureKind("unfamiliar", "percent", "unlike the training pictures"),
}
"""How each figure is shown, in the order in which they are printed: those of the metrics first."""


def kind_of(name: str) -> FigureKind:
    """How a figure is shown; one that this installation does not know, of a file made elsewhere, is a number."""
    return KINDS.get(name) or FigureKind(name, "number", "")


def in_order(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """The figures in the order of `KINDS`; any that it lacks follow."""
    return {name: figures[name] for name in [*KINDS, *figures] if name in figures}


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
