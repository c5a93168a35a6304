"""Sentences that must hold some words, against every sentence that does."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search_toys import ALLOWED, PICTURES, VOCABULARY, WORDS, Markov, every_sentence, log_softmax
from showtell.errors import InputError
from showtell.search import SearchOptions, search

PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
ENTRIES = st.lists(PHRASES, min_size=1, max_size=2).map("|".join)


def holds(tokens, entries):
    sentence = " " + " ".join(VOCABULARY.entries[token] for token in tokens) + " "
    return all(any(f" {phrase} " in sentence for phrase in entry.split("|")) for entry in entries)


def allowed(tokens, options):
    return holds(tokens, options.must) and not any(holds(tokens, [entry]) for entry in options.must_not)


@given(
    seed=st.integers(0, 10_000),
    must=st.lists(ENTRIES, min_size=1, max_size=3),
    banned=st.one_of(st.just([]), PHRASES.map(lambda phrase: [phrase])),
)
@settings(max_examples=50, deadline=None)
def test_banks_as_wide_as_the_space_find_the_best_sentences_that_hold_the_words(seed, must, banned):
    decoder = Markov(seed)
    options = SearchOptions(beam=81, num_captions=3, max_length=4, must=tuple(must), must_not=tuple(banned))
    assume(any(allowed(sentence, options) for sentence, _ in every_sentence(decoder, 0, options)))
    found = search(decoder, PICTURES, VOCABULARY, options)
    for picture, hypotheses in enumerate(found):
        kept = [pair for pair in every_sentence(decoder, picture, options) if allowed(pair[0], options)]
        best = sorted(kept, key=lambda pair: -pair[1])[:3]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in best], abs=1e-4)
        assert hypotheses[0].tokens == best[0][0]


@given(
    seed=st.integers(0, 10_000),
    must=st.lists(ENTRIES, min_size=1, max_size=3),
    beam=st.integers(1, 3),
    ngram=st.integers(0, 3),
    min_length=st.integers(1, 6),
)
@settings(max_examples=50, deadline=None)
def test_a_beam_of_any_width_finds_sentences_that_hold_the_words(seed, must, beam, ngram, min_length):
    assume(lacks((), must) <= 7)  # three entries may need eight words
    rules = {"no_repeat_ngram": ngram, "min_length": min_length, "max_length": 7}
    options = SearchOptions(beam=beam, num_captions=beam, must=tuple(must), **rules)
    for hypotheses in search(Markov(seed, steps=7), PICTURES, VOCABULARY, options):
        assert hypotheses
        assert all(holds(h.tokens, must) and np.isfinite(h.score) for h in hypotheses)


def lacks(tokens, entries):
    """The fewest words after which a sentence holds the entries."""
    ways = (words for n in itertools.count() for words in itertools.product(ALLOWED, repeat=n))
    return next(len(words) for words in ways if holds((*tokens, *words), entries))


def banked(decoder, picture, options):
    """Grid beam search, one sentence at a time: a bank for every number of words that a sentence lacks."""
    live, finished = [((), 0.0)], []
    for t in range(options.max_length):
        banks = {}
        for words, total in live:
            last = words[-1] if words else VOCABULARY.start
            ahead = log_softmax(decoder.table[picture, t, last].astype(np.float64), t == 0)
            done = lacks(words, options.must) == 0
            for word in [*ALLOWED, VOCABULARY.end] if done and t else ALLOWED:
                after = lacks((*words, word), options.must)
                banks.setdefault(after, []).append(((*words, word), total + ahead[word]))
        live = []
        for bank in banks.values():
            bank.sort(key=lambda pair: -pair[1])
            ended = [pair for pair in bank[: options.beam] if pair[0][-1] == VOCABULARY.end]
            finished += [(words[:-1], total / len(words) ** options.length_penalty) for words, total in ended]
            live += [pair for pair in bank if pair[0][-1] != VOCABULARY.end][: options.beam]
    cut = [(words, total / len(words) ** options.length_penalty) for words, total in live]
    finished += [pair for pair in cut if holds(pair[0], options.must)]
    return sorted(finished, key=lambda pair: -pair[1])[: options.num_captions]


@given(
    seed=st.integers(0, 10_000),
    must=st.lists(ENTRIES, min_size=1, max_size=2),
    beam=st.integers(1, 3),
    penalty=st.sampled_from([0.0, 0.7]),
)
@settings(max_examples=40, deadline=None)
def test_narrow_banks_find_what_a_plain_grid_search_finds(seed, must, beam, penalty):
    options = SearchOptions(beam=beam, num_captions=beam, must=tuple(must), length_penalty=penalty, max_length=6)
    for picture, hypotheses in enumerate(search(Markov(seed), PICTURES, VOCABULARY, options)):
        expected = banked(Markov(seed), picture, options)
        assert [h.tokens for h in hypotheses] == [words for words, _ in expected]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in expected], abs=1e-4)


@given(seed=st.integers(0, 10_000), penalty=st.sampled_from([0.0, 0.7]))
@settings(max_examples=30, deadline=None)
def test_pictures_that_need_as_many_words_get_the_same_alone_and_in_a_batch(seed, penalty):
    own = [("ant",), ("bee",), ("cat",)]
    options = SearchOptions(beam=2, length_penalty=penalty, max_length=6)
    together = search(Markov(seed), PICTURES, VOCABULARY, options, must=own)
    for i, entries in enumerate(own):
        assert together[i] == search(Markov(seed), PICTURES[i : i + 1], VOCABULARY, options, must=[entries])[0]


@given(seed=st.integers(0, 10_000), beam=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_each_picture_may_need_words_of_its_own(seed, beam):
    options = SearchOptions(beam=beam, max_length=6)
    own = [("ant bee",), (), ("cat|bee", "ant")]
    together = search(Markov(seed), PICTURES, VOCABULARY, options, must=own)
    for i, entries in enumerate(own):
        alone = SearchOptions(beam=beam, max_length=6, must=entries)
        assert together[i] == search(Markov(seed), PICTURES[i : i + 1], VOCABULARY, alone)[0]


def test_words_for_one_picture_come_on_top_of_those_for_all():
    options = SearchOptions(beam=2, max_length=6, must=("bee",))
    (hypothesis,) = search(Markov(2), PICTURES[:1], VOCABULARY, options, must=[("cat ant",)])[0]
    assert holds(hypothesis.tokens, ["bee", "cat ant"])


def test_a_needed_word_may_come_although_no_word_may_come_twice():
    options = SearchOptions(beam=2, max_length=6, must=("ant bee", "ant cat"), no_repeat_ngram=1)
    for (hypothesis,) in search(Markov(2), PICTURES, VOCABULARY, options):
        assert holds(hypothesis.tokens, options.must)


def test_an_alternative_that_the_model_does_not_know_or_must_not_say_is_passed_over():
    options = {"beam": 2, "max_length": 5}
    plain = search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**options, must=("cat",)))
    assert search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**options, must=("cat|black zebra",))) == plain
    banned = SearchOptions(**options, must=("bee cat|ant",), must_not=("bee cat",))
    for (hypothesis,) in search(Markov(0), PICTURES, VOCABULARY, banned):
        assert holds(hypothesis.tokens, ["ant"])
        assert not holds(hypothesis.tokens, ["bee cat"])


def test_where_bans_leave_no_way_the_sentence_that_lacks_least_is_given():
    ways = tuple(f"{word} cat" for word in WORDS)
    options = SearchOptions(beam=2, max_length=3, must=("cat",), must_not=(*ways, "cat ant", "cat bee"), min_length=2)
    for hypotheses in search(Markov(1), PICTURES, VOCABULARY, options):
        assert len(hypotheses) == 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"must": ("cats",)}, "does not know the word 'cats': similar words that it knows are cat"),
        ({"must": ("zebra",)}, "does not know the word 'zebra': it knows no similar word"),
        ({"must": ("zebra|antt",)}, "'zebra' nor 'antt': similar words that it knows are ant"),
        ({"must": ("ant ",), "must_not": ("bee|ant",)}, "'ant ' both must and must not appear"),
        ({"must": ("ant bee", "cat"), "max_length": 2}, "3 words must appear in at most 2"),
        ({"must": tuple(f"ant{' ant' * n}" for n in range(9))}, "at most 8"),
        ({"must": ("#END#|!",)}, "has no words"),
        ({"must": ("cat",), "sample": True}, "leave sampling out"),
        ({"must": ("cat",), "num_captions": 3, "diversity": 1.0}, "diversity"),
    ],
)
def test_words_that_cannot_be_had_are_a_clear_error(wrong, named):
    with pytest.raises(InputError, match=named):
        search(Markov(0), PICTURES, VOCABULARY, SearchOptions(**wrong))
