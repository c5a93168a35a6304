"""Intervals, copies and wording, each against an independent computation."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.evaluation.copies import find_copies
from showtell.evaluation.correlation import rank_correlation
from showtell.evaluation.figures import Means, NextWordFigures, figures_of
from showtell.evaluation.wording import diversity, repeats_a_pair, wording
from showtell.metrics import bleu
from showtell.metrics.bootstrap import interval, resampled_sums
from showtell.text import SPECIALS, Vocabulary

SENTENCE = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(tuple)


def edit_distance(one, other):
    """Words to replace, leave out or add, by the textbook's table."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        previous, row = row, [i]
        for j, theirs in enumerate(other, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (word != theirs)))
    return row[-1]


def test_an_interval_of_a_mean_is_that_of_the_central_limit_theorem():
    values = np.random.default_rng(3).exponential(size=(2000, 1))
    figure = figures_of([Means(("mean",), values)], resamples=4000, seed=0)["mean"]
    error = values.std() / math.sqrt(len(values))
    assert figure.value == pytest.approx(values.mean())
    assert (figure.low, figure.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.1 * error
    )


def test_nineteen_of_twenty_intervals_hold_the_truth():
    rng = np.random.default_rng(8)
    held = 0
    for seed in range(400):
        low, high = interval(resampled_sums(rng.normal(size=(100, 1)), 400, seed)[:, 0] / 100)
        held += low <= 0 <= high
    assert 0.91 <= held / 400 <= 0.98


def test_every_resample_has_as_many_pictures_as_there_are_and_a_seed_repeats_it():
    columns = np.stack([np.ones(30), np.arange(30.0)], axis=1)
    sums = resampled_sums(columns, 130, seed=1)
    assert (sums[:, 0] == 30).all()
    assert len(np.unique(sums[:, 1])) > 60
    np.testing.assert_array_equal(sums, resampled_sums(columns, 130, seed=1))
    assert (sums != resampled_sums(columns, 130, seed=2)).any()


def test_bleu_of_a_resample_is_that_of_its_pictures():
    hypotheses = {"x": ["a", "dog", "runs", "in", "grass"], "y": ["two", "men", "sit"], "z": ["a", "cat"]}
    references = {"x": [["a", "dog", "in", "grass"]], "y": [["two", "men", "sit", "down"]], "z": [["the", "cat"]]}
    part = bleu(hypotheses, references)
    figures = figures_of([part], resamples=300, seed=0)
    possible = set()
    for drawn in ("xxx", "yyy", "zzz", "xxy", "xxz", "xyy", "yyz", "xzz", "yzz", "xyz"):
        named = {f"{i}{name}": name for i, name in enumerate(drawn)}
        alone = bleu({i: hypotheses[n] for i, n in named.items()}, {i: references[n] for i, n in named.items()})
        possible.add(round(alone.corpus["BLEU-2"], 9))
    assert figures["BLEU-2"].value == pytest.approx(part.corpus["BLEU-2"])
    assert {round(figures["BLEU-2"].low, 9), round(figures["BLEU-2"].high, 9)} <= possible
    assert figures["BLEU-2"].low < figures["BLEU-2"].value < figures["BLEU-2"].high


def test_perplexity_weighs_words_not_pictures():
    figures = figures_of([NextWordFigures(np.array([[2.0, 1.0, 1.0], [1.0, 2.0, 3.0]]))], resamples=10, seed=0)
    assert figures["perplexity"].value == pytest.approx(math.exp(3 / 4))
    assert figures["next_word_accuracy"].value == pytest.approx(3 / 4)


def test_ranks_that_agree_correlate_and_ties_share_their_rank():
    x = np.array([0.1, 5.0, 2.0, 9.0])
    assert rank_correlation(x, np.exp(x)) == pytest.approx(1.0)
    assert rank_correlation(x, -x) == pytest.approx(-1.0)
    # Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
    tied = rank_correlation(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    assert tied == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert rank_correlation(np.ones(4), x) == 0.0


@settings(max_examples=200, deadline=None)
@given(captions=st.lists(SENTENCE, min_size=1, max_size=6), training=st.lists(SENTENCE, max_size=8))
def test_copies_are_those_at_an_edit_distance_of_at_most_one_word(captions, training):
    named = [(f"{i}.jpg", words) for i, words in enumerate(training)]
    for words, copy in zip(captions, find_copies(captions, named), strict=True):
        distances = [edit_distance(words, learnt) for learnt in training]
        nearest = min(distances, default=9)
        if nearest > 1:
            assert copy is None
        else:
            first = distances.index(nearest)
            assert copy.edits == nearest
            assert copy.text.split() == list(training[first])
            assert copy.picture == named[first][0]
            assert copy.times == training.count(training[first])


@given(SENTENCE)
def test_a_pair_is_repeated_when_it_stands_in_two_places(words):
    pairs = list(pairwise(words))
    assert repeats_a_pair(words) == any(pairs.count(pair) > 1 for pair in pairs)


def test_wording_counts_lengths_copies_and_different_captions():
    captions = [("a", "dog"), ("a", "dog", "and", "a", "dog"), ("a", "dog")]
    copies = find_copies(captions, [("x.jpg", ("a", "dog")), ("y.jpg", ("the", "dog", "and", "a", "dog"))])
    figures = figures_of([wording(captions, copies)], resamples=10, seed=0)
    assert figures["mean_length"].value == pytest.approx(3.0)
    assert figures["repeated_pair"].value == pytest.approx(1 / 3)
    assert figures["copied"].value == pytest.approx(2 / 3)
    assert figures["nearly_copied"].value == pytest.approx(1.0)
    assert set(figures_of([wording(captions, None)], resamples=10, seed=0)) == {"mean_length", "repeated_pair"}
    vocabulary = Vocabulary(tuple(sorted(["a", "dog", "and", "cat", *SPECIALS])))
    variety = diversity(captions, vocabulary)
    assert variety["vocabulary_used"].value == pytest.approx(3 / 4)
    assert variety["distinct"].value == pytest.approx(2 / 3)
