"""ROUGE-L against pycocoevalcap's own code, against the formula written out, and on what users get wrong."""

import pytest
from hypothesis import given, settings
from pycocoevalcap.rouge.rouge import Rouge

from showtell.errors import InputError
from showtell.metrics import rouge_l
from word_salads import CORPUS, assert_scores_are_those_of, parted, words


@settings(max_examples=300, deadline=None)
@given(corpus=CORPUS)
def test_word_salads_score_as_in_pycocoevalcap(corpus):
    hypotheses, references = parted(corpus)
    assert_scores_are_those_of(Rouge(), rouge_l(hypotheses, references), hypotheses, references)


def test_a_worked_example_takes_precision_and_recall_from_different_references():
    # "a dog runs" has "a" and "dog" of the long reference in order: precision 2/3, recall 2/6. Of the short one it has
    # "runs" alone: precision 1/3, recall 1/1. The best of each: 2/3 and 1.
    references = {"x": [words("a big dog sits over there"), words("runs")]}
    precision, recall, beta = 2 / 3, 1.0, 1.2
    expected = (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    assert rouge_l({"x": words("a dog runs")}, references).corpus["ROUGE-L"] == pytest.approx(expected, rel=1e-12)


def test_a_caption_equal_to_a_reference_scores_one_and_one_without_a_common_word_nothing():
    references = {"x": [words("no no yes no")], "y": [words("a cat")]}
    scores = rouge_l({"x": words("no no yes no"), "y": words("two dogs")}, references)
    assert scores.per_picture[:, 0].tolist() == pytest.approx([1.0, 0.0])
    assert scores.corpus["ROUGE-L"] == pytest.approx(0.5)


def test_captions_of_thousands_of_words_are_scored_exactly():
    # Every second word of 10,000 different ones, in order: all of the hypothesis, half of the reference.
    reference = [str(number) for number in range(10_000)]
    scores = rouge_l({"x": reference[::2]}, {"x": [reference]})
    expected = (1 + 1.2**2) * 1 * 0.5 / (0.5 + 1.2**2 * 1)
    assert scores.corpus["ROUGE-L"] == pytest.approx(expected, rel=1e-12)


def test_an_empty_caption_scores_nothing_except_against_an_empty_reference():
    scores = rouge_l({"x": [], "y": []}, {"x": [words("a dog")], "y": [words("a dog"), []]})
    assert scores.per_picture[:, 0].tolist() == pytest.approx([0.0, 1.0])


def test_text_in_place_of_tokens_is_refused():
    with pytest.raises(InputError, match="is a text"):
        rouge_l({"x": "a dog"}, {"x": [["a", "dog"]]})
