"""Captions -> how they are worded: length, variety, repetition, copies of what was learnt."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from showtell.evaluation.copies import TrainingCaption, Words
from showtell.evaluation.figures import Means
from showtell.evaluation.result import Figure
from showtell.text import SPECIALS, Vocabulary


def wording(captions: Sequence[Words], copies: Sequence[TrainingCaption | None] | None) -> Means:
    """Mean length, share with a repeated pair of words and, where copies were looked for, shares that are copies."""
    columns = {
        "mean_length": [len(words) for words in captions],
        "repeated_pair": [repeats_a_pair(words) for words in captions],
    }
    if copies is not None:
        columns["copied"] = [copy is not None and copy.edits == 0 for copy in copies]
        columns["nearly_copied"] = [copy is not None for copy in copies]
    return Means(tuple(columns), np.array(list(columns.values()), np.float64).T)


def diversity(captions: Sequence[Words], vocabulary: Vocabulary) -> dict[str, Figure]:
    """Share of different captions, and of the vocabulary's words that were used.

    They have no interval: a resample holds pictures twice, so it has fewer different captions than any new pictures.
    """
    used = {word for words in captions for word in words}
    return {
        "vocabulary_used": Figure(len(used) / (len(vocabulary) - len(SPECIALS))),
        "distinct": Figure(len(set(captions)) / len(captions)),
    }


def repeats_a_pair(words: Words) -> bool:
    """Whether the same two words stand side by side twice, as in "a dog and a dog"."""
    pairs = list(pairwise(words))
    return len(set(pairs)) < len(pairs)
