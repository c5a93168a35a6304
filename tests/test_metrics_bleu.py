"""BLEU against pycocoevalcap's own code, against values worked out by hand, and on what users get wrong."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu

from showtell.errors import InputError
from showtell.metrics import bleu, bleu_of

WORDS = st.sampled_from(["a", "the", "dog", "cat", "on", "grass", "ß", "n't"])
CAPTION = st.lists(WORDS, max_size=14)
# Few words and many captions of them, so that n-grams repeat, overlap and match.
CORPUS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=5)),
    min_size=1,
    max_size=6,
)


def words(text: str) -> list[str]:
    return text.split()


def reference_bleu(
    references: Mapping[str, Sequence[Sequence[str]]], hypotheses: Mapping[str, Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    corpus, per_picture = Bleu(4).compute_score(
        {picture: [" ".join(tokens) for tokens in captions] for picture, captions in references.items()},
        {picture: [" ".join(hypotheses[picture])] for picture in references},
        verbose=0,
    )
    return np.array(corpus), np.array(per_picture).T


@settings(max_examples=300, deadline=None)
@given(corpus=CORPUS)
def test_word_salads_score_as_in_pycocoevalcap(corpus):
    references = {picture: captions for picture, (_, captions) in corpus.items()}
    hypotheses = {picture: caption for picture, (caption, _) in reversed(corpus.items())}
    ours = bleu(references, hypotheses)
    corpus_scores, per_picture = reference_bleu(references, hypotheses)
    np.testing.assert_allclose(ours.corpus, corpus_scores, rtol=1e-9, atol=0)
    np.testing.assert_allclose(ours.per_picture, per_picture, rtol=1e-9, atol=0)
    assert ours.picture_ids == tuple(references)


def test_a_worked_example():
    # "the" stands twice in the hypothesis but at most once in one reference, so 3 of 4 words count; 1 of 3 bigrams
    # ("the dog"). The references have 3 and 6 words: 3 is closest to 4, so there is no brevity penalty.
    scores = bleu({"x": [words("the dog runs"), words("a dog chases the big cat")]}, {"x": words("runs the dog the")})
    assert scores.corpus[:2] == pytest.approx((3 / 4, math.sqrt(3 / 4 * 1 / 3)))


def test_of_two_equally_close_reference_lengths_the_shorter_counts():
    references = {"x": [words("a b c d e f"), words("a b")]}
    assert bleu(references, {"x": words("a b c d")}).corpus[0] == pytest.approx(1.0)  # else exp(1 - 6/4)


def test_overlapping_repeats_are_all_counted():
    scores = bleu({"x": [words("no no no no")]}, {"x": words("no no no no")})
    assert scores.corpus == pytest.approx((1.0, 1.0, 1.0, 1.0))


def test_an_empty_hypothesis_scores_nothing_and_costs_the_corpus():
    references = {"x": [words("a dog runs fast")], "y": [words("a cat sleeps here")]}
    full = bleu(references, {"x": words("a dog runs fast"), "y": words("a cat sleeps here")})
    half = bleu(references, {"x": words("a dog runs fast"), "y": []})
    assert full.corpus[3] == pytest.approx(1.0)
    assert half.corpus[3] == pytest.approx(math.exp(1 - 8 / 4))
    assert list(half.per_picture[1]) == [0.0, 0.0, 0.0, 0.0]


def test_unequal_pictures_are_refused_with_their_number_and_an_example():
    with pytest.raises(
        InputError, match=r"1 picture has references but no hypothesis, for example 'y'; 2 pictures have"
    ):
        bleu({"x": [["a"]], "y": [["b"]]}, {"x": ["a"], "p": ["a"], "q": ["b"]})


def test_a_picture_without_references_is_refused():
    with pytest.raises(InputError, match=r"1 picture has no reference caption, for example 'y'"):
        bleu({"x": [["a"]], "y": []}, {"x": ["a"], "y": ["b"]})


def test_no_pictures_at_all_are_refused():
    with pytest.raises(InputError, match="no references"):
        bleu({}, {})


def test_text_in_place_of_tokens_is_refused():
    with pytest.raises(InputError, match="hypothesis of picture 'x' is a text"):
        bleu({"x": [["a", "dog"]]}, {"x": "a dog"})
    with pytest.raises(InputError, match="reference of picture 'x' is a text"):
        bleu({"x": ["a dog"]}, {"x": ["a", "dog"]})


@settings(max_examples=50, deadline=None)
@given(corpus=CORPUS)
def test_the_summed_counts_of_some_pictures_score_as_those_pictures_do(corpus):
    references = {picture: captions for picture, (_, captions) in corpus.items()}
    hypotheses = {picture: caption for picture, (caption, _) in corpus.items()}
    some = list(references)[::2]
    alone = bleu({picture: references[picture] for picture in some}, {picture: hypotheses[picture] for picture in some})
    counts = bleu(references, hypotheses).counts
    sums = np.stack([counts[::2].sum(axis=0), counts.sum(axis=0)])
    np.testing.assert_allclose(bleu_of(sums), [alone.corpus, bleu(references, hypotheses).corpus], rtol=1e-12)
