"""How much several captions of one picture differ."""

import numpy as np
import pytest

from showtell.evaluation.diversity import div, set_diversity
from showtell.metrics import bleu


def words(*captions):
    return [tuple(one.split()) for one in captions]


def test_div_is_distinct_n_grams_per_word():
    assert div(words("a dog runs", "a dog sits"), 1) == 4 / 6
    assert div(words("a dog runs", "a dog sits"), 2) == 3 / 6
    assert div(words("a dog", "a dog"), 1) == 2 / 4
    assert div(words("", ""), 1) == 0


def test_mbleu_is_the_mean_bleu_of_each_caption_against_the_others():
    pictures = [
        words("a dog runs on the grass", "a dog runs on the beach", "a brown dog runs on the grass"),
        words("two men walk along a road", "two men on a road near a car", "men walk along a road"),
    ]
    means, mutual = set_diversity(pictures)
    assert means.names == ("div_1", "div_2")
    assert means.combine(means.statistics.sum(axis=0)) == pytest.approx(
        [np.mean([div(one, n) for one in pictures]) for n in (1, 2)]
    )
    each = []
    for i in range(3):
        mine = {str(row): list(one[i]) for row, one in enumerate(pictures)}
        others = {str(row): [list(text) for j, text in enumerate(one) if j != i] for row, one in enumerate(pictures)}
        each.append(bleu(mine, others).corpus["BLEU-4"])
    assert mutual.combine(mutual.statistics.sum(axis=0)) == pytest.approx([np.mean(each)])


def test_equal_captions_have_an_mbleu_of_one():
    _, mutual = set_diversity([words(*["a dog runs on grass"] * 3)] * 2)
    assert mutual.combine(mutual.statistics.sum(axis=0)) == pytest.approx([1.0], abs=1e-6)
