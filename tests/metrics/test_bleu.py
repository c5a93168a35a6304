"""BLEU against pycocoevalcap's own code, against values worked out by hand, and on what users get wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from pycocoevalcap.bleu.bleu import Bleu

from showtell.errors import InputError
from showtell.metrics import bleu, bleu_of
from word_salads import CORPUS, assert_scores_are_those_of, parted, words


@settings(max_examples=300, deadline=None)
@given(corpus=CORPUS)
def test_word_salads_score_as_in_pycocoevalcap(corpus):
    hypotheses, references = parted(corpus)
    assert_scores_are_those_of(Bleu(4), bleu(hypotheses, references), hypotheses, references)


def test_a_worked_example():
    # "the" stands twice in the hypothesis but at most once in one reference, so 3 of 4 words count; 1 of 3 bigrams
    # ("the dog"). The references have 3 and 6 words: 3 is closest to 4, so there is no brevity penalty.
    scores = bleu({"x": words("runs the dog the")}, {"x": [words("the dog runs"), words("a dog chases the big cat")]})
    assert [scores.corpus["BLEU-1"], scores.corpus["BLEU-2"]] == pytest.approx([3 / 4, math.sqrt(3 / 4 * 1 / 3)])


def test_of_two_equally_close_reference_lengths_the_shorter_counts():
    references = {"x": [words("a b c d e f"), words("a b")]}
    assert bleu({"x": words("a b c d")}, references).corpus["BLEU-1"] == pytest.approx(1.0)  # else exp(1 - 6/4)


def test_overlapping_repeats_are_all_counted():
    scores = bleu({"x": words("no no no no")}, {"x": [words("no no no no")]})
    assert list(scores.corpus.values()) == pytest.approx([1.0, 1.0, 1.0, 1.0])


def test_an_empty_hypothesis_scores_nothing_and_costs_the_corpus():
    references = {"x": [words("a dog runs fast")], "y": [words("a cat sleeps here")]}
    full = bleu({"x": words("a dog runs fast"), "y": words("a cat sleeps here")}, references)
    half = bleu({"x": words("a dog runs fast"), "y": []}, references)
    assert full.corpus["BLEU-4"] == pytest.approx(1.0)
    assert half.corpus["BLEU-4"] == pytest.approx(math.exp(1 - 8 / 4))
    assert list(half.per_picture[1]) == [0.0, 0.0, 0.0, 0.0]


def test_unequal_pictures_are_refused_with_their_number_and_an_example():
    with pytest.raises(
        InputError, match=r"1 picture has references but no hypothesis, for example 'y'; 2 pictures have"
    ):
        bleu({"x": ["a"], "p": ["a"], "q": ["b"]}, {"x": [["a"]], "y": [["b"]]})


def test_a_picture_without_references_is_refused():
    with pytest.raises(InputError, match=r"1 picture has no reference caption, for example 'y'"):
        bleu({"x": ["a"], "y": ["b"]}, {"x": [["a"]], "y": []})


def test_no_pictures_at_all_are_refused():
    with pytest.raises(InputError, match="no references"):
        bleu({}, {})


def test_text_in_place_of_tokens_is_refused():
    with pytest.raises(InputError, match="hypothesis of picture 'x' is a text"):
        bleu({"x": "a dog"}, {"x": [["a", "dog"]]})
    with pytest.raises(InputError, match="reference of picture 'x' is a text"):
        bleu({"x": ["a", "dog"]}, {"x": ["a dog"]})


@settings(max_examples=50, deadline=None)
@given(corpus=CORPUS)
def test_the_summed_counts_of_some_pictures_score_as_those_pictures_do(corpus):
    hypotheses, references = parted(corpus)
    some = list(references)[::2]
    alone = bleu({picture: hypotheses[picture] for picture in some}, {picture: references[picture] for picture in some})
    scores = bleu(hypotheses, references)
    sums = np.stack([scores.statistics[::2].sum(axis=0), scores.statistics.sum(axis=0)])
    expected = [list(alone.corpus.values()), list(scores.corpus.values())]
    np.testing.assert_allclose(bleu_of(sums), expected, rtol=1e-12)
