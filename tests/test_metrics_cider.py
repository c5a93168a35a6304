"""CIDEr-D against pycocoevalcap's own code, against the formula written out, and on what users get wrong."""

import math

import pytest
from hypothesis import given, settings
from pycocoevalcap.cider.cider import Cider

from showtell.errors import InputError
from showtell.metrics import CiderD, cider_d
from word_salads import CORPUS, assert_scores_are_those_of, parted, words

REFERENCES = {
    "x": [words("a dog runs on grass"), words("the dog is running")],
    "y": [words("a cat sleeps")],
    "z": [words("two men on a boat"), words("a boat"), words("men fishing")],
}


@settings(max_examples=300, deadline=None)
@given(corpus=CORPUS)
def test_word_salads_score_as_in_pycocoevalcap(corpus):
    hypotheses, references = parted(corpus)
    assert_scores_are_those_of(Cider(), cider_d(hypotheses, references), hypotheses, references)


def test_a_worked_example():
    # Two pictures. Of the hypothesis "a dog" only "a" occurs in both, so its weight is log(2/2) = 0 and "dog" and
    # "a dog" carry log 2 each. Against "dog": cosine 1 for words, none for bigrams; against "a dog": 1 and 1. The
    # first differs by one bigram in length. Orders 3 and 4 give 0; mean over 4 orders and 2 references, times 10.
    references = {"x": [["dog"], ["a", "dog"]], "y": [["a", "cat"]]}
    penalty = math.exp(-(1**2) / (2 * 6.0**2))
    assert CiderD(references).score("x", ["a", "dog"]) == pytest.approx(10 * (penalty + 2) / 4 / 2)


def test_one_caption_scores_the_same_alone_and_in_any_batch():
    scorer = CiderD(REFERENCES)
    pictures = ["x", "z", "x", "y", "z"]
    hypotheses = [words("a dog runs"), words("a boat on grass"), [], words("a strange cat sleeps"), words("men")]
    batch = scorer.score_batch(pictures, hypotheses)
    alone = [scorer.score(picture, tokens) for picture, tokens in zip(pictures, hypotheses, strict=True)]
    assert batch.tolist() == pytest.approx(alone, rel=1e-12)
    assert batch[2] == 0.0
    assert all(score > 0 for i, score in enumerate(batch) if i != 2)


def test_an_empty_batch_gives_no_scores():
    assert CiderD(REFERENCES).score_batch([], []).shape == (0,)


def test_the_references_themselves_score_best():
    scorer = CiderD(REFERENCES)
    assert scorer.score("y", words("a cat sleeps")) > scorer.score("y", words("a cat sleeps here"))


def test_one_single_picture_scores_zero_as_no_ngram_is_rare():
    assert cider_d({"x": ["a", "dog"]}, {"x": [["a", "dog"]]}).corpus == {"CIDEr-D": 0.0}


def test_references_without_a_word_give_zeros():
    assert cider_d({"x": ["a"], "y": []}, {"x": [[]], "y": [[]]}).per_picture.tolist() == [[0.0], [0.0]]


def test_unequal_pictures_are_refused_with_their_number_and_an_example():
    with pytest.raises(InputError, match=r"1 picture has a hypothesis but no references, for example 'q'"):
        cider_d({"x": ["a"], "q": ["a"]}, {"x": [["a"]]})


def test_a_picture_unknown_to_the_scorer_is_refused():
    with pytest.raises(InputError, match="'q'"):
        CiderD(REFERENCES).score("q", ["a"])


def test_unequal_numbers_of_pictures_and_captions_are_refused():
    with pytest.raises(InputError, match="1 picture ids for 2 hypotheses"):
        CiderD(REFERENCES).score_batch(["x"], [["a"], ["b"]])


def test_a_picture_without_references_is_refused():
    with pytest.raises(InputError, match=r"1 picture has no reference caption, for example 'y'"):
        CiderD({"x": [["a"]], "y": []})


def test_text_in_place_of_tokens_is_refused():
    with pytest.raises(InputError, match="is a text"):
        CiderD(REFERENCES).score("x", "a dog")
    with pytest.raises(InputError, match="is a text"):
        CiderD({"x": ["a dog"]})
