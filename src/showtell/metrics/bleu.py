"""BLEU-1 to BLEU-4 of captions: tokenised references and hypotheses in, scores of the corpus and of each picture out.

Papineni, Roukos, Ward and Zhu, "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002, in the form
that captioning papers report: the arithmetic of pycocoevalcap's `Bleu` (closest reference length, its two smoothing
constants), so that the scores are the same to rounding.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from showtell.metrics.checks import Hypotheses, References, Tokens, check_pairs

MAX_ORDER = 4

# pycocoevalcap's constants: TINY is added to every count of matches and SMALL to every count of n-grams. They keep 0/0
# away and also set what a caption scores that has no matching n-gram (tiny, not 0), so they are part of the metric.
TINY = 1e-15
SMALL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class BleuScores:
    """BLEU-1..4 as fractions of 1 (papers print them times 100)."""

    corpus: tuple[float, ...]
    """BLEU-1..4 of all pictures together; not the mean of the pictures' scores."""
    picture_ids: tuple[str, ...]
    """The pictures, in the order of the references."""
    per_picture: npt.NDArray[np.float64]
    """BLEU-1..4 of each picture alone, shape `(B, 4)`, rows in the order of `picture_ids`."""
    counts: npt.NDArray[np.int64]
    """What `bleu_of` needs to know of each picture, shape `(B, 10)`: so any selection of pictures can be scored."""


def bleu(references: References, hypotheses: Hypotheses) -> BleuScores:
    """BLEU-1..4 of one hypothesis per picture against that picture's references.

    An empty hypothesis scores 0 and lowers the corpus's score through the brevity penalty.

    Args:
        references: picture id -> tokenised reference captions, at least one each; they may differ in number.
        hypotheses: picture id -> tokenised caption, for exactly the same pictures.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenised.
    """
    picture_ids = check_pairs(references, hypotheses)
    counts = np.array([_count(hypotheses[picture], references[picture]) for picture in picture_ids], dtype=np.int64)
    corpus = tuple(map(float, bleu_of(counts.sum(axis=0))))
    return BleuScores(corpus, picture_ids, bleu_of(counts), counts)


def bleu_of(counts: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """BLEU-1..4 from counts: geometric mean of the precisions of orders 1..n, times the brevity penalty.

    Args:
        counts: shape `(..., 10)`, of one picture or summed over pictures: words of the hypothesis; words of the
            reference closest in length; by order 1 to 4 the hypothesis's n-grams that a reference has too, clipped; by
            order 1 to 4 all n-grams of the hypothesis.

    Returns:
        float64 `(..., 4)`.
    """
    of: npt.NDArray[np.float64] = counts.astype(np.float64)
    ratio = (of[..., :1] + TINY) / (of[..., 1:2] + SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    precisions = (of[..., 2 : 2 + MAX_ORDER] + TINY) / (of[..., 2 + MAX_ORDER :] + SMALL)
    scores: npt.NDArray[np.float64] = np.cumprod(precisions, axis=-1) ** (1 / np.arange(1, MAX_ORDER + 1)) * penalty
    return scores


def _count(hypothesis: Tokens, references: Sequence[Tokens]) -> list[int]:
    # Each different word of a picture's captions becomes one character, so that a caption is a short string, an n-gram
    # a substring of it, and matching is `in`: several times faster than tuples of words in sets.
    letters: defaultdict[str, str] = defaultdict(map(chr, count(1)).__next__)
    mine, *theirs = ["".join(map(letters.__getitem__, tokens)) for tokens in (hypothesis, *references)]
    length = len(mine)
    # The closest length; of two equally close ones the shorter.
    reference_length = min([(abs(len(reference) - length), len(reference)) for reference in theirs])[1]
    ngrams = [max(0, length - order) for order in range(MAX_ORDER)]
    return [length, reference_length, *_matches(mine, theirs), *ngrams]


def _matches(mine: str, theirs: list[str]) -> list[int]:
    """By order, how many n-grams match, each at most as often as the one reference that has it most often."""
    anywhere = "\0".join(theirs)  # no word's character is chr(0), so no n-gram matches across two references
    matches = [0] * MAX_ORDER
    for order in range(1, MAX_ORDER + 1):
        ngrams = [mine[i : i + order] for i in range(len(mine) - order + 1)]
        found = [ngram for ngram in ngrams if ngram in anywhere]
        if not found:
            break  # then no longer one matches either
        different = set(found)
        matches[order - 1] = len(different)
        if len(different) < len(found):
            # Only for an n-gram that repeats does it matter how often the references have it, and few do.
            for ngram in different:
                times = found.count(ngram)
                if times > 1:
                    most = max([_occurrences(ngram, reference) for reference in theirs])
                    matches[order - 1] += min(times, most) - 1
    return matches


def _occurrences(ngram: str, sentence: str) -> int:
    if len(ngram) == 1:
        return sentence.count(ngram)
    # str.count would miss occurrences that overlap, such as the second "a a" of "a a a".
    return sum(sentence.startswith(ngram, i) for i in range(len(sentence)))
