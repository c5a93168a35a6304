"""Runs that start from a trained model: its weights, its words, and models that do not fit."""

import json

import pytest
import torch

from command_line import run as command
from random_network import random_encoder
from showtell.decoders.registry import build
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.errors import BundleError, InputError
from showtell.metrics import score
from showtell.metrics.ptb import ptb_tokenize
from showtell.models.bundle import read_bundle
from showtell.text import Vocabulary
from showtell.training import recipe_from, train
from showtell.training.from_model import joined_vocabulary, start_from, with_model


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


def test_a_recipe_takes_what_it_leaves_open_from_the_model(data, tmp_path):
    first = train(recipe(True, epochs=1), tmp_path / "first", root=data, show=False)
    model = str(first.bundle)
    filled = with_model({"data": {"pictures": ["p.zip"]}}, model, data)
    assert filled["training"] == {"from_model": model, "learning_rate": 3e-4}
    assert filled["decoder"]["kind"] == "show_and_tell"
    assert (filled["decoder"]["hidden"], filled["decoder"]["tie_words"]) == (16, True)
    assert filled["encoder"] == {"name": "from_model", "output": "pooled", "resize": "crop"}
    assert filled["search"]["beam"] == 1
    own = {"training": {"learning_rate": 1e-2}, "decoder": {"hidden": 8}, "search": {"beam": 4}}
    kept = with_model(own, model, data)
    assert (kept["training"]["learning_rate"], kept["decoder"], kept["search"]) == (1e-2, {"hidden": 8}, {"beam": 4})
    tuned = with_model({"fine_tune": {"epochs": 1}}, model, data)["encoder"]
    assert (tuned["name"], tuned["weights"]) == ("onnx:random.onnx", model)


def test_the_encoder_of_the_model_stays_byte_for_byte(data, tmp_path):
    first = train(recipe(epochs=1), tmp_path / "first", root=data, show=False)
    tables = {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"}
    training = {"epochs": 1, "batch_size": 24}
    filled = with_model({"data": tables, "training": training}, str(first.bundle), data)
    second = train(recipe_from(filled), tmp_path / "second", root=data, show=False)
    before, after = read_bundle(first.bundle), read_bundle(second.bundle)
    assert after.parts["encoder.onnx"] == before.parts["encoder.onnx"]
    assert set(before.vocabulary.entries) <= set(after.vocabulary.entries)
    filled["encoder"]["precision"] = "int8"
    with pytest.raises(InputError, match="stays as the model has it"):
        train(recipe_from(filled), tmp_path / "third", root=data, show=False)
    with pytest.raises(InputError, match="name a model there"):
        train(recipe_from({"data": tables, "encoder": {"name": "from_model"}}), tmp_path / "x", root=data, show=False)


def test_a_run_knows_what_one_caption_for_all_pictures_is_worth(data, tmp_path):
    done = train(recipe(epochs=1), tmp_path / "run", root=data, show=False)
    lines = [json.loads(line) for line in (data / "captions.jsonl").read_text().splitlines()]
    references = {one["image"]: one["caption"] for one in lines if one["split"] == "val"}
    assert done.baseline.pictures == len(references) == 12
    same = dict.fromkeys(references, done.baseline.caption)
    assert done.baseline.cider_d == pytest.approx(score(same, references, metrics=["CIDEr-D"]).corpus["CIDEr-D"])
    known = {" ".join(ptb_tokenize(text)) for one in lines if one["split"] == "train" for text in one["caption"]}
    assert done.baseline.caption in known


def test_the_command_starts_from_a_model_and_ends_by_telling_what_it_made(data, tmp_path):
    first = train(recipe(epochs=1), tmp_path / "first", root=data, show=False)
    named = ("--pictures", "p.zip", "--captions", "captions.jsonl", "--set", "data.split_column=split")
    run = tmp_path / "run"
    done = command("train", *named, "--root", data, "--from-model", first.bundle, "--out", run, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "warning: only 48 pictures to train on: add more, or start from a model" in said
    assert "on 12 validation pictures: CIDEr-D " in said
    assert "the same caption for every picture, " in said
    assert said.endswith(
        f"next:\n  showtell caption --model {run}/model.showtell {data}/p.zip --html captions.html\n"
        f"  showtell serve --model {run}/model.showtell\n"
    )
    done = command("train", *named, "--root", data, "--from-model", "flikr8k", "--out", run)
    assert done.returncode == 2
    assert "no model of that name" in done.stderr
