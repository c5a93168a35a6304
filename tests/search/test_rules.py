"""Sentences under rules, against every sentence that keeps them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search_toys import ALLOWED, PICTURES, VOCABULARY, WORDS, Markov, every_sentence, log_softmax
from showtell.errors import InputError
from showtell.search import SearchOptions, search


def says(sentence, phrase):
    return any(sentence[i : i + len(phrase)] == phrase for i in range(len(sentence) - len(phrase) + 1))


def repeats(sentence, n):
    ngrams = [sentence[i : i + n] for i in range(len(sentence) - n + 1)]
    return n > 0 and len(set(ngrams)) < len(ngrams)


def allowed(sentence, options):
    banned = [phrase.split() for entry in options.must_not for phrase in entry.split("|")]
    return not repeats(tuple(sentence), options.no_repeat_ngram) and not any(says(sentence, p) for p in banned)


def words(tokens):
    return [VOCABULARY.entries[token] for token in tokens]


PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


@given(
    seed=st.integers(0, 10_000),
    min_length=st.integers(1, 4),
    ngram=st.sampled_from([0, 2, 3]),
    banned=st.lists(PHRASES, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_a_beam_as_wide_as_the_space_finds_the_best_sentences_that_keep_the_rules(seed, min_length, ngram, banned):
    decoder = Markov(seed)
    options = SearchOptions(
        beam=81, num_captions=3, max_length=4, min_length=min_length, no_repeat_ngram=ngram, must_not=tuple(banned)
    )
    for picture, hypotheses in enumerate(search(decoder, PICTURES, VOCABULARY, options)):
        kept = [pair for pair in every_sentence(decoder, picture, options) if allowed(words(pair[0]), options)]
        kept = [pair for pair in kept if len(pair[0]) >= min_length]
        assume(kept)
        best = sorted(kept, key=lambda pair: -pair[1])[:3]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in best], abs=1e-4)
        assert hypotheses[0].tokens == best[0][0]


@given(
    seed=st.integers(0, 10_000),
    method=st.sampled_from([{"beam": 1}, {"beam": 3}, {"sample": True, "num_captions": 3, "temperature": 3.0}]),
    ngram=st.integers(0, 3),
    banned=st.lists(PHRASES, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_every_method_keeps_the_rules(seed, method, ngram, banned):
    rules = {"min_length": 3, "no_repeat_ngram": ngram, "must_not": banned, "max_length": 6}
    assume(not set(banned) >= set(WORDS))
    options = SearchOptions(**method, **rules)
    for hypotheses in search(Markov(seed), PICTURES, VOCABULARY, options):
        for hypothesis in hypotheses:
            sentence = words(hypothesis.tokens)
            assert allowed(sentence, options)
            assert len(sentence) >= 3 or not any(allowed([*sentence, word], options) for word in WORDS)


@pytest.mark.parametrize("method", [{"beam": 1}, {"beam": 3}, {"sample": True}])
def test_a_sentence_is_cut_where_the_rules_leave_no_word(method):
    options = SearchOptions(**method, max_length=6, min_length=6, no_repeat_ngram=1, must_not=("bee",))
    for (hypothesis,) in search(Markov(3), PICTURES, VOCABULARY, options):
        assert sorted(hypothesis.tokens) == [VOCABULARY.ids["ant"], VOCABULARY.ids["cat"]]
        assert np.isfinite(hypothesis.score)


def test_greedy_takes_the_likeliest_word_that_is_allowed_at_its_own_probability():
    decoder = Markov(1)
    ahead = log_softmax(decoder.table[0, 0, VOCABULARY.start].astype(np.float64), True)
    second, first = sorted(ALLOWED, key=lambda word: ahead[word])[-2:]
    options = SearchOptions(beam=1, max_length=1, must_not=(VOCABULARY.entries[first],))
    (hypothesis,) = search(decoder, PICTURES[:1], VOCABULARY, options)[0]
    assert hypothesis.tokens == (second,)
    assert hypothesis.score == pytest.approx(ahead[second], abs=1e-5)


def test_sampling_draws_the_allowed_words_in_the_proportions_they_had():
    decoder = Markov(5)
    options = SearchOptions(sample=True, num_captions=1000, max_length=1, must_not=("ant",))
    places = search(decoder, np.repeat(PICTURES[:1], 20, axis=0), VOCABULARY, options)  # of the same picture
    hypotheses = [hypothesis for found in places for hypothesis in found]
    assert len(hypotheses) == 20_000
    p = np.exp(log_softmax(decoder.table[0, 0, VOCABULARY.start].astype(np.float64), True))
    p[VOCABULARY.ids["ant"]] = 0
    drawn = np.bincount([h.tokens[0] for h in hypotheses], minlength=len(VOCABULARY)) / len(hypotheses)
    assert drawn == pytest.approx(p / p.sum(), abs=4 * np.sqrt(0.25 / 20_000))


def test_words_that_the_vocabulary_lacks_may_be_banned():
    options = {"beam": 3, "max_length": 4}
    plain = search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**options))
    assert search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**options, must_not=("zebra|ant zebra",))) == plain


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"min_length": 0}, "minimum length"),
        ({"min_length": 5, "max_length": 4}, "minimum length"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram"),
        ({"must_not": ("ant|",)}, r"'ant\|' has no word"),
        ({"must_not": "?"}, "no word"),
        ({"must_not": ("ant|bee|cat",)}, "every word"),
    ],
)
def test_a_wrong_rule_is_a_clear_error(wrong, named):
    with pytest.raises(InputError, match=named):
        search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**wrong))
