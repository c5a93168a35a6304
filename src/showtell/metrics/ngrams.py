"""N-grams of many sentences as numbers: lists of tokens in, arrays of (sentence, n-gram id) out.

An n-gram's id is found from the id of its first n-1 words and its last word, so that an id stays one integer at every
order and counting is sorting. This keeps all of COCO's training references (25 million n-grams) in some hundred
megabytes, where dictionaries of tuples take gigabytes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from showtell.metrics.checks import Tokens

Ids = npt.NDArray[np.int64]

_HALF = 32  # a key holds two numbers below 2**31: one above this bit, one below


def joined(high: Ids, low: Ids) -> Ids:
    """Two numbers as one key, ordered by `high` then `low`."""
    return (high << _HALF) | low


def split(keys: Ids) -> tuple[Ids, Ids]:
    """`joined`, undone."""
    return keys >> _HALF, keys & ((1 << _HALF) - 1)


@dataclass(frozen=True, slots=True)
class Ngrams:
    """Every n-gram of one order in some sentences, repeats included."""

    rows: Ids
    """The sentence of each n-gram, shape `(T,)`."""
    ids: Ids
    """The n-gram's id, shape `(T,)`."""
    known: int
    """Ids below this are of n-grams that the index was built from."""


class NgramIndex:
    """Numbers for the n-grams of orders 1 to `max_order` of some sentences."""

    def __init__(self, max_order: int) -> None:
        self._max_order = max_order
        self._words: dict[str, int] = {}
        self._keys: list[Ids] = []  # for orders 2 and up, sorted: the id of a key is its place

    def build(self, sentences: Sequence[Tokens]) -> list[Ngrams]:
        """Number all n-grams of `sentences`, from 0 at each order; returns them by order."""
        numbered: defaultdict[str, int] = defaultdict(count().__next__)
        words = np.fromiter(map(numbered.__getitem__, chain.from_iterable(sentences)), dtype=np.int64)
        self._words = dict(numbered)
        rows, starts, ends = _places(sentences)
        ids = words
        found = [Ngrams(rows, ids, len(self._words))]
        for order in range(2, self._max_order + 1):
            keep = starts + order <= ends[starts]
            starts = starts[keep]
            keys, ids = np.unique(joined(ids[keep], words[starts + order - 1]), return_inverse=True)
            self._keys.append(keys)
            found.append(Ngrams(rows[starts], ids, len(keys)))
        return found

    def of(self, sentences: Sequence[Tokens]) -> list[Ngrams]:
        """The n-grams of other sentences, by order; those that the index does not know get ids from `known` up."""
        strangers: defaultdict[str, int] = defaultdict(count(len(self._words)).__next__)
        known_words = self._words
        words = np.fromiter(
            (known_words[word] if word in known_words else strangers[word] for word in chain.from_iterable(sentences)),
            dtype=np.int64,
        )
        rows, starts, ends = _places(sentences)
        ids = words
        found = [Ngrams(rows, ids, len(self._words))]
        for order, known_keys in enumerate(self._keys, start=2):
            keep = starts + order <= ends[starts]
            starts = starts[keep]
            keys, inverse = np.unique(joined(ids[keep], words[starts + order - 1]), return_inverse=True)
            places, is_known = find(known_keys, keys)
            ids = np.where(is_known, places, len(known_keys) + np.arange(len(keys)))[inverse]
            found.append(Ngrams(rows[starts], ids, len(known_keys)))
        return found


def distinct(keys: Ids) -> tuple[Ids, Ids]:
    """The different keys in order, and how often each occurs. (numpy.unique hashes before it sorts: 3 times slower.)"""
    keys = np.sort(keys)
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, np.int64)
    return keys[first], np.diff(first, append=len(keys))


def find(sorted_keys: Ids, keys: Ids) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Where each of `keys` stands in `sorted_keys`, and whether it does (where not, the place means nothing)."""
    if not len(sorted_keys):
        return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=np.bool_)
    places = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return places, sorted_keys[places] == keys


def _places(sentences: Sequence[Tokens]) -> tuple[Ids, Ids, Ids]:
    """For each token of all sentences in one row: its sentence, its place, and the place where its sentence ends."""
    lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
    rows = np.repeat(np.arange(len(sentences), dtype=np.int64), lengths)
    return rows, np.arange(len(rows), dtype=np.int64), np.repeat(np.cumsum(lengths), lengths)
