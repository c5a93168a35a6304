"""Captions -> figures of their wording: length, variety, repetition, copies of training captions."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from showtell.evaluation.copies import TrainingCaption, Words
from showtell.evaluation.figures import Means
from showtell.evaluation.result import Figure
from showtell.text import SPECIALS, TokenVocabulary


def wording(captions: Sequence[Words], copies: Sequence[TrainingCaption | None] | None) -> Means:
    """Mean length, share with a repeated pair of words and, unless `copies` is None, the shares of copies and of novel
    captions.
    """
    columns = {
        "mean_length": [len(words) for words in captions],
        "repeated_pair": [repeats_a_pair(words) for words in captions],
    }
    if copies is not None:
        columns["copied"] = [copy is not None and copy.edits == 0 for copy in copies]
        columns["novel"] = [copy is None or copy.edits > 0 for copy in copies]
        columns["nearly_copied"] = [copy is not None for copy in copies]
    return Means(tuple(columns), np.array(list(columns.values()), np.float64).T)


def diversity(captions: Sequence[Words], vocabulary: TokenVocabulary) -> dict[str, Figure]:
    """The number of different words, the share of distinct captions and, if its entries are words, the share of the
    vocabulary that was used.

    They have no interval: a resample repeats pictures, so it has fewer distinct captions than new pictures would.
    """
    distinct = {"distinct": Figure(len(set(captions)) / len(captions))}
    used = {word for words in captions for word in words}
    if vocabulary.continues is not None:
        return {"vocabulary_size": Figure(float(len(used))), **distinct}
    return {
        "vocabulary_size": Figure(float(len(used))),
        "vocabulary_used": Figure(len(used) / (len(vocabulary) - len(SPECIALS))),
        **distinct,
    }


def repeats_a_pair(words: Words) -> bool:
    """Whether a pair of neighboring words occurs twice, as "a dog" in "a dog and a dog"."""
    pairs = list(pairwise(words))
    return len(set(pairs)) < len(pairs)
