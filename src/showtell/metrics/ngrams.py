"""N-grams of many sentences as numbers: lists of tokens in, arrays of (n-gram id, sentence, how often) out.

An n-gram's id comes from the id of its first n-1 words and its last word, so an id is one integer at every order, and
counting is sorting. All of COCO's training references (25 million n-grams) take some hundred megabytes, where
dictionaries of tuples take gigabytes.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from showtell.metrics.inputs import Tokens

Ids = npt.NDArray[np.int64]

_HALF = 32  # a key holds two numbers below 2**31: one above this bit, one below


def joined(high: Ids, low: Ids) -> Ids:
    """Two numbers as one key, ordered by `high` then `low`."""
    return (high << _HALF) | low


def split(keys: Ids) -> tuple[Ids, Ids]:
    """The inverse of `joined`."""
    return keys >> _HALF, keys & ((1 << _HALF) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Grams:
    """The distinct n-grams of one order in each sentence, sorted by n-gram, then by sentence."""

    ids: Ids
    """The n-gram, shape `(T,)`."""
    rows: Ids
    """The sentence that has it, shape `(T,)`."""
    counts: Ids
    """How often the sentence has it, shape `(T,)`."""


@dataclass(frozen=True, slots=True, eq=False)
class GramList:
    """N-grams without sentences: `words`, and for each order from 2 up the parts of each n-gram.

    `prefixes[k]` and `lasts[k]`, both `(T,)`, are of order k + 2: the index of the first n-1 words in the list of the
    order below, and of the last word in `words`.
    """

    words: tuple[Hashable, ...]
    prefixes: tuple[Ids, ...]
    lasts: tuple[Ids, ...]


class NgramIndex:
    """Ids, from 0 at each order, of the n-grams of orders 1 to `max_order` of some sentences and of `also`.

    By order, `grams` has the sentences' n-grams, `sizes` the number of ids, and `extra` the ids of the n-grams of
    `also`.
    """

    def __init__(self, sentences: Sequence[Tokens], max_order: int, also: GramList | None = None) -> None:
        also = also or _nothing(max_order)
        numbered = defaultdict(count(len(also.words)).__next__, {word: i for i, word in enumerate(also.words)})
        words = np.fromiter(map(numbered.__getitem__, chain.from_iterable(sentences)), dtype=np.int64)
        self._words: dict[Hashable, int] = dict(numbered)
        self._keys: list[Ids] = []  # for orders 2 and up, sorted: the id of a key is its index
        self.extra: list[Ids] = [np.arange(len(also.words))]
        rows, starts, ends = _places(sentences)
        ids = words
        self.grams = [_grams(words, rows)]
        self.sizes = [len(self._words)]
        for order, prefixes, lasts in zip(range(2, max_order + 1), also.prefixes, also.lasts, strict=True):
            keep = starts + order <= ends[starts]
            starts = starts[keep]
            theirs = joined(self.extra[-1][prefixes], lasts)
            keys = np.concatenate([theirs, joined(ids[keep], words[starts + order - 1])])
            known, of_all = _distinct(keys)
            self._keys.append(known)
            self.sizes.append(len(known))
            self.extra.append(of_all[: len(theirs)])
            ids = of_all[len(theirs) :]
            self.grams.append(_grams(ids, rows[starts]))

    def of(self, sentences: Sequence[Tokens]) -> list[Grams]:
        """The n-grams of other sentences, by order; unknown ones get ids from `sizes` up."""
        strangers: defaultdict[Hashable, int] = defaultdict(count(len(self._words)).__next__)
        known_words = self._words
        words = np.fromiter(
            (known_words[word] if word in known_words else strangers[word] for word in chain.from_iterable(sentences)),
            dtype=np.int64,
        )
        rows, starts, ends = _places(sentences)
        ids = words
        found = [_grams(words, rows)]
        for order, known in enumerate(self._keys, start=2):
            keep = starts + order <= ends[starts]
            starts = starts[keep]
            keys, ranks = _distinct(joined(ids[keep], words[starts + order - 1]))
            at = np.searchsorted(known, keys)
            is_known = np.append(known, -1)[at] == keys
            ids = np.where(is_known, at, len(known) + np.arange(len(keys)))[ranks]
            found.append(_grams(ids, rows[starts]))
        return found

    def listed(self, wanted: Sequence[npt.NDArray[np.bool_]]) -> GramList:
        """The n-grams that `wanted`, a mask by id for each order, selects; it must select each one's prefix, too."""
        words = tuple(word for word, number in self._words.items() if wanted[0][number])
        word_place = np.cumsum(wanted[0]) - 1
        prefixes, lasts, place = [], [], word_place
        for keys, mask in zip(self._keys, wanted[1:], strict=True):
            prefix, last = split(keys[mask])
            prefixes.append(place[prefix])
            lasts.append(word_place[last])
            place = np.cumsum(mask) - 1
        return GramList(words, tuple(prefixes), tuple(lasts))


def _nothing(max_order: int) -> GramList:
    empty = (np.zeros(0, dtype=np.int64),) * (max_order - 1)
    return GramList((), empty, empty)


def _distinct(keys: Ids) -> tuple[Ids, Ids]:
    """The distinct keys, sorted, and the index of each key among them: numpy.unique in half the time."""
    order = np.argsort(keys)
    ordered = keys[order]
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.cumsum(new) - 1
    return ordered[new], places


def _grams(ids: Ids, rows: Ids) -> Grams:
    """Count n-grams that are given one by one."""
    keys = np.sort(joined(ids, rows))
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    first = np.flatnonzero(new)
    return Grams(*split(keys[first]), np.diff(first, append=len(keys)))


def _places(sentences: Sequence[Tokens]) -> tuple[Ids, Ids, Ids]:
    """For each token of all sentences in one row: its sentence, its position, and the end of its sentence."""
    lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
    rows = np.repeat(np.arange(len(sentences), dtype=np.int64), lengths)
    return rows, np.arange(len(rows), dtype=np.int64), np.repeat(np.cumsum(lengths), lengths)
