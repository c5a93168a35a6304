"""Temperatures, calibration errors, confidences and unfamiliar pictures, on data whose truth is known."""

import dataclasses
import math

import numpy as np
import pytest

from showtell.captioning.confidence import (
    Calibration,
    OutOfDistribution,
    expected_calibration_error,
    find_temperature,
    fit_out_of_distribution,
    fit_quality,
    held_out_confidence,
    reliability,
)
from showtell.captioning.confidence.quality import fit_logistic
from showtell.captioning.confidence.temperature import likeliest
from showtell.errors import InputError


def drawn(count=20_000, entries=12, seed=0):
    """Log-probabilities of random distributions, and one word drawn from each."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, entries))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    words = (np.exp(log_probs).cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return log_probs.astype(np.float32), np.minimum(words, entries - 1)


@pytest.mark.parametrize("distortion", [0.5, 1.0, 3.0])
def test_a_distortion_of_honest_probabilities_is_found_and_undone(distortion):
    log_probs, words = drawn()
    distorted = log_probs * np.float32(distortion)  # what a temperature of `distortion` makes honest again
    temperature = find_temperature(distorted, words)
    assert temperature == pytest.approx(distortion, rel=0.04)
    right = distorted.argmax(axis=1) == words
    assert expected_calibration_error(likeliest(distorted, temperature), right) < 0.015
    if distortion != 1.0:
        assert expected_calibration_error(likeliest(distorted, 1.0), right) > 0.1


def test_the_temperature_is_the_best_of_a_fine_grid():
    log_probs, words = drawn(500, seed=3)
    right = log_probs.argmax(axis=1) == words

    def loss(temperature):
        p = np.exp(log_probs.astype(np.float64) / temperature)
        p = (p / p.sum(axis=1, keepdims=True)).max(axis=1)
        return -np.log(np.where(right, p, 1 - p)).mean()

    grid = np.geomspace(0.3, 3, 2000)
    assert find_temperature(log_probs, words) == pytest.approx(min(grid, key=loss), rel=3e-3)


def test_words_that_may_not_come_change_no_temperature():
    log_probs, words = drawn(2000)
    banned = np.hstack([log_probs, np.full((2000, 3), -np.inf, np.float32)])
    assert find_temperature(banned, words) == pytest.approx(find_temperature(log_probs, words), rel=1e-5)
    with pytest.raises(InputError, match="no words"):
        find_temperature(log_probs[:0], words[:0])


def test_the_calibration_error_is_that_worked_out_by_hand():
    stated = np.array([0.05, 0.15, 0.15, 0.9, 1.0])
    true = np.array([False, True, False, True, False])
    found = reliability(stated, true)
    assert [(one.stated, one.true, one.count) for one in found] == [
        (pytest.approx(0.05), 0.0, 1),
        (pytest.approx(0.15), 0.5, 2),
        (pytest.approx(0.95), 0.5, 2),
    ]
    # 1/5 of |0 - .05|, 2/5 of |.5 - .15|, 2/5 of |.5 - .95|
    assert expected_calibration_error(stated, true) == pytest.approx(0.01 + 0.14 + 0.18)


def test_logistic_regression_finds_the_least_log_loss():
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    true = rng.random(4000) < 1 / (1 + np.exp(-(1.5 * x - 0.5)))
    slope, intercept = fit_logistic(x, true)
    assert (slope, intercept) == (pytest.approx(1.5, abs=0.15), pytest.approx(-0.5, abs=0.1))
    n = true.sum()
    target = np.where(true, (n + 1) / (n + 2), 1 / (len(true) - n + 2))

    def loss(a, b):
        p = 1 / (1 + np.exp(-(a * x + b)))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()

    around = [loss(slope + da, intercept + db) for da in (-0.01, 0, 0.01) for db in (-0.01, 0, 0.01)]
    assert min(around) == around[4]


def test_logistic_regression_is_finite_where_all_is_told_apart_and_flat_where_it_would_fall():
    x = np.linspace(-1, 1, 40)
    slope, intercept = fit_logistic(x, x > 0)
    assert 0 < slope < 1000
    assert math.isfinite(intercept)
    slope, intercept = fit_logistic(x, x < 0)
    assert slope == 0
    assert 1 / (1 + math.exp(-intercept)) == pytest.approx(0.5)
    slope, intercept = fit_logistic(x, np.ones(40, bool))
    assert 1 / (1 + math.exp(-(slope + intercept))) > 0.9


def captions(count=1500, seed=0):
    """Features of which the first decides what a caption is worth, its worth, and whether it is good."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 4)) * [0.2, 5.0, 1.0, 100.0]
    scores = np.maximum(0, 0.8 + 2 * features[:, 0] + rng.normal(0, 0.3, count)) ** 2
    return features, scores, scores > 0.6


def test_the_confidence_ranks_unseen_captions_and_keeps_its_word():
    features, scores, good = captions()
    quality = fit_quality(features, scores, good)
    unseen, worth, good_there = captions(seed=1)
    confidence = quality(unseen)
    assert np.corrcoef(confidence.argsort().argsort(), worth.argsort().argsort())[0, 1] > 0.7
    assert expected_calibration_error(confidence, good_there) < 0.05
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    order = np.argsort(quality.predicted_root(unseen))
    assert (np.diff(confidence[order]) >= 0).all()


def test_features_that_say_nothing_give_every_caption_the_share_of_good_ones():
    features, scores, good = captions()
    rng = np.random.default_rng(5)
    mixed = rng.permutation(len(good))
    confidence = held_out_confidence(features[mixed], scores, good)
    assert confidence.mean() == pytest.approx(good.mean(), abs=0.02)
    assert confidence.std() < 0.05
    assert expected_calibration_error(confidence, good) < 0.05


def test_a_feature_beyond_all_that_was_seen_counts_as_three_deviations():
    features, scores, good = captions()
    quality = fit_quality(features, scores, good)
    far = features[:1].copy()
    far[0, 0] = features[:, 0].mean() + 3.0001 * features[:, 0].std()
    farther = far.copy()
    farther[0, 0] *= 1000
    assert quality(far) == quality(farther)


@pytest.fixture(scope="module")
def embedded():
    """Training and validation embeddings of 40 numbers that vary along 3 directions, and strangers that don't."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(40, 40)))[0].T
    centre = rng.normal(size=40)

    def like(count):
        along = rng.normal(size=(count, 3)) * [9, 6, 4]
        return (centre + along @ directions[:3] + rng.normal(0, 0.3, (count, 40))).astype(np.float32)

    strangers = (centre + 5 * rng.normal(size=(50, 37)) @ directions[3:]).astype(np.float32)
    return like(900), like(600), strangers, directions


def test_strangers_are_unfamiliar_and_one_validation_picture_in_a_hundred(embedded):
    training, validation, strangers, directions = embedded
    ood = fit_out_of_distribution([training[:500], training[500:]], [validation])
    assert ood.directions.shape == (4, 40)
    overlap = np.abs(ood.directions[:3].astype(np.float64) @ directions[:3].T)
    assert overlap.diagonal() == pytest.approx(1, abs=0.01)
    calibration = Calibration(1.0, out_of_distribution=ood)
    assert np.mean(calibration.unfamiliar(validation)) == pytest.approx(0.01, abs=0.002)
    assert all(calibration.unfamiliar(strangers))


def test_the_share_outside_is_that_of_a_direct_projection_and_of_the_mean_of_a_grid(embedded):
    training, validation, _, _ = embedded
    ood = fit_out_of_distribution([training], [validation])
    basis = ood.directions.astype(np.float64)
    for embedding in validation[:5]:
        centred = embedding.astype(np.float64) - training.mean(axis=0)
        rest = centred - basis.T @ (basis @ centred)
        assert ood.outside(embedding[None])[0] == pytest.approx(rest @ rest / (centred @ centred), abs=1e-3)
    grids = np.stack([validation[:5] - 1, validation[:5] + 1], axis=1)
    assert ood.outside(grids) == pytest.approx(ood.outside(validation[:5]), abs=1e-5)


def test_a_calibration_is_the_same_when_it_is_kept_and_read(embedded):
    training, validation, _, _ = embedded
    ood = fit_out_of_distribution([training], [validation])
    rng = np.random.default_rng(2)
    scores = rng.random(600)
    bare = Calibration(1.3, out_of_distribution=ood, figures={"words": 3})
    table = np.hstack([rng.normal(size=(600, 1)), ood.outside(validation)[:, None], np.zeros((600, 4))])
    table[:, 2:] = ood.coordinates(validation)
    calibration = Calibration(1.3, fit_quality(table, scores, scores > 0.5), ood, {"words": 3})
    again = Calibration.from_parts(calibration.to_parts())
    assert (again.temperature, again.quality, again.figures) == (1.3, calibration.quality, {"words": 3})
    means = rng.normal(size=600)
    assert again.confidence(means, validation) == calibration.confidence(means, validation)
    assert again.unfamiliar(validation) == bare.unfamiliar(validation)
    assert Calibration.from_parts({}) is None
    assert bare.confidence(means, validation) == [None] * 600
    assert Calibration(1.0).unfamiliar(validation[:2]) == [None, None]


def test_agreement_with_tags_is_kept_and_changes_the_confidence(embedded):
    _, validation, _, _ = embedded
    rng = np.random.default_rng(3)
    means, agreement = rng.normal(size=600), rng.normal(size=(600, 3))
    scores = np.clip(agreement[:, 1] + 2, 0, None)
    quality = fit_quality(np.hstack([means[:, None], agreement]), scores, scores > 2)
    calibration = Calibration(1.3, quality, tags=True)
    again = Calibration.from_parts(calibration.to_parts())
    assert again.tags
    confidence = again.confidence(means, validation, agreement)
    assert confidence == calibration.confidence(means, validation, agreement)
    within = np.abs(agreement[:, 1]) < 1.9  # beyond, scores and features are cut off
    ranks = [np.argsort(np.argsort(values[within])) for values in (np.array(confidence), agreement[:, 1])]
    assert np.corrcoef(ranks)[0, 1] > 0.95
    with pytest.raises(InputError, match=r"calibration\.json is malformed"):  # it would be one feature instead of four
        Calibration.from_parts(dataclasses.replace(calibration, tags=False).to_parts())


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"format": 1}', b'{"format": 3, "temperature": 1.0}'])
def test_a_malformed_calibration_is_an_error(damage):
    with pytest.raises(InputError, match=r"calibration(\.json is malformed| format 3)"):
        Calibration.from_parts({"calibration.json": damage})


def test_too_little_to_know_the_familiar_by_is_an_error(embedded):
    _, validation, _, _ = embedded
    with pytest.raises(InputError, match="1 training pictures"):
        fit_out_of_distribution([validation[:1]], [validation])
    with pytest.raises(InputError, match="no validation pictures"):
        fit_out_of_distribution([validation], [])
    assert isinstance(fit_out_of_distribution([validation[:2]], [validation]), OutOfDistribution)
