"""A finished model in int8: the same model, smaller, and as whole as any other."""

import zipfile

import numpy as np
import pytest
from safetensors.numpy import load

from showtell import Captioner
from showtell.captioning.golden import replay
from showtell.models.bundle import read_bundle


@pytest.fixture(autouse=True)
def every_matrix_is_large_enough(monkeypatch):
    monkeypatch.setattr("showtell.quantization.int8_weights._SMALLEST", 1)


def test_a_quantised_model_is_whole_smaller_and_says_what_was_done(tiny_bundle, photos, tmp_path, showtell):
    out = tmp_path / "small.showtell"
    ran = showtell("quantize", tiny_bundle, "--pictures", photos, "-o", out)
    assert ran.code == 0, ran.err
    assert "encoder: " in ran.out
    assert f"model: {out}" in ran.out
    before, after = read_bundle(tiny_bundle), read_bundle(out)
    assert after.model["encoder"]["precision"] == "int8"
    assert Captioner(out).encoder.info.precision == "int8"
    assert len(after.parts["weights.safetensors"]) < len(before.parts["weights.safetensors"])
    assert any(tensor.dtype == np.int8 for tensor in load(after.parts["weights.safetensors"]).values())
    assert replay(Captioner(out)).text == after.model["golden"]["caption"]
    card = after.parts["README.md"].decode()
    assert "quantised to int8 after training, on 10 pictures" in card
    assert card.startswith(before.parts["README.md"].decode().rstrip())
    made = {"model.json", "README.md", "SHA256SUMS", "encoder.onnx", "step.onnx", "weights.safetensors"}
    same = set(before.parts) - made
    assert all(after.parts[name] == before.parts[name] for name in same)


def test_without_pictures_the_decoder_alone_is_quantised(tiny_bundle, tmp_path, showtell):
    out = tmp_path / "small.showtell"
    assert showtell("quantize", tiny_bundle, "-o", out).code == 0
    before, after = read_bundle(tiny_bundle), read_bundle(out)
    assert after.parts["encoder.onnx"] == before.parts["encoder.onnx"]
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    found, expected = Captioner(out).caption(picture), Captioner(tiny_bundle).caption(picture)
    assert found.score == pytest.approx(expected.score, abs=0.5)


def test_the_model_may_be_replaced_and_what_is_done_is_not_done_again(tiny_bundle, photos, tmp_path, showtell):
    model = tmp_path / "model.showtell"
    model.write_bytes(tiny_bundle.read_bytes())
    refused = showtell("quantize", model, "-o", model)
    assert refused.code == 2
    assert "--out would overwrite an input" in refused.err
    assert model.read_bytes() == tiny_bundle.read_bytes()
    assert showtell("quantize", model).code == 0
    again = showtell("quantize", model)
    assert again.code == 2
    assert "except for its encoder, which needs pictures" in again.err
    weights = read_bundle(model).parts["weights.safetensors"]
    assert showtell("quantize", model, "--pictures", photos).code == 0
    assert read_bundle(model).parts["weights.safetensors"] == weights
    last = showtell("quantize", model, "--pictures", photos)
    assert last.code == 2
    assert last.err.count("\n") == 1
    assert f"{model}: already in int8" in last.err
    assert replay(Captioner(model))


def test_a_model_of_the_package_or_a_folder_is_not_replaced(tiny_bundle, tmp_path, showtell):
    folder = tmp_path / "folder.showtell"
    folder.mkdir()
    with zipfile.ZipFile(tiny_bundle) as archive:
        archive.extractall(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for model, why in (("flickr8k", "flickr8k: is "), (folder, f"{folder}: is a folder")):
        ran = showtell("quantize", model)
        assert ran.code == 2
        assert why in ran.err
        assert ran.err.endswith("which stays as it is: name a file to write with --out\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
