"""BLEU-1 to BLEU-4 of captions: tokenized hypotheses and references in, scores of the corpus and of each picture out.

Papineni, Roukos, Ward and Zhu, "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002, in the form
that captioning papers report: the arithmetic of pycocoevalcap's `Bleu` (closest reference length, its two smoothing
constants), so that the scores are the same to rounding.
"""

import numpy as np

from showtell.metrics.inputs import Hypotheses, References, check_pairs
from showtell.metrics.matching import MAX_ORDER, Match, ReferenceIndex
from showtell.metrics.ngrams import Ids
from showtell.metrics.registry import MetricInput, metric
from showtell.metrics.result import Floats, MetricScores

NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4")

# pycocoevalcap's constants: TINY is added to every count of matches and SMALL to every count of n-grams. They avoid 0/0
# and also set the score of a caption without a matching n-gram (tiny, not 0), so they are part of the metric.
TINY = 1e-15
SMALL = 1e-9


def bleu(hypotheses: Hypotheses, references: References) -> MetricScores:
    """BLEU-1 to BLEU-4 of one hypothesis per picture against that picture's references, as fractions of 1.

    The corpus score comes from the summed counts of all pictures, not from the mean of their scores. An empty
    hypothesis scores 0 and lowers the corpus's score through the brevity penalty.

    Args:
        hypotheses: picture id -> tokenized caption, for exactly the pictures of `references`.
        references: picture id -> tokenized reference captions, at least one each; they may differ in number.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenized.
    """
    picture_ids = check_pairs(hypotheses, references)
    index = ReferenceIndex(references)
    return bleu_of_match(index, index.match(picture_ids, [hypotheses[picture] for picture in picture_ids]))


def bleu_of_match(index: ReferenceIndex, match: Match) -> MetricScores:
    """`bleu` of hypotheses that were matched with their references, one for each picture of `index` in order."""
    counts = np.empty((len(match.lengths), 2 + 2 * MAX_ORDER))
    counts[:, 0] = match.lengths
    counts[:, 1] = _closest_lengths(index, match)
    for order, (mine, theirs, shared) in enumerate(zip(match.grams, index.ngrams.grams, match.shared, strict=True)):
        # An n-gram counts at most as often as it occurs in any one reference.
        most = np.zeros(len(mine.ids), dtype=np.int64)
        np.maximum.at(most, shared.mine, theirs.counts[shared.theirs])
        matching = np.minimum(mine.counts, most)
        counts[:, 2 + order] = np.bincount(mine.rows, weights=matching, minlength=len(match.lengths))
        counts[:, 2 + MAX_ORDER + order] = np.maximum(0, match.lengths - order)
    return MetricScores(NAMES, index.picture_ids, bleu_of(counts), counts, bleu_of)


@metric(
    "BLEU",
    help="n-grams of 1 to 4 words that a reference has too",
    figures={
        "BLEU-1": "words that a reference has",
        "BLEU-2": "and pairs of words",
        "BLEU-3": "and runs of three words",
        "BLEU-4": "and runs of four words",
    },
    settings="closest",
    order=10,
)
def _bleu(given: MetricInput) -> MetricScores:
    return bleu_of_match(given.index, given.match)


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


def _closest_lengths(index: ReferenceIndex, match: Match) -> Ids:
    """The length of the reference that is closest in length; of two equally close ones the shorter."""
    hypothesis, reference = index.pairs(match)
    lengths = index.lengths[reference]
    distances = np.abs(lengths - match.lengths[hypothesis])
    longer = int(lengths.max()) + 1
    firsts = np.flatnonzero(np.diff(hypothesis, prepend=-1))
    closest: Ids = np.minimum.reduceat(distances * longer + lengths, firsts) % longer
    return closest
