"""What a search notes of its words at another temperature is what reading its sentences once more gives."""

import numpy as np
import pytest

from search_toys import PICTURES, VOCABULARY, Markov
from showtell.captioning.confidence import Calibration, ConfidenceEstimator
from showtell.captioning.confidence.sentence_confidence import sentence_log_probs
from showtell.search import Hypothesis, SearchOptions, search

WAYS = {
    "greedy": SearchOptions(beam=1, max_length=6),
    "beam": SearchOptions(beam=3, num_captions=3, max_length=6),
    "drawn": SearchOptions(sample=True, num_captions=4, seed=3, max_length=6),
    "diverse": SearchOptions(beam=4, num_captions=2, diversity=0.5, max_length=6),
    "with rules": SearchOptions(beam=2, min_length=3, no_repeat_ngram=2, must_not=("bee",), max_length=6),
    "with a needed word": SearchOptions(beam=2, must=("cat",), max_length=6),
}
TWENTY = np.arange(20, dtype=np.float32)[:, None] % len(PICTURES)


@pytest.mark.parametrize("temperature", [0.05, 0.8, 3.0])
@pytest.mark.parametrize("way", WAYS)
def test_log_probs_calibrated_during_the_search_are_those_of_a_second_reading(way, temperature):
    decoder = Markov(2)
    found = search(decoder, TWENTY, VOCABULARY, WAYS[way], calibration_temperature=temperature)
    for picture, sentences in zip(TWENTY, found, strict=True):
        for one in sentences:
            (read,) = sentence_log_probs(decoder, picture[None], [one.tokens], VOCABULARY, temperature)
            assert one.calibrated_log_probs == pytest.approx(read.tolist(), abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_judging_changes_no_sentence(way):
    plain, calibrated = (
        search(Markov(2), TWENTY, VOCABULARY, WAYS[way], calibration_temperature=at) for at in (None, 0.7)
    )
    assert [[(one.tokens, one.score) for one in sentences] for sentences in plain] == [
        [(one.tokens, one.score) for one in sentences] for sentences in calibrated
    ]
    assert not any(one.calibrated_log_probs for sentences in plain for one in sentences)


@pytest.mark.parametrize("beam", [1, 3])
def test_sentences_that_are_cut_are_calibrated_as_well(beam):
    decoder = Markov(2)
    found = search(decoder, TWENTY, VOCABULARY, SearchOptions(beam=beam, max_length=2), calibration_temperature=0.7)
    assert any(len(one.tokens) == 2 for (one,) in found)
    estimator = ConfidenceEstimator(Calibration(0.7), decoder, VOCABULARY)
    decoder.rows.clear()
    estimated = estimator(TWENTY, found)
    assert not decoder.rows
    anew = estimator(TWENTY, [[Hypothesis(one.tokens, one.log_probs, one.score) for one in of] for of in found])
    assert decoder.rows == [20] * 3  # two words and END
    for (one,), (other,) in zip(estimated, anew, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-5)


def test_a_sentence_that_the_rules_leave_no_word_is_read_again():
    options = SearchOptions(beam=1, min_length=6, no_repeat_ngram=1, max_length=6)
    decoder = Markov(2)
    found = search(decoder, TWENTY, VOCABULARY, options, calibration_temperature=0.7)
    assert {len(one.tokens) for (one,) in found} == {3}
    assert not any(one.calibrated_log_probs for (one,) in found)
    decoder.rows.clear()
    estimated = ConfidenceEstimator(Calibration(0.7), decoder, VOCABULARY)(TWENTY, found)
    assert decoder.rows == [20] * 4
    assert all(len(one.log_probs) == 3 for (one,) in estimated)
