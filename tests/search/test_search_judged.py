"""What a search notes of its words at another temperature is what reading its sentences once more gives."""

import numpy as np
import pytest
from search_toys import PICTURES, VOCABULARY, Markov

from showtell.confidence import Calibration, Judge
from showtell.confidence.judge import sentence_log_probs
from showtell.search import SearchOptions, search

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
def test_words_judged_on_the_way_are_those_of_a_second_reading(way, temperature):
    decoder = Markov(2)
    found = search(decoder, TWENTY, VOCABULARY, WAYS[way], judge_at=temperature)
    ended = 0
    for picture, sentences in zip(TWENTY, found, strict=True):
        for one in sentences:
            (read,) = sentence_log_probs(decoder, picture[None], [one.tokens], VOCABULARY, temperature)
            assert len(one.judged) in (0, len(read))
            if one.judged:
                assert one.judged == pytest.approx(read.tolist(), abs=1e-5, rel=1e-5)
            ended += bool(one.judged)
    assert ended


@pytest.mark.parametrize("way", WAYS)
def test_judging_changes_no_sentence(way):
    plain, judged = (search(Markov(2), TWENTY, VOCABULARY, WAYS[way], judge_at=at) for at in (None, 0.7))
    assert [[(one.tokens, one.score) for one in sentences] for sentences in plain] == [
        [(one.tokens, one.score) for one in sentences] for sentences in judged
    ]
    assert not any(one.judged for sentences in plain for one in sentences)


def test_a_judge_reads_again_only_what_was_cut():
    options, decoder = SearchOptions(beam=1, max_length=2), Markov(2)
    found = search(decoder, TWENTY, VOCABULARY, options, judge_at=0.7)
    cut = sum(not one.judged for (one,) in found)
    assert 0 < cut < len(found)
    assert all(len(one.tokens) == 2 for (one,) in found if not one.judged)
    judge = Judge(Calibration(0.7), decoder, VOCABULARY)
    decoder.rows.clear()
    judged = judge(TWENTY, found)
    assert decoder.rows == [cut] * 3  # two words and END
    anew = judge(TWENTY, search(decoder, TWENTY, VOCABULARY, options))
    for (one,), (other,) in zip(judged, anew, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-5)
