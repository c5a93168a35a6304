"""CIDEr-D against pycocoevalcap's own code, against the formula written out, and on what users get wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from pycocoevalcap.cider import cider_scorer
from pycocoevalcap.cider.cider import Cider

from showtell.errors import InputError
from showtell.metrics import CiderD, DocumentFrequency, cider, cider_d
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


def test_plain_cider_is_that_of_pycocoevalcap_without_clipping_and_length_penalty(monkeypatch):
    # Its scorer clips by min(hypothesis, reference) and penalises by a Gaussian of width sigma.
    monkeypatch.setattr(cider_scorer, "min", lambda hypothesis, reference: hypothesis, raising=False)
    hypotheses = {
        "x": words("a dog dog runs on on grass"),
        "y": words("cat"),
        "z": words("two men fishing on a boat a boat"),
    }
    plain = cider(hypotheses, REFERENCES)
    assert_scores_are_those_of(Cider(sigma=math.inf), plain, hypotheses, REFERENCES)
    assert plain.corpus["CIDEr"] > cider_d(hypotheses, REFERENCES).corpus["CIDEr-D"]


class Counted(list):
    """A list that says it is as long as the corpus its document frequencies come from."""

    def __init__(self, items, length):
        super().__init__(items)
        self.length = length

    def __len__(self):
        return self.length


@settings(max_examples=150, deadline=None)
@given(corpus=CORPUS, elsewhere=CORPUS)
def test_a_table_counted_elsewhere_weighs_ngrams_as_in_pycocoevalcap(corpus, elsewhere):
    hypotheses, references = parted(corpus)
    _, documents = parted(elsewhere)
    theirs = cider_scorer.CiderScorer()
    for captions in documents.values():
        theirs += ("", [" ".join(tokens) for tokens in captions])
    theirs.compute_doc_freq()
    theirs.ctest = [cider_scorer.cook_test(" ".join(hypotheses[picture])) for picture in references]
    cooked = [cider_scorer.cook_refs([" ".join(tokens) for tokens in captions]) for captions in references.values()]
    theirs.crefs = Counted(cooked, len(documents))
    table = DocumentFrequency.of(documents)
    ours = cider_d(hypotheses, references, table)
    np.testing.assert_allclose(ours.per_picture[:, 0], theirs.compute_cider(), rtol=1e-9, atol=0)


def test_a_table_counted_from_the_references_changes_nothing():
    hypotheses = {"x": words("a dog runs"), "y": words("two cats sleep"), "z": words("men on a boat")}
    plain, tabled = cider_d(hypotheses, REFERENCES), cider_d(hypotheses, REFERENCES, DocumentFrequency.of(REFERENCES))
    np.testing.assert_allclose(tabled.per_picture, plain.per_picture, rtol=1e-12)


def test_one_single_picture_has_a_score_with_a_table():
    table = DocumentFrequency.of(REFERENCES)
    assert CiderD({"y": REFERENCES["y"]}, table).score("y", words("a cat sleeps")) == pytest.approx(7.5)  # no 4-grams


def test_numbers_of_words_score_as_the_words_do():
    number = {word: i for i, word in enumerate(sorted({w for c in REFERENCES.values() for s in c for w in s}))}
    numbered = {picture: [[number[w] for w in s] for s in captions] for picture, captions in REFERENCES.items()}
    hypothesis = words("two men on grass")
    expected = CiderD(REFERENCES).score("z", hypothesis)
    assert CiderD(numbered).score("z", [number[word] for word in hypothesis]) == pytest.approx(expected, rel=1e-12)
    assert expected > 0


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
