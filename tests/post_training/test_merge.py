"""Merged models: one file that captions as the ensemble of its members does."""

import numpy as np
import pytest

from showtell import Captioner
from showtell.captioning.golden import replay
from showtell.errors import BundleError, InputError
from showtell.models.bundle import CALIBRATION_PARTS, read_bundle
from showtell.models.ensemble import Ensemble
from showtell.post_training.merge import merge

PICTURES = [np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8) for seed in range(4)]


def test_a_merged_model_captions_as_the_ensemble_does(looking_bundle, tmp_path):
    """Attention or a transformer, twice: with the states of both, and the mean of their attention."""
    out = tmp_path / "both.showtell"
    merge([looking_bundle, looking_bundle], out)
    one, two = Captioner(out), Captioner([looking_bundle, looking_bundle])
    for picture in PICTURES:
        merged, ensemble = (captioner.caption(picture, attention=True, guide="off") for captioner in (one, two))
        assert merged.text == ensemble.text
        assert merged.score == pytest.approx(ensemble.score, abs=1e-3)
        for word, other in zip(merged.words, ensemble.words, strict=True):
            assert np.abs(word.attention - other.attention).max() < 1e-4
    assert replay(one).text


def test_a_decoder_of_pooled_embeddings_stands_beside_one_of_grids(tiny_bundle, looking_bundle, tmp_path, showtell):
    out = tmp_path / "both.showtell"
    ran = showtell("merge", tiny_bundle, looking_bundle, "-o", out)
    assert (ran.code, ran.out) == (0, f"model: {out}\n")
    bundle = read_bundle(out)
    members = bundle.model["decoder"]["members"]
    assert bundle.model["decoder"]["kind"] == "ensemble"
    assert members[0]["kind"] == "show_and_tell"
    assert len(members) == 2
    assert (bundle.name, bundle.model["output"]) == ("both", "grid")
    assert not set(CALIBRATION_PARTS) & set(bundle.parts)
    assert "- Decoder: ensemble" in bundle.parts["README.md"].decode()
    grids = np.random.default_rng(0).random((3, *Captioner(looking_bundle).encoder.info.shape("grid")), np.float32)
    pooled, looking = (read_bundle(path).decoder() for path in (tiny_bundle, looking_bundle))
    merged = bundle.decoder()
    tokens = np.array([bundle.vocabulary.start] * 3)
    logits, _ = merged.step(tokens, *merged.start(grids))
    wanted, _ = Ensemble([looking]).step(tokens, *Ensemble([looking]).start(grids))
    beside, _ = Ensemble([pooled]).step(tokens, *Ensemble([pooled]).start(grids.mean(1)))
    assert np.exp(logits) == pytest.approx((np.exp(wanted) + np.exp(beside)) / 2, abs=1e-5)


def test_models_that_cannot_be_merged_are_refused(tiny_bundle, tmp_path):
    out = tmp_path / "both.showtell"
    with pytest.raises(InputError, match="one model cannot be merged: name two or more"):
        merge([tiny_bundle], out)
    with pytest.raises(BundleError, match="does not go together with"):
        merge([tiny_bundle, "flickr8k"], out)
    merge([tiny_bundle, tiny_bundle], out)
    with pytest.raises(BundleError, match="cannot be merged again"):
        merge([out, tiny_bundle], tmp_path / "three.showtell")
