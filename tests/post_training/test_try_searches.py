"""The length penalty that is chosen is the one whose captions score best."""

from dataclasses import replace

import pytest

from search_toys import PICTURES, VOCABULARY, Markov
from showtell.errors import InputError
from showtell.metrics import score
from showtell.post_training.search_tuning import LENGTH_PENALTIES, best_of, candidates_of, try_searches
from showtell.search import SearchOptions, search

NAMES = ("one", "two", "three")
BATCHES = [(NAMES[:2], PICTURES[:2]), (NAMES[2:], PICTURES[2:])]


def references(seed, options):
    """What another search says of the pictures, so that captions of its kind score best."""
    found = search(Markov(seed), PICTURES, VOCABULARY, options)
    return {name: [VOCABULARY.decode(best.tokens)] for name, (best, *_) in zip(NAMES, found, strict=True)}


@pytest.mark.parametrize("likes", [0.0, 2.0])
def test_the_penalty_is_chosen_that_says_most_of_what_people_say(likes):
    options = SearchOptions(beam=4, max_length=6)
    decoder = Markov(3)
    people = references(3, replace(options, length_penalty=likes))
    penalties = (0.0, 1.0, 2.0)
    candidates = candidates_of(options, {"length_penalty": penalties})
    chosen = best_of(try_searches(decoder, BATCHES, VOCABULARY, people, candidates)).options
    scores = {}
    for penalty in (0.7, *penalties):
        found = search(decoder, PICTURES, VOCABULARY, replace(options, length_penalty=penalty))
        texts = {name: VOCABULARY.decode(best.tokens) for name, (best, *_) in zip(NAMES, found, strict=True)}
        scores[penalty] = score(texts, people).corpus["CIDEr-D"]
    assert len(set(scores.values())) > 1
    assert scores[chosen.length_penalty] == max(scores.values())
    assert chosen == replace(options, length_penalty=chosen.length_penalty)


def test_the_own_penalty_stays_where_no_other_is_better():
    options = SearchOptions(beam=1, max_length=6)  # a greedy search has no use for it
    people = references(0, options)
    candidates = candidates_of(options, {"length_penalty": LENGTH_PENALTIES})
    assert candidates[0] == options
    assert {one.length_penalty for one in candidates} == {*LENGTH_PENALTIES}
    tried = try_searches(Markov(0), BATCHES, VOCABULARY, people, candidates)
    assert len({one.cider_d for one in tried}) == 1
    assert best_of(tried) is tried[0]


def test_pictures_that_are_missing_or_undescribed_are_told():
    with pytest.raises(InputError, match="no pictures"):
        try_searches(Markov(0), [], VOCABULARY, {}, [SearchOptions()])
    with pytest.raises(InputError, match="three: has no captions"):
        try_searches(Markov(0), BATCHES, VOCABULARY, {"one": ["a"], "two": ["b"]}, [SearchOptions(max_length=5)])
