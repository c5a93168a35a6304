"""Diverse beam search against a plain implementation of the paper, one picture and one sentence at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_toys import PICTURES, VOCABULARY, Markov, log_softmax
from showtell.errors import InputError
from showtell.search import SearchOptions, search


def diverse(decoder, picture, options):
    """Every group's finished sentences, best first: Vijayakumar et al. 2018, algorithm 1, to the last step."""
    groups = options.beam_groups
    width = options.beam // groups
    live = [[((), 0.0)] for _ in range(groups)]
    finished = [[] for _ in range(groups)]
    for t in range(options.max_length):
        taken = dict.fromkeys(range(len(VOCABULARY)), 0)
        for g in range(groups):
            candidates = []
            for words, total in live[g]:
                last = words[-1] if words else VOCABULARY.start
                ahead = log_softmax(decoder.table[picture, t, last].astype(np.float64), t == 0)
                for word in np.flatnonzero(np.isfinite(ahead)).tolist():
                    value = total + ahead[word]
                    candidates.append((value - options.diversity * taken[word], value, (*words, word)))
            candidates.sort(reverse=True)
            for _, value, words in candidates[:width]:
                if words[-1] == VOCABULARY.end:
                    finished[g].append((words[:-1], value / len(words) ** options.length_penalty))
            going_on = [(words, value) for _, value, words in candidates if words[-1] != VOCABULARY.end]
            live[g] = going_on[:width]
            for words, _ in live[g]:
                taken[words[-1]] += 1
    for g in range(groups):
        finished[g] += [(words, value / len(words) ** options.length_penalty) for words, value in live[g]]
        finished[g] = sorted(finished[g], key=lambda pair: -pair[1])[:width]
    return finished


@given(
    seed=st.integers(0, 10_000),
    groups=st.integers(2, 4),
    width=st.integers(1, 2),
    diversity=st.sampled_from([0.01, 0.5, 2.0, 100.0]),
)
@settings(max_examples=60, deadline=None)
def test_every_group_finds_what_the_paper_finds(seed, groups, width, diversity):
    decoder = Markov(seed)
    options = SearchOptions(beam=groups * width, groups=groups, num_captions=groups, diversity=diversity, max_length=5)
    for picture, hypotheses in enumerate(search(decoder, PICTURES, VOCABULARY, options)):
        lists = diverse(decoder, picture, options)
        rounds = [lists[g][rank] for rank in range(width) for g in range(groups) if rank < len(lists[g])]
        expected = sorted(list(dict.fromkeys(rounds))[:groups], key=lambda pair: -pair[1])
        assert [h.tokens for h in hypotheses] == [words for words, _ in expected]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in expected], abs=1e-4)


@given(seed=st.integers(0, 10_000), beam=st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_the_best_sentence_of_the_first_group_is_that_of_a_beam_of_its_width(seed, beam):
    plain = search(Markov(seed), PICTURES, VOCABULARY, SearchOptions(beam=beam, max_length=5))
    options = SearchOptions(beam=3 * beam, num_captions=3, diversity=1.0, max_length=5)
    for best, hypotheses in zip(plain, search(Markov(seed), PICTURES, VOCABULARY, options), strict=True):
        assert best[0] in hypotheses


def test_a_large_diversity_makes_every_sentence_begin_with_a_word_of_its_own():
    options = SearchOptions(beam=3, num_captions=3, diversity=100.0, max_length=4)
    for hypotheses in search(Markov(4), PICTURES, VOCABULARY, options):
        assert len({h.tokens[0] for h in hypotheses}) == 3


def test_sentences_that_groups_have_in_common_are_given_once():
    options = SearchOptions(beam=3, num_captions=3, diversity=1e-6, max_length=4)
    for hypotheses in search(Markov(4), PICTURES, VOCABULARY, options):
        assert len(hypotheses) == 1


def test_pictures_get_the_same_sentences_alone_and_in_a_batch():
    options = SearchOptions(beam=6, groups=3, num_captions=4, diversity=0.7, max_length=6)
    together = search(Markov(9), PICTURES, VOCABULARY, options)
    assert together == [search(Markov(9), PICTURES[i : i + 1], VOCABULARY, options)[0] for i in range(3)]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"diversity": -1.0}, "diversity"),
        ({"groups": -1}, "groups"),
        ({"beam": 5, "groups": 3, "diversity": 0.5}, "3 groups cannot divide a beam of 5"),
        ({"beam": 4, "num_captions": 3, "diversity": 0.5}, "3 groups cannot divide a beam of 4"),
    ],
)
def test_groups_that_do_not_fit_are_a_clear_error(wrong, named):
    with pytest.raises(InputError, match=named):
        SearchOptions(**wrong)
