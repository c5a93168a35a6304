"""Real pictures and captions through the whole pipeline; skipped if the data sets are not available."""

import json

import pytest

from showtell import Captioner
from showtell.data.sources.picture_source import PictureSource
from showtell.training import recipe_from, train


def test_training_on_flickr8k_pictures_learns_something_in_two_epochs(shared_data, tmp_path):
    recipe = recipe_from(
        {
            "name": "small",
            "data": {
                "pictures": ["flickr8k/val.zip"],
                "captions": "flickr8k/Flickr8k.token.txt",
                "validation_fraction": 0.2,
                "limit": 400,
            },
            "encoder": {"name": "efficientnet_lite0", "resize": "squash"},
            "vocabulary": {"min_count": 3},
            "decoder": {"hidden": 128, "word": 64},
            "training": {"epochs": 2, "learning_rate": 3e-3},
        }
    )
    result = train(recipe, tmp_path / "run", root=shared_data, show=False)
    first, last = result.metrics
    assert last["train_loss"] < first["train_loss"]
    assert last["val_loss"] < first["val_loss"] < 6.0
    assert last["cider_d"] > 0.02
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1]) == last
    captioner = Captioner(result.bundle)
    originals = PictureSource(shared_data / "flickr8k_originals" / "photos.zip")
    captions = [r.caption.text for r in captioner.caption_stream(originals.read())]
    assert len(captions) == 200
    assert len(set(captions)) > 3


def test_cocos_own_zips_are_captioned_and_aligned(shared_data, tiny_bundle):
    captions = Captioner(tiny_bundle).caption_stream(
        PictureSource(shared_data / "coco" / "train2014_sample.zip").read()
    )
    results = list(captions)
    assert len(results) == 100
    assert all(result.caption for result in results)


def test_a_recipe_without_its_data_names_the_missing_file(tmp_path):
    from showtell.errors import InputError
    from showtell.training import read_recipe

    recipe = read_recipe("recipes/flickr8k.toml")
    with pytest.raises(InputError, match=r"train\.zip"):
        train(recipe, tmp_path / "run", root=tmp_path, show=False)
