"""ROUGE-L of captions: tokenized hypotheses and references in, scores of the corpus and of each picture out.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3 (longest common subsequences), in the
form that captioning papers report: the arithmetic of pycocoevalcap's `Rouge`. It takes the best precision and the best
recall over the references separately, even if they are of two references, and weighs recall with beta = 1.2.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from showtell.metrics.inputs import Hypotheses, References, Tokens, check_pairs
from showtell.metrics.registry import MetricInput, metric
from showtell.metrics.result import MetricScores, mean_scores

BETA = 1.2

# pycocoevalcap splits an empty caption into one empty word, which other empty captions have too.
_NO_WORDS = ("",)


def rouge_l(hypotheses: Hypotheses, references: References) -> MetricScores:
    """ROUGE-L of one hypothesis per picture against that picture's references, from 0 to 1.

    An empty hypothesis scores 0, or 1 where one of its references is empty too, as in pycocoevalcap.

    Args:
        hypotheses: picture id -> tokenized caption, for exactly the pictures of `references`.
        references: picture id -> tokenized reference captions, at least one each; they may differ in number.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenized.
    """
    picture_ids = check_pairs(hypotheses, references)
    scores = [_score(hypotheses[picture] or _NO_WORDS, references[picture]) for picture in picture_ids]
    return mean_scores("ROUGE-L", picture_ids, np.array(scores, dtype=np.float64))


@metric(
    "ROUGE-L",
    help="longest common subsequence with a reference",
    figures={"ROUGE-L": "longest shared subsequence"},
    settings="beta=1.2",
    order=30,
)
def _rouge_l(given: MetricInput) -> MetricScores:
    return rouge_l(given.tokens, given.reference_tokens)


def _score(hypothesis: Tokens, references: Sequence[Tokens]) -> float:
    places: dict[Hashable, int] = {}  # of each word of the hypothesis, as bits
    for place, word in enumerate(hypothesis):
        places[word] = places.get(word, 0) | 1 << place
    common = [_longest_common(places, len(hypothesis), reference or _NO_WORDS) for reference in references]
    precision = max(common) / len(hypothesis)
    recall = max([number / (len(reference) or 1) for number, reference in zip(common, references, strict=True)])
    if not precision:  # then there is no recall either
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _longest_common(places: Mapping[Hashable, int], length: int, reference: Tokens) -> int:
    """The length of the longest common subsequence, in parallel over bits.

    Hyyrö, "Bit-parallel LCS-length computation revisited", 2004. A zero in `row` is a position of the hypothesis where
    the subsequence grows by one. Each word of the reference costs a few operations on one integer instead of a row of a
    table.
    """
    everywhere = row = (1 << length) - 1
    for word in reference:
        if word in places:
            hits = row & places[word]
            row = ((row + hits) | (row - hits)) & everywhere
    return length - row.bit_count()
