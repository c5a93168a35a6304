"""CIDEr-D and CIDEr of captions: tokenized hypotheses and references in, scores of the corpus and of each picture out.

Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015 (arXiv:1411.5726).
CIDEr-D (section 6: clipped, with a penalty on the difference in length) is what papers print as "CIDEr", and what
pycocoevalcap's `Cider` computes: n-grams to order 4, sigma 6, times 10. Plain CIDEr, without clipping and penalty,
follows the authors' own code (github.com/vrama91/cider). `CiderD` processes its references once. It is the
reward of self-critical training (Rennie et al., CVPR 2017), where the same references score thousands of batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.inputs import Hypotheses, References, Tokens, check_pairs
from showtell.metrics.matching import MAX_ORDER, Match, ReferenceIndex
from showtell.metrics.ngrams import Grams
from showtell.metrics.registry import MetricInput, metric
from showtell.metrics.result import Floats, MetricScores, mean_scores

SIGMA = 6.0  # of the Gaussian penalty on the difference in length, in words
SCALE = 10.0


def cider_d(
    hypotheses: Hypotheses, references: References, document_frequency: DocumentFrequency | None = None
) -> MetricScores:
    """CIDEr-D of one hypothesis per picture against that picture's references, from 0 to 10.

    Document frequencies come from the given references, unless there is a table. With a single picture every n-gram
    occurs in every picture, so all weights and the score are 0, as in pycocoevalcap. For the same reason, scores of a
    few pictures mean little.

    Args:
        hypotheses: picture id -> tokenized caption, for exactly the pictures of `references`; an empty one scores 0.
        references: picture id -> tokenized reference captions, at least one each; they may differ in number.
        document_frequency: how many pictures have each n-gram, counted elsewhere.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenized.
    """
    return _cider(hypotheses, references, document_frequency, "CIDEr-D")


def cider(
    hypotheses: Hypotheses, references: References, document_frequency: DocumentFrequency | None = None
) -> MetricScores:
    """Plain CIDEr, as `cider_d` but without clipping and without the penalty on length. Papers print CIDEr-D."""
    return _cider(hypotheses, references, document_frequency, "CIDEr")


class CiderD:
    """CIDEr-D against fixed references: document frequencies and reference vectors are computed once, here.

    Args:
        references: picture id -> tokenized reference captions, at least one each. Their pictures are also the documents
            from which n-gram frequencies are counted, unless there is a table. Tokens may be words or numbers of words.
        document_frequency: how many pictures have each n-gram, counted elsewhere.

    Raises:
        InputError: there are no pictures, a picture has no reference, or a reference is not tokenized.
    """

    def __init__(self, references: References, document_frequency: DocumentFrequency | None = None) -> None:
        self._index = ReferenceIndex(references, document_frequency.grams if document_frequency else None)
        self._weights = CiderWeights(self._index, document_frequency)

    def score(self, picture_id: str, tokens: Tokens) -> float:
        """CIDEr-D of one caption of one picture. For many captions `score_batch` is some twenty times faster."""
        return float(self.score_batch([picture_id], [tokens])[0])

    def score_batch(self, picture_ids: Sequence[str], hypotheses: Sequence[Tokens]) -> Floats:
        """CIDEr-D of each hypothesis against the references of its picture.

        Args:
            picture_ids: the picture of each hypothesis, `(B,)`; a picture may come several times.
            hypotheses: tokenized captions, `(B,)`, with tokens of the same type as the references'.

        Returns:
            float64 `(B,)`.

        Raises:
            InputError: a picture has no references here, a hypothesis is not tokenized, or the lengths differ.
        """
        return self._weights.score(self._index.match(picture_ids, hypotheses), "CIDEr-D")


class CiderWeights:
    """TF-IDF vectors of the references in `index`, which must know the n-grams of `document_frequency`."""

    def __init__(self, index: ReferenceIndex, document_frequency: DocumentFrequency | None) -> None:
        self._index = index
        if document_frequency is None:
            pictures, frequencies = len(index.picture_ids), index.document_frequencies()
        else:
            pictures = document_frequency.pictures
            frequencies = [np.zeros(size, dtype=np.int64) for size in index.ngrams.sizes]
            for frequency, ids, counts in zip(frequencies, index.ngrams.extra, document_frequency.counts, strict=True):
                frequency[ids] = counts
        # An n-gram that no picture has counts as one that a single picture has.
        self._unseen = float(np.log(pictures))
        self._rarities = [self._unseen - np.log(np.maximum(1, frequency)) for frequency in frequencies]
        self._vectors = [
            _Vectors.of(grams, rarity[grams.ids], len(index.lengths))
            for grams, rarity in zip(index.ngrams.grams, self._rarities, strict=True)
        ]

    def score(self, match: Match, metric: str) -> Floats:
        """CIDEr-D or CIDEr, by the metric's name, of each matched hypothesis: float64 `(B,)`."""
        clipped = metric == "CIDEr-D"
        hypothesis, reference = self._index.pairs(match)
        references = self._index.counts[match.pictures]
        # Maps a reference of a hypothesis to the number of their pair.
        shift = np.cumsum(references) - references - self._index.firsts[match.pictures]
        similarity = np.zeros(len(hypothesis))
        for order in range(MAX_ORDER):
            grams, shared, theirs = match.grams[order], match.shared[order], self._vectors[order]
            mine = _Vectors.of(grams, self._rarities_of(order, grams), len(references))
            weights = theirs.weights[shared.theirs]
            own = mine.weights[shared.mine]
            pair = self._index.ngrams.grams[order].rows[shared.theirs] + shift[grams.rows[shared.mine]]
            dots = np.bincount(pair, (np.minimum(own, weights) if clipped else own) * weights, len(hypothesis))
            norms = mine.norms[hypothesis] * theirs.norms[reference]
            similarity += np.divide(dots, norms, out=np.zeros(len(norms)), where=norms > 0)
        if clipped:
            # pycocoevalcap takes the number of bigrams as length, which is one less than that of words. The difference
            # is the same, except for empty captions, in which no n-gram matches.
            difference = match.lengths[hypothesis] - self._index.lengths[reference]
            similarity *= np.exp(-(difference**2) / (2 * SIGMA**2))
        summed = np.bincount(hypothesis, similarity, len(references))
        return SCALE * summed / (MAX_ORDER * references)

    def _rarities_of(self, order: int, grams: Grams) -> Floats:
        rarities = np.full(len(grams.ids), self._unseen)
        seen = grams.ids < len(self._rarities[order])
        rarities[seen] = self._rarities[order][grams.ids[seen]]
        return rarities


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    """TF-IDF vectors of some sentences at one order: the weight of each of their n-grams, the norm of each sentence."""

    weights: Floats
    norms: Floats

    @classmethod
    def of(cls, grams: Grams, rarities: Floats, sentences: int) -> "_Vectors":
        weights = grams.counts * rarities
        return cls(weights, np.sqrt(np.bincount(grams.rows, weights**2, sentences)))


def _cider(
    hypotheses: Hypotheses, references: References, document_frequency: DocumentFrequency | None, metric: str
) -> MetricScores:
    picture_ids = check_pairs(hypotheses, references)
    index = ReferenceIndex(references, document_frequency.grams if document_frequency else None)
    match = index.match(picture_ids, [hypotheses[picture] for picture in picture_ids])
    return mean_scores(metric, picture_ids, CiderWeights(index, document_frequency).score(match, metric))


@metric(
    "CIDEr",
    help="n-grams shared with the references, weighted by rarity, without clipping",
    figures={"CIDEr": "shared runs, weighed by rarity, unclipped"},
    settings="n=4",
    default=False,
    uses_document_frequency=True,
    order=40,
)
def _plain(given: MetricInput) -> MetricScores:
    return _of_match(given, "CIDEr")


@metric(
    "CIDEr-D",
    help="n-grams shared with the references, weighted by rarity; papers call it CIDEr",
    figures={"CIDEr-D": "shared runs, weighed by rarity"},
    settings="n=4,sigma=6",
    uses_document_frequency=True,
    order=50,
)
def _clipped(given: MetricInput) -> MetricScores:
    return _of_match(given, "CIDEr-D")


def _of_match(given: MetricInput, name: str) -> MetricScores:
    weights = CiderWeights(given.index, given.document_frequency)
    return mean_scores(name, given.index.picture_ids, weights.score(given.match, name))
