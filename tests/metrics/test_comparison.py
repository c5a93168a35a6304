"""Two systems on the same pictures: paired tests against exact and independent computations."""

import itertools

import numpy as np
import pytest

from showtell.errors import InputError
from showtell.metrics import score
from showtell.metrics.comparison import compare
from showtell.metrics.result import mean_scores


def means(values, name="m"):
    return mean_scores(name, tuple(map(str, range(len(values)))), np.array(values, np.float64))


def test_the_p_value_is_that_of_all_swaps():
    first, second = [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.6], [0.3, 0.6, 0.2, 1.0, 0.5, 0.8, 0.7]
    found = compare([means(first)], [means(second)], trials=20_000)["m"]
    differences = np.array(second) - np.array(first)
    assert found.difference == pytest.approx(differences.mean())
    swaps = [abs(np.mean(differences * signs)) for signs in itertools.product((1, -1), repeat=7)]
    exact = np.mean([one >= abs(differences.mean()) - 1e-12 for one in swaps])
    assert found.p == pytest.approx(exact, abs=0.01)


def test_the_interval_is_paired():
    """Pictures differ much more than the systems do: an unpaired interval would be forty times as wide."""
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 400)
    found = compare([means(base)], [means(base + 0.1 + rng.normal(0, 0.02, 400))])["m"]
    assert 0.09 < found.low < found.difference < found.high < 0.11
    assert found.p < 0.001
    assert found.wins == 1.0
    error = 0.02 / 20
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_equal_systems_do_not_differ():
    found = compare([means([0.1, 0.2, 0.3])], [means([0.1, 0.2, 0.3])])["m"]
    assert (found.difference, found.low, found.high, found.p, found.wins) == (0, 0, 0, 1, 0.5)


def test_the_order_of_the_systems_changes_signs_alone():
    references = {"a": ["a dog runs on grass"], "b": ["a cat sits"], "c": ["two men walk on a beach"]}
    one = score({"a": "a dog runs", "b": "a cat sits", "c": "a man walks"}, references)
    two = score({"a": "a dog runs on grass", "b": "a dog", "c": "two men on a beach"}, references)
    there, back = compare(one.parts, two.parts), compare(two.parts, one.parts)
    for name, value in one.corpus.items():
        assert there[name].first == pytest.approx(value)
        assert there[name].second == pytest.approx(two.corpus[name])
        assert there[name].difference == pytest.approx(-back[name].difference)
        assert (there[name].low, there[name].high) == pytest.approx((-back[name].high, -back[name].low))
        assert there[name].p == pytest.approx(back[name].p, abs=0.03)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="same figures"):
        compare([means([1, 2])], [means([1, 2], "other")])
    with pytest.raises(InputError, match="same pictures"):
        compare([means([1, 2])], [means([1, 2, 3])])
    with pytest.raises(InputError, match="at least 1"):
        compare([means([1, 2])], [means([1, 2])], trials=0)
