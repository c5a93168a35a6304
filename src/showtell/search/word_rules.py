"""The rules of a sentence for vocabularies of subwords: lengths, repetition and banned words count whole words.

A word is whole when something follows that does not continue it. So a rule about a word has two sides: a token that
completes a forbidden word, written as the tokenizer writes it, is forbidden; and after a forbidden word that came about
in another way, only tokens that continue it are allowed. A required word is not continued, so that "cat" is not met by
"catalogue". Words are compared as `showtell.text.tokenize` gives them: in lower case, without punctuation.
"""

from collections.abc import Sequence

import numpy as np

from showtell.errors import InputError
from showtell.search.options import SearchOptions
from showtell.search.phrases import alternatives, known_phrases
from showtell.search.steps import Floats, Ints
from showtell.text import TokenVocabulary, tokenize
from showtell.text.protocol import Phrase


class WordRules:
    """The rules of some options, prepared for every step; see `showtell.search.rules.Rules`."""

    def __init__(self, options: SearchOptions, vocabulary: TokenVocabulary) -> None:
        assert vocabulary.continues is not None
        self.vocabulary, self.end, self.continues = vocabulary, vocabulary.end, vocabulary.continues
        self.options, self.ngram = options, options.no_repeat_ngram
        self.banned = [tuple(words) for entry in options.must_not for words in alternatives(entry)]
        self.written = [phrase for entry in options.must_not for phrase in known_phrases(entry, vocabulary)]
        self.required = [
            phrase for entry in options.must for phrase in known_phrases(entry, vocabulary, anywhere=False)
        ]
        self.ends_word = ~self.continues
        self._forms: dict[str, tuple[Phrase, ...]] = {}
        if len({phrase[0] for phrase in self.written if len(phrase) == 1}) >= len(vocabulary) - 1:
            raise InputError("every word of the vocabulary is banned: allow some")

    @staticmethod
    def asked(options: SearchOptions, vocabulary: TokenVocabulary) -> bool:
        """Whether the options need any rule."""
        limits = options.min_length > 1 or vocabulary.steps(options.max_length) > options.max_length
        return bool(limits or options.no_repeat_ngram or options.must_not or options.must)

    def apply(self, next_log_probs: Floats, ids: Ints, needed: Ints | None = None) -> None:
        """Set the log-probabilities of forbidden tokens to -inf, in place; see `showtell.search.rules.Rules.apply`.

        Arguments:
            next_log_probs: `float32 (N, V)`.
            ids: `int64 (N, t)`, the tokens so far.
            needed: tokens that rules against repetition must allow: `int64 (N, M)`.
        """
        for row, sentence in enumerate(ids.tolist()):
            log_probs = next_log_probs[row]
            words = tokenize(self.vocabulary.decode(sentence)) if sentence else []
            if len(words) >= self.options.max_length:
                self._finish_word(log_probs)
            kept = None if needed is None else log_probs[needed[row]]
            self._forbid_repetition(log_probs, sentence, words)
            if needed is not None:
                log_probs[needed[row]] = kept
            self._forbid(log_probs, sentence, self.written)
            if any(tuple(words[-len(phrase) :]) == phrase for phrase in self.banned):
                log_probs[self.ends_word] = -np.inf
            if any(tuple(sentence[-len(phrase) :]) == phrase for phrase in self.required):
                log_probs[self.continues] = -np.inf
            if len(words) < self.options.min_length:
                log_probs[self.end] = -np.inf

    def _finish_word(self, log_probs: Floats) -> None:
        """The sentence has its last word: it ends where another would begin, as probable as all that end the word."""
        ending = log_probs[self.ends_word]
        most = ending.max()
        total = most + np.log(np.exp(ending - most).sum()) if np.isfinite(most) else most
        log_probs[self.ends_word] = -np.inf
        log_probs[self.end] = total

    def _forbid_repetition(self, log_probs: Floats, sentence: Sequence[int], words: Sequence[str]) -> None:
        n = self.ngram
        if not n or len(words) < n:
            return
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        before = tuple(words[len(words) - n + 1 :])
        for gram in grams:
            if gram[:-1] == before:
                if gram[-1] not in self._forms:
                    self._forms[gram[-1]] = self.vocabulary.phrases([gram[-1]], anywhere=False)
                self._forbid(log_probs, sentence, self._forms[gram[-1]])
        if grams[-1] in grams[:-1]:
            log_probs[self.ends_word] = -np.inf

    def _forbid(self, log_probs: Floats, sentence: Sequence[int], phrases: Sequence[Phrase]) -> None:
        """Forbid the last token of each phrase of which the sentence ends with the others."""
        for *before, last in phrases:
            if not before or list(sentence[-len(before) :]) == before:
                log_probs[last] = -np.inf
