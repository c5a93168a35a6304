"""BLEU-1 to BLEU-4 of captions: tokenised hypotheses and references in, scores of the corpus and of each picture out.

Papineni, Roukos, Ward and Zhu, "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002, in the form
that captioning papers report: the arithmetic of pycocoevalcap's `Bleu` (closest reference length, its two smoothing
constants), so that the scores are the same to rounding.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np

from showtell.metrics.checks import Hypotheses, References, Tokens, check_pairs
from showtell.metrics.result import Floats, MetricScores

MAX_ORDER = 4
NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4")

# pycocoevalcap's constants: TINY is added to every count of matches and SMALL to every count of n-grams. They keep 0/0
# away and also set what a caption scores that has no matching n-gram (tiny, not 0), so they are part of the metric.
TINY = 1e-15
SMALL = 1e-9


def bleu(hypotheses: Hypotheses, references: References) -> MetricScores:
    """BLEU-1 to BLEU-4 of one hypothesis per picture against that picture's references, as fractions of 1.

    The corpus's score is of the counts of all pictures together, not the mean of the pictures' scores. An empty
    hypothesis scores 0 and lowers the corpus's score through the brevity penalty.

    Args:
        hypotheses: picture id -> tokenised caption, for exactly the pictures of `references`.
        references: picture id -> tokenised reference captions, at least one each; they may differ in number.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenised.
    """
    picture_ids = check_pairs(hypotheses, references)
    counts = [_count(hypotheses[picture], references[picture]) for picture in picture_ids]
    statistics = np.array(counts, dtype=np.float64)
    return MetricScores(NAMES, picture_ids, bleu_of(statistics), statistics, bleu_of)


def bleu_of(counts: Floats) -> Floats:
    """BLEU-1..4 from counts: geometric mean of the precisions of orders 1..n, times the brevity penalty.

    Args:
        counts: shape `(..., 10)`, of one picture or summed over pictures: words of the hypothesis; words of the
            reference closest in length; by order 1 to 4 the hypothesis's n-grams that a reference has too, clipped; by
            order 1 to 4 all n-grams of the hypothesis.

    Returns:
        float64 `(..., 4)`.
    """
    matches, ngrams = counts[..., 2 : 2 + MAX_ORDER], counts[..., 2 + MAX_ORDER :]
    ratio = (counts[..., :1] + TINY) / (counts[..., 1:2] + SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    precisions = np.cumprod((matches + TINY) / (ngrams + SMALL), axis=-1)
    scores: Floats = precisions ** (1 / np.arange(1, MAX_ORDER + 1)) * penalty
    return scores


def _count(hypothesis: Tokens, references: Sequence[Tokens]) -> tuple[int, ...]:
    # Each different word of a picture's captions becomes one character, so that a caption is a short string, an n-gram
    # a substring of it, and matching is `in`: several times faster than tuples of words in sets.
    letters: defaultdict[str, str] = defaultdict(map(chr, count(1)).__next__)
    mine, *theirs = ["".join(map(letters.__getitem__, tokens)) for tokens in (hypothesis, *references)]
    length = len(mine)
    # The closest length; of two equally close ones the shorter.
    reference_length = min([(abs(len(reference) - length), len(reference)) for reference in theirs])[1]
    return length, reference_length, *_matches(mine, theirs), *[max(0, length - order) for order in range(MAX_ORDER)]


def _matches(mine: str, theirs: list[str]) -> tuple[int, ...]:
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
    return tuple(matches)


def _occurrences(ngram: str, sentence: str) -> int:
    if len(ngram) == 1:
        return sentence.count(ngram)
    # str.count would miss occurrences that overlap, such as the second "a a" of "a a a".
    return sum(sentence.startswith(ngram, i) for i in range(len(sentence)))
