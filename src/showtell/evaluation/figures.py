"""Sums over pictures -> the figures of an evaluation with their intervals; also the label and unit of each figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.evaluation.result import Figure
from showtell.metrics.bootstrap import Summed, bootstrap
from showtell.metrics.registry import FigureKind, figure_kinds
from showtell.metrics.result import Floats

KINDS = {
    **figure_kinds(),
    "perplexity": FigureKind("perplexity", "number", "of the references; 1 is best"),
    "next_word_accuracy": FigureKind("next word", "percent", "words of references predicted"),
    "mean_length": FigureKind("mean length", "number", "words in a caption"),
    "vocabulary_used": FigureKind("vocabulary used", "percent", "of the model's words"),
    "vocabulary_size": FigureKind("different words", "count", "in all captions"),
    "distinct": FigureKind("distinct", "percent", "different captions"),
    "copied": FigureKind("copied", "percent", "equal to a training caption"),
    "nearly_copied": FigureKind("nearly copied", "percent", "equal, or except for one word"),
    "novel": FigureKind("novel", "percent", "equal to no training caption"),
    "repeated_pair": FigureKind("repeated pair", "percent", "two words in a row, twice"),
    "hallucinated": FigureKind("hallucinated", "percent", "name an object that no reference has"),
    "chair_s": FigureKind("CHAIRs", "percent", "captions with a COCO object that no reference has"),
    "chair_i": FigureKind("CHAIRi", "percent", "mentions of COCO objects that no reference has"),
    "div_1": FigureKind("Div-1", "number", "distinct words of a picture's captions, per word"),
    "div_2": FigureKind("Div-2", "number", "distinct pairs of words, per word"),
    "mbleu_4": FigureKind("mBLEU-4", "score", "of captions of one picture; lower is more diverse"),
    "rank_correlation": FigureKind("confidence", "number", "rank correlation with CIDEr-D"),
    "confidence_error": FigureKind("confidence error", "percent", "from the share of good captions"),
    "unfamiliar": FigureKind("unfamiliar", "percent", "unlike the training pictures"),
}
"""How each figure is shown, in printing order: figures of metrics come first."""


def kind_of(name: str) -> FigureKind:
    """How a figure is shown. An unknown figure, from a file of another installation, is shown as a number."""
    return KINDS.get(name) or FigureKind(name, "number", "")


def in_order(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """The figures in the order of `KINDS`, followed by unknown ones."""
    return {name: figures[name] for name in [*KINDS, *figures] if name in figures}


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Figures that are means over N pictures: `values` is `float64 (N, F)`, a column for each of F names."""

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

    `statistics` is `float64 (N, 3)`, for each picture: the summed loss of its references in nats, the number of words
    predicted correctly, and the number of words.
    """

    statistics: Floats

    @property
    def names(self) -> tuple[str, ...]:
        return ("perplexity", "next_word_accuracy")

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        return lambda sums: np.stack([np.exp(sums[..., 0] / sums[..., 2]), sums[..., 1] / sums[..., 2]], axis=-1)


def figures_of(parts: Sequence[Summed], resamples: int, seed: int) -> dict[str, Figure]:
    """Every figure of `parts` over all pictures, with its 95% interval; all intervals use the same resamples."""
    intervals = bootstrap(parts, resamples, seed)
    return {
        name: Figure(float(value), *intervals[name])
        for part in parts
        for name, value in zip(part.names, part.combine(part.statistics.sum(axis=0)), strict=True)
    }
