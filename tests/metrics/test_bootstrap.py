"""Intervals of scores, against resampling by hand."""

from itertools import product

import numpy as np
import pytest

from showtell.metrics import bleu, bootstrap, rouge_l, score
from word_salads import words

REFERENCES = {
    str(i): [words(text)] for i, text in enumerate(["a dog runs on grass", "a cat", "two men fish", "a big boat"])
}
HYPOTHESES = {"0": words("a dog runs"), "1": words("the cat sleeps"), "2": words("two big men fish"), "3": []}


def by_hand(metric, name):
    """Score every one of the 4^4 equally likely draws as a corpus of its own, and read the interval from the scores."""
    scores = []
    for drawn in product("0123", repeat=4):
        hypotheses = {str(place): HYPOTHESES[picture] for place, picture in enumerate(drawn)}
        references = {str(place): REFERENCES[picture] for place, picture in enumerate(drawn)}
        scores.append(metric(hypotheses, references).corpus[name])
    return np.percentile(scores, [2.5, 97.5])


@pytest.mark.parametrize(("metric", "name"), [(bleu, "BLEU-1"), (bleu, "BLEU-2"), (rouge_l, "ROUGE-L")])
def test_intervals_are_those_of_scoring_every_draw_of_pictures(metric, name):
    parts = (bleu(HYPOTHESES, REFERENCES), rouge_l(HYPOTHESES, REFERENCES))
    low, high = bootstrap(parts, resamples=20_000)[name]
    np.testing.assert_allclose((low, high), by_hand(metric, name), atol=0.01)
    assert low < dict(parts[0].corpus | parts[1].corpus)[name] < high


def test_every_score_has_an_interval_and_a_seed_repeats_it():
    scores = score(
        {k: " ".join(v) for k, v in HYPOTHESES.items()}, {k: [" ".join(v[0])] for k, v in REFERENCES.items()}
    )
    intervals = bootstrap(scores.parts, 200, seed=1)
    assert list(intervals) == list(scores.corpus)
    assert bootstrap(scores.parts, 200, seed=1) == intervals
    assert bootstrap(scores.parts, 200, seed=2) != intervals


def test_one_single_picture_has_an_interval_of_no_width():
    scores = score({"x": "a dog runs"}, {"x": ["a dog sleeps"]})
    for name, (low, high) in bootstrap(scores.parts, 50).items():
        assert low == pytest.approx(high) == pytest.approx(scores.corpus[name])
