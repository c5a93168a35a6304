"""Training the encoder with the decoder: what it brings, what becomes of it, and runs that are broken off."""

import errno
import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from random_network import random_encoder
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import calibration_of
from showtell.captioning.golden import replay
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.errors import InputError
from showtell.models.bundle import read_bundle
from showtell.training import Stopped, loop, recipe_from, train
from showtell.training.encoder import frozen_features
from showtell.training.encoder.frozen_features import FrozenFeatures, boxes, cropped
from showtell.training.encoder.module import EncoderModule
from showtell.training.recipe import EncoderOptions
from showtell.training.stages import build
from showtell.training.stages.encoder_input import class_divergence
from showtell.training.validate import Validator
from showtell.training.watch import Unwatched


@pytest.fixture(scope="module")
def data(small_data):
    (small_data / "random.onnx").write_bytes(random_encoder())
    return small_data


class StopAfter(Unwatched):
    """Stops the run after so many of its steps."""

    def __init__(self, steps):
        self.steps = steps

    def step(self, progress):
        self.steps -= 1
        return self.steps == 0


def recipe(*, grid=False, training=(), fine_tune=(), **tables):
    attention = {"kind": "attention", "hidden": 16, "word": 16, "cell": 12, "attention": 8, "dropout": 0.2}
    defaults = {"epochs": 2, "batch_size": 24, "learning_rate": 1e-2, "average": 0.9, "checkpoint_steps": 2}
    tuning = {"epochs": 2, "pictures": 12, "captions": 2, "warmup_steps": 2, "encoder_learning_rate": 1e-3}
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:random.onnx", "output": "grid" if grid else "pooled"} | tables.pop("encoder", {}),
            "vocabulary": {"min_count": 1},
            "decoder": attention if grid else {"hidden": 24, "word": 16, "dropout": 0.2},
            "training": defaults | {"best_by": "last"} | dict(training),
            "fine_tune": tuning | dict(fine_tune),
            "search": {"beam": 1},
        }
        | tables
    )


def run(data, folder, *args, **kwargs):
    return train(recipe(*args, **kwargs), folder, root=data, store=data / f"store-{kwargs.get('grid')}", show=False)


def test_fine_tuning_lifts_what_a_random_encoder_is_worth(data, tmp_path):
    """As many steps over the same captions in both runs."""
    frozen = run(data, tmp_path / "frozen", training={"epochs": 24}, fine_tune={"epochs": 0}).metrics
    tuning = {"epochs": 16, "captions": 4, "pictures": 6, "learning_rate": 1e-2, "encoder_learning_rate": 3e-3}
    tuned = run(data, tmp_path / "tuned", training={"epochs": 8}, fine_tune=tuning).metrics
    assert [line["stage"] for line in tuned] == ["cross_entropy"] * 8 + ["fine_tune"] * 16
    assert tuned[-1]["step"] == frozen[-1]["step"]
    for loss in ("train_loss", "val_loss"):
        assert tuned[-1][loss] < frozen[-1][loss] - 0.02


@pytest.fixture
def seen_captions(monkeypatch):
    """The captions of every validation, in order."""
    captions, call = [], Validator.__call__

    def spied(self, decoder, seen):
        validation = call(self, decoder, seen)
        captions.append(validation.captions)
        return validation

    monkeypatch.setattr(Validator, "__call__", spied)
    return captions


@pytest.mark.parametrize(("grid", "layer"), [(False, ""), (True, "layer1")])
def test_the_exported_model_sees_as_the_trained_one(data, tmp_path, seen_captions, grid, layer):
    options = {"training": {"epochs": 10}, "fine_tune": {"first_layer": layer}}
    result = run(data, tmp_path / "run", grid=grid, **options)
    captioner = Captioner(result.bundle)
    pictures = {picture.name: picture.data for picture in PictureSource(data / "p.zip").read()}
    said = {name: captioner.caption(pictures[name]).text for name in seen_captions[-1]}
    assert said == seen_captions[-1]
    assert len({*said.values()}) > 1
    assert captioner.bundle.model["encoder"]["name"] == "random+tuned"
    replay(captioner)


def test_everything_after_it_sees_through_the_trained_encoder(data, tmp_path, seen_captions):
    folder = tmp_path / "run"
    options = {"encoder": {"mirrored": True}, "self_critical": {"epochs": 1, "pictures": 24, "learning_rate": 1e-5}}
    result = run(data, folder, grid=None, **options)
    tuned, beside = (EmbeddingStore(folder / "tuned" / name) for name in ("embeddings", "embeddings-mirrored"))
    graph = (folder / "tuned" / "encoder.onnx").read_bytes()
    info = Encoder(graph).info
    assert tuned.spec.encoder == beside.spec.encoder == info
    assert (len(tuned), len(beside)) == (60, 48)
    assert read_bundle(result.bundle).model["encoder"]["fingerprint"] == info.fingerprint
    last = load_file(folder / "checkpoints" / "last.safetensors")
    module = EncoderModule(graph)
    for name, weights in module.state_dict().items():
        assert torch.equal(last[f"encoder.{name}"], weights), "self-critical training leaves the encoder alone"
    plain = EmbeddingStore(data / "store-None")
    assert np.abs(tuned.take([0]) - plain.take([plain.rows[tuned.names[0]]])).max() > 0.01
    assert not (folder / "fine-tune").exists()
    assert calibration_of(read_bundle(result.bundle)).figures["pictures"] == 12


def test_a_trained_encoder_is_quantised_after_its_training(data, tmp_path):
    wanted = recipe(encoder={"precision": "int8"})
    result = train(wanted, tmp_path / "run", root=data, show=False)
    tuned = Encoder((tmp_path / "run" / "tuned" / "encoder.onnx").read_bytes()).info
    encoder = read_bundle(result.bundle).model["encoder"]
    assert (encoder["name"], encoder["precision"], tuned.precision) == ("random+tuned", "int8", "float32")
    assert encoder["float32_fingerprint"] == tuned.fingerprint
    stores = [EmbeddingStore(tmp_path / "run" / name) for name in ("embeddings", "tuned/embeddings")]
    assert [store.spec.encoder.precision for store in stores] == ["int8", "int8"]
    assert stores[1].spec.encoder.fingerprint == encoder["fingerprint"]


def test_an_encoder_that_training_made_worse_is_left_out(data, tmp_path):
    said = []
    rates = {"learning_rate": 1.0, "encoder_learning_rate": 1.0, "epochs": 1}
    wanted = recipe(training={"epochs": 8, "best_by": "val_loss"}, fine_tune=rates)
    result = train(wanted, tmp_path / "run", root=data, store=data / "store-None", show=False, say=said.append)
    assert result.best["stage"] == "cross_entropy"
    assert read_bundle(result.bundle).model["encoder"]["name"] == "random"
    assert any("so the model has the published encoder" in line for line in said)
    assert not (tmp_path / "run" / "tuned").exists()


class Broken(Exception):
    pass


def test_a_run_that_is_broken_off_anywhere_ends_with_the_same_bits(data, tmp_path, monkeypatch):
    """2 epochs of cross-entropy of 8 steps, 2 with the encoder of 4, one of self-critical training of 2."""
    options = {"self_critical": {"epochs": 1, "pictures": 24}, "fine_tune": {"first_layer": "layer1"}}
    unbroken = run(data, tmp_path / "unbroken", **options)
    step, steps = loop.TrainingLoop._train_step, unbroken.metrics[-1]["step"]
    assert steps == 2 * 8 + 2 * 4 + 2
    taken, left = [], 0  # steps of an attempt, and those that it may take

    def counted(self, given, place):
        if len(taken) == left:
            raise Broken
        step(self, given, place)
        taken.append(self.state.step)

    monkeypatch.setattr(loop.TrainingLoop, "_train_step", counted)
    broken = tmp_path / "broken"
    for left in (15, 3, 2, 4, 3, 1):  # noqa: B007 (`counted` reads it)
        taken.clear()
        with pytest.raises(Broken):
            run(data, broken, **options)
    left = None
    taken.clear()
    result = run(data, broken, **options)
    assert taken[-1] == steps
    for name in ("last", "best"):
        expected, found = (load_file(r / "checkpoints" / f"{name}.safetensors") for r in (unbroken.folder, broken))
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert result.bundle.read_bytes() == unbroken.bundle.read_bytes()
    assert (broken / "tuned" / "encoder.onnx").read_bytes() == (unbroken.folder / "tuned" / "encoder.onnx").read_bytes()


def inputs_of(data, folder, layer, mirrored=True):
    source = PictureSource(data / "p.zip")
    names = source.names()
    encoder = EncoderModule(random_encoder(), layer)
    options = EncoderOptions("onnx:random.onnx", output="grid")
    return FrozenFeatures(
        folder, source, names[:20], names[20:30], encoder, options, mirrored=mirrored, show=False
    ), names


@pytest.mark.parametrize("layer", ["", "layer1"])
def test_inputs_of_a_layer_lead_to_the_embeddings_of_pictures_and_of_their_mirror_images(data, tmp_path, layer):
    inputs, names = inputs_of(data, tmp_path, layer)
    with torch.no_grad():
        found = inputs.embed(inputs.take([names[3], names[4]], np.array([False, True])))[0].numpy()
    expected = Encoder(random_encoder())
    from showtell.images.decode import decode
    from showtell.images.preprocessing import square

    pictures = {picture.name: picture.data for picture in PictureSource(data / "p.zip").read()}
    squares = np.stack([square(decode(pictures[name]), expected.info.preprocessing) for name in names[3:5]])
    squares[1] = squares[1, :, ::-1]
    assert found == pytest.approx(expected(squares, "grid"), abs=0.01)
    seen = inputs.validation_embeddings()
    assert list(seen.rows) == names[20:30]
    last = np.stack([square(decode(pictures[names[29]]), expected.info.preprocessing)])
    assert seen.take([9]) == pytest.approx(expected(last, "grid"), abs=0.01)


def test_inputs_that_were_not_finished_are_gone_on_with(data, tmp_path, monkeypatch):

    monkeypatch.setattr(frozen_features, "_BATCHES_KEPT", 1)
    whole, names = inputs_of(data, tmp_path / "whole", "layer1")
    nothing = np.zeros(30, bool)
    expected = whole.take(names[:30], nothing)
    write, batches = FrozenFeatures._write, []

    def breaking(self, array, batch):
        if batches:
            raise Broken
        batches.append([picture.name for picture in batch])
        write(self, array, batch)

    monkeypatch.setattr(FrozenFeatures, "_write", breaking)
    with pytest.raises(Broken):
        inputs_of(data, tmp_path / "broken", "layer1")[0].take(names[:1], nothing[:1])
    assert json.loads((tmp_path / "broken" / "inputs.json").read_text())["names"] == batches[0]
    monkeypatch.setattr(FrozenFeatures, "_write", write)
    again = inputs_of(data, tmp_path / "broken", "layer1")[0]
    assert torch.equal(again.take(names[:30], nothing), expected)
    assert (tmp_path / "broken" / "inputs.bin").read_bytes() == (tmp_path / "whole" / "inputs.bin").read_bytes()


def test_a_disk_that_is_too_small_is_told_at_once(data, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    inputs, names = inputs_of(data, tmp_path, "")
    with pytest.raises(InputError, match=r"inputs\.bin: 0\.0 GB cannot be written \(No space left on device\)"):
        inputs.take(names[:1], np.zeros(1, bool))


def test_parts_of_pictures_lie_inside_of_them_and_are_scaled_to_the_whole():
    parts = boxes(200, 0.6, np.random.default_rng(0))
    assert parts[:, :2].min() >= 0
    assert (parts[:, :2] + parts[:, 2:]).max() <= 1 + 1e-6
    assert 0.6 <= parts[:, 2:].min() < 0.65 < 0.95 < parts[:, 2:].max() <= 1
    slope = torch.arange(40).mul(5).expand(30, 40).to(torch.uint8)[None, :, :, None].expand(2, 30, 40, 3)
    whole, part = cropped(slope, np.array([[0, 0, 1, 1], [0.25, 0.5, 0.5, 0.4]], np.float32))
    torch.testing.assert_close(whole, slope[0].float(), atol=1e-3, rtol=0)
    wanted = 5 * (10 - 0.5 + 0.5 * (torch.arange(40) + 0.5)).expand(30, 40)  # pixel centres of the middle half
    torch.testing.assert_close(part[..., 1], wanted, atol=1e-3, rtol=0)


def test_an_encoder_learns_from_parts_of_pictures(data, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        frozen_features, "cropped", lambda pictures, parts: seen.append(parts) or cropped(pictures, parts)
    )
    run(data, tmp_path / "run", training={"epochs": 1}, fine_tune={"epochs": 1, "crop": 0.7})
    assert all(parts.shape == (12, 4) and parts[:, 2:].min() >= 0.7 for parts in seen[:-1])
    assert len(seen) > 1


def test_the_divergence_of_classes_is_the_one_that_numpy_computes():
    rng = np.random.default_rng(0)
    before, now, weights, biases = (rng.normal(size=size) for size in ((3, 5), (3, 5), (4, 5), 4))

    def probabilities(pooled):
        powers = np.exp(pooled @ weights.T + biases)
        return powers / powers.sum(axis=1, keepdims=True)

    old, new = probabilities(before), probabilities(now)
    expected = (old * np.log(old / new)).sum(axis=1).mean()
    tensors = [torch.tensor(array) for array in (before, now, weights, biases)]
    assert float(class_divergence(*tensors)) == pytest.approx(expected, rel=1e-5)
    assert float(class_divergence(tensors[0], *(tensors[0], *tensors[2:]))) == pytest.approx(0, abs=1e-6)


def test_an_encoder_that_is_held_to_its_classes_forgets_less(data, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    head = rng.normal(0, 1, (6, 16)).astype(np.float32), np.zeros(6, np.float32)
    monkeypatch.setattr(build, "classifier", lambda name: head)
    divergence = {}
    for weight in (1e-6, 10.0):
        tuning = {"epochs": 4, "encoder_learning_rate": 3e-3, "keep_classes": weight}
        result = run(data, tmp_path / str(weight), training={"epochs": 1}, fine_tune=tuning)
        divergence[weight] = result.metrics[-1]["class_divergence"]
    assert 0 < divergence[10.0] < 0.3 * divergence[1e-6]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_classes": 1.0}, "there is none for onnx:random.onnx"),
        ({"first_layer": "layer9"}, "has no layer 'layer9': it has layer0, layer1, layer2"),
        ({"pictures": 0}, "at least 1 picture per batch"),
        ({"encoder_learning_rate": 0.0}, "positive learning rates"),
        ({"crop": 0.0}, r"in \(0, 1\], not 0"),
        ({"crop": 0.8, "first_layer": "layer1"}, "crop needs an empty first_layer"),
    ],
)
def test_what_cannot_be_is_told_before_any_training(data, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        run(data, tmp_path / "run", fine_tune=options)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_self_critical_training_of_the_encoder_changes_it_and_is_resumed_bit_for_bit(data, tmp_path):
    """With an `encoder_learning_rate` the encoder learns in the last stage, too; without one it stays."""
    critical = {"epochs": 2, "pictures": 12, "learning_rate": 1e-3}
    learns = critical | {"encoder_learning_rate": 1e-3}
    still = run(data, tmp_path / "still", fine_tune={"depthwise": True}, self_critical=critical)
    unbroken = run(data, tmp_path / "unbroken", fine_tune={"depthwise": True}, self_critical=learns)
    assert [line["stage"] for line in unbroken.metrics][-2:] == ["self_critical"] * 2
    weights = [load_file(result.folder / "checkpoints" / "last.safetensors") for result in (still, unbroken)]
    encoders = [{key: value for key, value in part.items() if key.startswith("encoder.")} for part in weights]
    assert encoders[0].keys() == encoders[1].keys()
    assert encoders[0]
    assert any(not torch.equal(encoders[0][key], encoders[1][key]) for key in encoders[0])
    steps = unbroken.metrics[-1]["step"]
    broken = recipe(fine_tune={"depthwise": True}, self_critical=learns)
    with pytest.raises(Stopped):
        train(broken, tmp_path / "broken", root=data, store=data / "store-None", show=False, watch=StopAfter(steps - 2))
    resumed = run(data, tmp_path / "broken", fine_tune={"depthwise": True}, self_critical=learns)
    again = load_file(resumed.folder / "checkpoints" / "last.safetensors")
    assert all(torch.equal(weights[1][key], again[key]) for key in weights[1])


def test_self_critical_training_of_the_encoder_needs_to_know_what_of_it_learns():
    with pytest.raises(InputError, match=r"encoder_learning_rate of \[self_critical\] needs \[fine_tune\]"):
        recipe(fine_tune={"epochs": 0}, self_critical={"epochs": 1, "encoder_learning_rate": 1e-4})
