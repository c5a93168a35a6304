"""Several captions of each picture -> how much they differ: Div-1, Div-2 and mBLEU-4.

Div-n is the number of distinct n-grams of a picture's captions, divided by the number of their words. mBLEU-4 is the
BLEU-4 of a caption against the other captions of its picture, averaged over the first, second, ... captions of all
pictures: lower is more diverse. Both are as in Shetty et al. 2017, arXiv:1703.10476, section 5; there with five
captions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.evaluation.copies import Words
from showtell.evaluation.figures import Means
from showtell.metrics.bleu import bleu, bleu_of
from showtell.metrics.result import Floats


def div(captions: Sequence[Words], n: int) -> float:
    """Div-n of one picture's captions: distinct n-grams per word; 0 without words."""
    grams = {words[i : i + n] for words in captions for i in range(len(words) - n + 1)}
    return len(grams) / max(1, sum(map(len, captions)))


@dataclass(frozen=True, slots=True, eq=False)
class MutualBleu:
    """mBLEU-4. `statistics` is `float64 (N, 10 M)`: the counts of BLEU of each of M captions against the others."""

    statistics: Floats

    @property
    def names(self) -> tuple[str, ...]:
        return ("mbleu_4",)

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        def mean(sums: Floats) -> Floats:
            each = bleu_of(sums.reshape(*sums.shape[:-1], -1, 10))[..., 3]
            result: Floats = each.mean(axis=-1, keepdims=True)
            return result

        return mean


def set_diversity(captions: Sequence[Sequence[Words]]) -> tuple[Means, MutualBleu]:
    """Div-1, Div-2 and mBLEU-4.

    Arguments:
        captions: for each picture the words of its captions, at least two, the same number for all pictures.
    """
    values = [[div(of_picture, 1), div(of_picture, 2)] for of_picture in captions]
    counts = []
    for i in range(len(captions[0])):
        mine = {str(row): list(of_picture[i]) for row, of_picture in enumerate(captions)}
        others = {
            str(row): [list(words) for j, words in enumerate(of_picture) if j != i]
            for row, of_picture in enumerate(captions)
        }
        counts.append(bleu(mine, others).statistics)
    return Means(("div_1", "div_2"), np.array(values, np.float64)), MutualBleu(np.hstack(counts))
