"""Search against exhaustive enumeration, on a toy decoder whose probabilities are known."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository import ROOT
from search_toys import ALLOWED, PICTURES, VOCABULARY, Markov, every_sentence, log_softmax
from showtell.errors import InputError
from showtell.search import SearchOptions, search, temper, truncate

RECORDED = ROOT / "tests" / "recorded" / "search.json"


def test_the_recorded_sentences_are_found_again():
    # Origin: the search of release 0.1.0, every method on this very decoder.
    for case in json.loads(RECORDED.read_text()):
        found = search(Markov(case["decoder"]), PICTURES, VOCABULARY, SearchOptions(**case["options"]), first=2)
        for hypotheses, recorded in zip(found, case["found"], strict=True):
            assert [list(h.tokens) for h in hypotheses] == [one["tokens"] for one in recorded]
            assert [h.score for h in hypotheses] == pytest.approx([one["score"] for one in recorded], abs=1e-5)


@given(seed=st.integers(0, 10_000), penalty=st.sampled_from([0.0, 0.7, 1.0]))
@settings(max_examples=30, deadline=None)
def test_a_beam_as_wide_as_the_space_finds_the_best_sentences(seed, penalty):
    decoder = Markov(seed)
    options = SearchOptions(beam=81, num_captions=5, max_length=4, length_penalty=penalty)
    found = search(decoder, PICTURES, VOCABULARY, options)
    for picture, hypotheses in enumerate(found):
        best = sorted(every_sentence(decoder, picture, options), key=lambda pair: -pair[1])[:5]
        assert [h.score for h in hypotheses] == pytest.approx([score for _, score in best], abs=1e-4)
        assert hypotheses[0].tokens == best[0][0]


@given(seed=st.integers(0, 10_000), beam=st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_a_picture_gets_the_same_captions_alone_and_in_a_batch(seed, beam):
    options = SearchOptions(beam=beam, num_captions=2, max_length=6)
    together = search(Markov(seed), PICTURES, VOCABULARY, options)
    alone = [search(Markov(seed), PICTURES[i : i + 1], VOCABULARY, options)[0] for i in range(3)]
    assert together == alone


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_greedy_takes_the_likeliest_word_at_every_step(seed):
    decoder = Markov(seed)
    options = SearchOptions(beam=1, max_length=6)
    for picture, (hypothesis,) in enumerate(search(decoder, PICTURES, VOCABULARY, options)):
        last, total = VOCABULARY.start, 0.0
        for t in range(6):
            ahead = log_softmax(decoder.table[picture, t, last].astype(np.float64), t == 0)
            last = int(ahead.argmax())
            total += ahead[last]
            if last == VOCABULARY.end:
                break
            assert hypothesis.tokens[t] == last
            assert hypothesis.log_probs[t] == pytest.approx(ahead[last], abs=1e-5)
        assert len(hypothesis.tokens) == (t if last == VOCABULARY.end else t + 1)
        assert hypothesis.score == pytest.approx(total / (t + 1) ** 0.7, abs=1e-4)


@pytest.mark.parametrize("options", [SearchOptions(beam=1), SearchOptions(beam=4), SearchOptions(sample=True, seed=3)])
def test_neither_unk_nor_pad_nor_start_nor_an_empty_sentence_is_ever_produced(options):
    decoder = Markov(0, steps=20)
    decoder.table[..., [VOCABULARY.unk, VOCABULARY.pad, VOCABULARY.start, VOCABULARY.end]] += 50
    for (hypothesis,) in search(decoder, PICTURES, VOCABULARY, options):
        assert hypothesis.tokens
        assert set(hypothesis.tokens) <= set(ALLOWED)


def test_sampling_draws_words_as_often_as_the_tempered_probabilities_say():
    decoder = Markov(5)
    options = SearchOptions(sample=True, num_captions=1000, temperature=0.5, max_length=1)
    places = search(decoder, np.repeat(PICTURES[:1], 20, axis=0), VOCABULARY, options)  # of the same picture
    hypotheses = [hypothesis for found in places for hypothesis in found]
    assert len(hypotheses) == 20_000
    p = np.exp(log_softmax(decoder.table[0, 0, VOCABULARY.start].astype(np.float64), True))
    expected = p**2 / (p**2).sum()
    drawn = np.bincount([h.tokens[0] for h in hypotheses], minlength=len(VOCABULARY)) / len(hypotheses)
    assert drawn == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 20_000))


def test_the_probability_of_a_sampled_word_is_the_decoders_own_not_the_tempered_one():
    decoder = Markov(5)
    options = SearchOptions(sample=True, temperature=0.01, max_length=1)
    (hypothesis,) = search(decoder, PICTURES[:1], VOCABULARY, options)[0]
    ahead = log_softmax(decoder.table[0, 0, VOCABULARY.start].astype(np.float64), True)
    assert hypothesis.log_probs[0] == pytest.approx(ahead[hypothesis.tokens[0]], abs=1e-5)


def test_a_sampled_caption_depends_on_seed_and_place_not_on_the_batch():
    options = SearchOptions(sample=True, seed=7, max_length=6)
    together = search(Markov(1), PICTURES, VOCABULARY, options)
    alone = [search(Markov(1), PICTURES[i : i + 1], VOCABULARY, options, first=i)[0] for i in range(3)]
    assert together == alone
    other = search(Markov(1), PICTURES, VOCABULARY, SearchOptions(sample=True, seed=8, max_length=6))
    assert other != together


def test_finished_pictures_leave_the_batch():
    decoder = Markov(2, steps=20)
    decoder.table[0, 1:, :, VOCABULARY.end] += 100
    decoder.table[1:, :, :, VOCABULARY.end] -= 100
    search(decoder, PICTURES, VOCABULARY, SearchOptions(beam=2, max_length=20))
    assert decoder.rows[:3] == [3, 6, 4]
    assert set(decoder.rows[2:]) == {4}


def test_temperature_follows_the_original_table_to_its_last_digit():
    # Origin: the course notebook's own output for p = (0.5, 0.4, 0.1).
    table = {
        0.01: (0.9999999997962965, 2.0370359759195462e-10, 1.2676505999700117e-70),
        0.1: (0.9030370433250645, 0.09696286420394223, 9.247099323648666e-08),
        1.0: (0.5, 0.4, 0.1),
        10.0: (0.35344772639219624, 0.34564811360592396, 0.3009041600018798),
        100.0: (0.33536728048099185, 0.33461976434857876, 0.3300129551704294),
    }
    for temperature, expected in table.items():
        assert tuple(map(float, temper(np.array([0.5, 0.4, 0.1]), temperature))) == expected


def test_a_temperature_so_low_that_every_power_vanishes_still_gives_probabilities():
    rows = np.array([[1e-4, 2e-4, 2e-4], [0.5, 0.25, 0.25]])
    assert temper(rows, 1e-3) == pytest.approx(np.array([[0, 0.5, 0.5], [1, 0, 0]]))
    assert temper(rows[0], 0.02) == pytest.approx(np.array([1, 2.0**50, 2.0**50]) / (1 + 2.0**51), rel=1e-12)


def test_top_k_and_top_p_keep_the_likeliest_words():
    p = np.array([[0.1, 0.4, 0.3, 0.2]])
    assert truncate(p, 2, 1.0) == pytest.approx(np.array([[0, 4 / 7, 3 / 7, 0]]))
    assert truncate(p, 0, 0.6) == pytest.approx(np.array([[0, 4 / 7, 3 / 7, 0]]))
    assert truncate(p, 0, 0.4) == pytest.approx(np.array([[0, 1.0, 0, 0]]))
    assert truncate(p, 3, 0.9) == pytest.approx(np.array([[0, 4 / 9, 3 / 9, 2 / 9]]))
    assert truncate(p, 0, 1e-9) == pytest.approx(np.array([[0, 1.0, 0, 0]]))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"beam": 0}, "beam"),
        ({"num_captions": 4, "beam": 3}, "beam of at least 4"),
        ({"temperature": 0.0}, "temperature"),
        ({"top_p": 0.0}, "top-p"),
        ({"top_k": -1}, "top-k"),
        ({"max_length": 0}, "length"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_option_is_a_clear_error(wrong, named):
    with pytest.raises(InputError, match=named):
        SearchOptions(**wrong)


def test_no_pictures_give_no_captions():
    assert search(Markov(0), PICTURES[:0], VOCABULARY, SearchOptions()) == []
