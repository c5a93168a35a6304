"""The rules of a sentence: no repetition, no banned words, no early end.

A rule forbids next words and does not change the probabilities of others, so a sentence has the same score with and
without rules. The rule against repeated n-grams is that of Paulus et al. 2018 (section 2.5). If the rules leave a
sentence no next word and it may not end either, it is dropped, or cut there if it is the only one.
"""

import numpy as np

from showtell.errors import InputError
from showtell.search.options import SearchOptions
from showtell.search.phrases import known_phrases
from showtell.search.steps import Floats, Ints
from showtell.search.word_rules import WordRules
from showtell.text import SPECIALS, TokenVocabulary


class Rules:
    """The rules of some options, prepared for every step."""

    def __init__(self, options: SearchOptions, vocabulary: TokenVocabulary) -> None:
        self.end, self.min_length, self.ngram = vocabulary.end, options.min_length, options.no_repeat_ngram
        banned = [phrase for entry in options.must_not for phrase in known_phrases(entry, vocabulary)]
        self.words = sorted({phrase[0] for phrase in banned if len(phrase) == 1})
        self.phrases = sorted({phrase for phrase in banned if len(phrase) > 1})
        if len(self.words) == len(vocabulary) - len(SPECIALS):
            raise InputError("every word of the vocabulary is banned: allow some")

    def apply(self, next_log_probs: Floats, ids: Ints, needed: Ints | None = None) -> None:
        """Set the log-probabilities of forbidden words to -inf, in place.

        Arguments:
            next_log_probs: `float32 (N, V)`, log-probabilities of the next word.
            ids: `int64 (N, t)`, the words so far.
            needed: `int64 (N, M)`, words that may repeat.
        """
        if self.ngram:
            kept = None if needed is None else np.take_along_axis(next_log_probs, needed, axis=1)
            next_log_probs[_repeats(ids, self.ngram)] = -np.inf
            if needed is not None and kept is not None:
                np.put_along_axis(next_log_probs, needed, kept, axis=1)
        next_log_probs[:, self.words] = -np.inf
        for *before, last in self.phrases:
            if ids.shape[1] >= len(before):
                next_log_probs[(ids[:, ids.shape[1] - len(before) :] == before).all(axis=1), last] = -np.inf
        if ids.shape[1] < self.min_length:
            next_log_probs[:, self.end] = -np.inf


def rules_of(options: SearchOptions, vocabulary: TokenVocabulary) -> Rules | WordRules | None:
    """The rules of the options; None if there are none, which costs no time."""
    if vocabulary.continues is not None:
        return WordRules(options, vocabulary) if WordRules.asked(options, vocabulary) else None
    asked = options.min_length > 1 or options.no_repeat_ngram or options.must_not
    return Rules(options, vocabulary) if asked else None


def _repeats(ids: Ints, n: int) -> tuple[Ints, Ints]:
    """(rows, words) of the words that would complete an n-gram that the row already has."""
    if ids.shape[1] < n:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ngrams = np.lib.stride_tricks.sliding_window_view(ids, n, axis=1)  # (N, t - n + 1, n)
    last = ids[:, ids.shape[1] - n + 1 :]
    rows, places = np.nonzero((ngrams[:, :, :-1] == last[:, None, :]).all(axis=2))
    return rows, ngrams[rows, places, -1]
