"""Tokenized hypotheses and references -> the n-grams that they share, from which BLEU and CIDEr are computed.

References go in once. Then batches of hypotheses go in, and for each order from 1 to 4 the n-grams that hypothesis and
reference both have come out, as arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from showtell.errors import InputError
from showtell.metrics.inputs import References, Tokens, check_references, check_tokens
from showtell.metrics.ngrams import GramList, Grams, Ids, NgramIndex, joined

MAX_ORDER = 4


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """N-grams of one order that a hypothesis and a reference of its picture both have, shape `(S,)` each."""

    mine: Ids
    """The index of the n-gram in the hypotheses' `Grams`; ascending."""
    theirs: Ids
    """Its index in the references' `Grams`."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Hypotheses, shape `(B,)`, matched with the references of their pictures."""

    pictures: Ids
    """The picture of each hypothesis, as `ReferenceIndex` numbers them."""
    lengths: Ids
    """The number of words of each hypothesis."""
    grams: list[Grams]
    """By order, the n-grams of the hypotheses."""
    shared: list[Shared]
    """By order, those that references have too."""


class ReferenceIndex:
    """References, counted once. Sentences are numbered picture by picture.

    Args:
        references: picture id -> tokenized reference captions, at least one each.
        also: n-grams to index as well, whether a reference has them or not.

    Raises:
        InputError: there are no pictures, a picture has no reference, or a reference is not tokenized.
    """

    def __init__(self, references: References, also: GramList | None = None) -> None:
        check_references(references)
        sentences = list(chain.from_iterable(references.values()))
        self.picture_ids = tuple(references)
        self.counts: Ids = np.fromiter(map(len, references.values()), dtype=np.int64, count=len(references))
        self.firsts: Ids = np.cumsum(self.counts) - self.counts  # of each picture's references
        self.picture_of: Ids = np.repeat(np.arange(len(references)), self.counts)
        self.lengths = _lengths(sentences)
        self.ngrams = NgramIndex(sentences, MAX_ORDER, also)
        self._places = {picture: place for place, picture in enumerate(references)}
        self._keys = [joined(grams.ids, grams.rows) for grams in self.ngrams.grams]

    def match(self, picture_ids: Sequence[str], hypotheses: Sequence[Tokens]) -> Match:
        """Find what hypotheses share with the references of their pictures; a picture may come several times.

        Raises:
            InputError: a picture has no references here, a hypothesis is not tokenized, or the lengths differ.
        """
        pictures = self._pictures(picture_ids, hypotheses)
        grams = self.ngrams.of(hypotheses)
        shared = [self._shared(order, of, pictures[of.rows]) for order, of in enumerate(grams)]
        return Match(pictures, _lengths(hypotheses), grams, shared)

    def pairs(self, match: Match) -> tuple[Ids, Ids]:
        """Every pair of a hypothesis and a reference of its picture: the hypothesis and the reference of each."""
        times = self.counts[match.pictures]
        return np.repeat(np.arange(len(times)), times), _ranges(self.firsts[match.pictures], times)

    def document_frequencies(self) -> list[Ids]:
        """By order, in how many pictures' references each n-gram occurs, by its id."""
        frequencies = []
        for grams, size in zip(self.ngrams.grams, self.ngrams.sizes, strict=True):
            pictures = self.picture_of[grams.rows]
            first = np.ones(len(pictures), dtype=np.bool_)  # the first of a picture's sentences with this n-gram
            first[1:] = (grams.ids[1:] != grams.ids[:-1]) | (pictures[1:] != pictures[:-1])
            frequencies.append(np.bincount(grams.ids[first], minlength=size))
        return frequencies

    def _shared(self, order: int, mine: Grams, pictures: Ids) -> Shared:
        # The references' n-grams are sorted by n-gram, then sentence, so those of one picture are adjacent.
        keys, firsts = self._keys[order], self.firsts[pictures]
        begin = np.searchsorted(keys, joined(mine.ids, firsts))
        times = np.searchsorted(keys, joined(mine.ids, firsts + self.counts[pictures])) - begin
        return Shared(np.repeat(np.arange(len(times)), times), _ranges(begin, times))

    def _pictures(self, picture_ids: Sequence[str], hypotheses: Sequence[Tokens]) -> Ids:
        if len(picture_ids) != len(hypotheses):
            raise InputError(f"{len(picture_ids)} picture ids for {len(hypotheses)} hypotheses: give one for each")
        strange = [picture for picture in picture_ids if picture not in self._places]
        if strange:
            raise InputError(f"{len(strange)} of the pictures to score have no references here, such as {strange[0]!r}")
        check_tokens(picture_ids, hypotheses, "hypothesis")
        return np.fromiter(map(self._places.__getitem__, picture_ids), dtype=np.int64, count=len(picture_ids))


def _lengths(sentences: Sequence[Tokens]) -> Ids:
    return np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))


def _ranges(begins: Ids, counts: Ids) -> Ids:
    """The numbers begin, begin + 1, ... of each range, in one row."""
    numbers: Ids = np.arange(counts.sum()) + np.repeat(begins - (np.cumsum(counts) - counts), counts)
    return numbers
