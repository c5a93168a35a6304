"""CIDEr-D of captions: tokenised hypotheses and references in, scores of the corpus and of each picture out.

Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015 (arXiv:1411.5726), the
CIDEr-D of its section 6, as pycocoevalcap's `Cider` computes it (n-grams to order 4, sigma 6, times 10), so that the
scores are the same to rounding. `CiderD` keeps what depends on the references alone, for use as a reward in
self-critical training (Rennie et al., CVPR 2017), where the same references score thousands of batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from showtell.errors import InputError
from showtell.metrics.checks import Hypotheses, References, Tokens, check_pairs, check_references
from showtell.metrics.ngrams import Ids, NgramIndex, distinct, find, joined, split
from showtell.metrics.result import Floats, MetricScores, mean_scores

MAX_ORDER = 4
SIGMA = 6.0  # of the Gaussian penalty on the difference in length, in words
SCALE = 10.0


def cider_d(hypotheses: Hypotheses, references: References) -> MetricScores:
    """CIDEr-D of one hypothesis per picture against that picture's references, from 0 to 10.

    How rare an n-gram is comes from the references given. With one single picture every n-gram occurs in every picture,
    so all weights and the score are 0, as in pycocoevalcap; scores of a few pictures mean little for the same reason.

    Args:
        hypotheses: picture id -> tokenised caption, for exactly the pictures of `references`; an empty one scores 0.
        references: picture id -> tokenised reference captions, at least one each; they may differ in number.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, or a caption is not tokenised.
    """
    picture_ids = check_pairs(hypotheses, references)
    per_picture = CiderD(references).score_batch(picture_ids, [hypotheses[picture] for picture in picture_ids])
    return mean_scores("CIDEr-D", picture_ids, per_picture)


@dataclass(frozen=True, slots=True)
class _Vectors:
    """TF-IDF vectors of some sentences at one order, as a sparse matrix sorted by n-gram, then sentence."""

    keys: Ids  # n-gram id and sentence, joined
    weights: Floats
    norms: Floats  # of each sentence

    @classmethod
    def of(cls, keys: Ids, term_frequency: Ids, rarity: Floats, unseen: float, sentences: int) -> "_Vectors":
        ids, rows = split(keys)
        rarities = np.full(len(ids), unseen)
        seen = ids < len(rarity)
        rarities[seen] = rarity[ids[seen]]
        weights = term_frequency * rarities
        return cls(keys, weights, np.sqrt(np.bincount(rows, weights=weights**2, minlength=sentences)))


class CiderD:
    """CIDEr-D against fixed references: document frequencies and reference vectors are computed once, here.

    Args:
        references: picture id -> tokenised reference captions, at least one each. Their pictures are also the documents
            from which n-gram frequencies are counted.

    Raises:
        InputError: no pictures, a picture without a reference, or a reference that is not tokenised.
    """

    def __init__(self, references: References) -> None:
        check_references(references)
        sentences = list(chain.from_iterable(references.values()))
        per_picture = np.fromiter(map(len, references.values()), dtype=np.int64, count=len(references))
        picture_of = np.repeat(np.arange(len(references)), per_picture)
        self._places = {picture: place for place, picture in enumerate(references)}
        self._reference_counts: Ids = per_picture
        self._first_reference: Ids = np.cumsum(per_picture) - per_picture
        self._reference_lengths = _lengths(sentences)
        self._log_pictures = float(np.log(len(references)))
        self._index = NgramIndex(MAX_ORDER)
        self._rarities: list[Floats] = []
        self._vectors: list[_Vectors] = []
        for ngrams in self._index.build(sentences):
            keys, term_frequency = distinct(joined(ngrams.ids, ngrams.rows))
            rarity = self._log_pictures - np.log(_document_frequency(keys, picture_of, ngrams.known))
            self._rarities.append(rarity)
            self._vectors.append(_Vectors.of(keys, term_frequency, rarity, self._log_pictures, len(sentences)))

    def score(self, picture_id: str, tokens: Tokens) -> float:
        """CIDEr-D of one caption of one picture. For many captions `score_batch` is some twenty times faster."""
        return float(self.score_batch([picture_id], [tokens])[0])

    def score_batch(self, picture_ids: Sequence[str], hypotheses: Sequence[Tokens]) -> Floats:
        """CIDEr-D of each hypothesis against the references of its picture.

        Args:
            picture_ids: the picture of each hypothesis, `(B,)`; a picture may come several times.
            hypotheses: tokenised captions, `(B,)`.

        Returns:
            float64 `(B,)`.

        Raises:
            InputError: a picture that has no references here, a hypothesis that is not tokenised, or unequal lengths.
        """
        pictures = self._check(picture_ids, hypotheses)
        # Every hypothesis beside each reference of its picture: these pairs are numbered hypothesis by hypothesis.
        references = self._reference_counts[pictures]
        first_pair = np.cumsum(references) - references
        hypothesis_of = np.repeat(np.arange(len(hypotheses)), references)
        shift = self._first_reference[pictures] - first_pair  # from a pair's number to its reference's
        reference_of = np.arange(len(hypothesis_of)) + shift[hypothesis_of]
        similarity = np.zeros(len(hypothesis_of))
        for ngrams, rarity, theirs in zip(self._index.of(hypotheses), self._rarities, self._vectors, strict=True):
            keys, term_frequency = distinct(joined(ngrams.ids, ngrams.rows))
            # An n-gram that no reference has counts as one that a single picture's references have.
            mine = _Vectors.of(keys, term_frequency, rarity, self._log_pictures, len(hypotheses))
            dots = _clipped_dots(mine, theirs, references, first_pair, shift)
            norms = mine.norms[hypothesis_of] * theirs.norms[reference_of]
            similarity += np.divide(dots, norms, out=np.zeros(len(dots)), where=norms > 0)
        difference = _lengths(hypotheses)[hypothesis_of] - self._reference_lengths[reference_of]
        similarity *= np.exp(-(difference**2) / (2 * SIGMA**2))
        summed = np.bincount(hypothesis_of, weights=similarity, minlength=len(hypotheses))
        return SCALE * summed / (MAX_ORDER * references)

    def _check(self, picture_ids: Sequence[str], hypotheses: Sequence[Tokens]) -> Ids:
        if len(picture_ids) != len(hypotheses):
            raise InputError(f"{len(picture_ids)} picture ids for {len(hypotheses)} hypotheses: give one for each")
        strange = [picture for picture in picture_ids if picture not in self._places]
        if strange:
            raise InputError(f"{len(strange)} of the pictures to score have no references here, such as {strange[0]!r}")
        for picture, tokens in zip(picture_ids, hypotheses, strict=True):
            if isinstance(tokens, str):
                raise InputError(f"the hypothesis of picture {picture!r} is a text, not tokens: tokenise it first")
        return np.fromiter((self._places[picture] for picture in picture_ids), dtype=np.int64, count=len(picture_ids))


def _lengths(sentences: Sequence[Tokens]) -> Ids:
    return np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))


def _document_frequency(keys: Ids, picture_of: Ids, known: int) -> Ids:
    """In how many pictures' references each n-gram occurs, by n-gram id; `keys` are sorted by n-gram, then sentence."""
    ids, rows = split(keys)
    pictures = picture_of[rows]
    first = np.ones(len(keys), dtype=np.bool_)  # the first of a picture's sentences with this n-gram
    first[1:] = (ids[1:] != ids[:-1]) | (pictures[1:] != pictures[:-1])
    return np.bincount(ids[first], minlength=known)


def _clipped_dots(mine: _Vectors, theirs: _Vectors, references: Ids, first_pair: Ids, shift: Ids) -> Floats:
    """For each pair of hypothesis and reference, the sum of min(hypothesis, reference) * reference over n-grams."""
    ids, rows = split(mine.keys)
    # Each n-gram of a hypothesis beside each reference: `entry` is its place in `mine`, `pair` the pair's number.
    times = references[rows]
    entry = np.repeat(np.arange(len(ids)), times)
    pair = np.arange(len(entry)) + np.repeat(first_pair[rows] - (np.cumsum(times) - times), times)
    places, shared = find(theirs.keys, joined(ids[entry], pair + shift[rows[entry]]))
    weights = theirs.weights[places[shared]]
    products = np.minimum(mine.weights[entry[shared]], weights) * weights
    return np.bincount(pair[shared], weights=products, minlength=int(references.sum())).astype(np.float64, copy=False)
