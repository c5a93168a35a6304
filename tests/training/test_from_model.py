"""Runs that start from a trained model: its weights, its words, and models that do not fit."""

import pytest
import torch

from random_network import random_encoder
from showtell.decoders.registry import build
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.errors import BundleError, InputError
from showtell.models.bundle import read_bundle
from showtell.text import Vocabulary
from showtell.training import recipe_from, train
from showtell.training.from_model import joined_vocabulary, start_from


@pytest.fixture(scope="module")
def data(small_data):
    (small_data / "random.onnx").write_bytes(random_encoder())
    return small_data


def recipe(tie=False, **training):
    decoder = {"hidden": 16, "word": 16, "dropout": 0.2, "tie_words": tie, "picture": "every_step"}
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:random.onnx"},
            "vocabulary": {"min_count": 1},
            "decoder": decoder,
            "training": {"epochs": 2, "batch_size": 24, "best_by": "last", "learning_rate": 1e-2} | training,
            "search": {"beam": 1},
        }
    )


@pytest.mark.parametrize("tie", [False, True])
def test_a_run_goes_on_where_the_model_ended(data, tmp_path, tie):
    first = train(recipe(tie, epochs=6), tmp_path / "first", root=data, show=False)
    start = {"from_model": str(first.bundle), "epochs": 1, "learning_rate": 1e-9}
    second = train(recipe(tie, **start), tmp_path / "second", root=data, show=False)
    assert second.metrics[-1]["val_loss"] == pytest.approx(first.metrics[-1]["val_loss"], abs=2e-3)
    fresh = train(recipe(tie, epochs=1, learning_rate=1e-9), tmp_path / "fresh", root=data, show=False)
    assert fresh.metrics[-1]["val_loss"] > second.metrics[-1]["val_loss"] + 0.1


@pytest.mark.parametrize("tie", [False, True])
def test_each_word_keeps_its_own_weights_and_new_words_start_at_random(data, tmp_path, tie):
    bundle = read_bundle(train(recipe(tie), tmp_path / "run", root=data, show=False).bundle)
    words = joined_vocabulary(Vocabulary.build(["aardvark zebra"], 1), bundle)
    assert set(bundle.vocabulary.entries) < set(words.entries)
    options = ShowAndTellOptions(hidden=16, word=16, tie_words=tie, picture="every_step")
    torch.manual_seed(0)
    decoder = build("show_and_tell", options, (bundle.model["encoder"]["dim"],), len(words))
    before = decoder.output.weight.detach().clone()
    start_from(decoder, words, bundle)
    weights = bundle.weights()
    for row, entry in enumerate(bundle.vocabulary.entries):
        assert torch.equal(decoder.output.weight[words.ids[entry]], torch.from_numpy(weights["output.weight"][row]))
    for entry in ("aardvark", "zebra"):
        assert torch.equal(decoder.output.weight[words.ids[entry]], before[words.ids[entry]])
    assert (decoder.words.weight is decoder.output.weight) == tie


def test_a_model_that_is_missing_or_has_another_decoder_is_refused(data, tmp_path, tiny_bundle):
    with pytest.raises(BundleError, match="nowhere"):
        train(recipe(from_model="nowhere.showtell"), tmp_path / "run", root=data, show=False)
    with pytest.raises(InputError, match="give the recipe the model's own"):
        train(recipe(from_model=str(tiny_bundle)), tmp_path / "run", root=data, show=False)
