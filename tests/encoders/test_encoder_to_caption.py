"""From any source of encoders to a bundle that captions pictures, where nothing but the core package is installed."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from onnx_networks import network, saved
from photographs import PHOTOS, photographs
from repository import ROOT
from showtell.cli import app
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder, encoder_graph
from showtell.models.bundle import read_bundle
from showtell.training import recipe_from, train
from showtell.training.recipe import read_tables

RECIPES = ROOT / "recipes"
# What captioning must do without: every source's packages, and what they bring.
BLOCKED = ("torch", "onnx", "keras", "timm", "torchvision", "tensorflow", "h5py", "cv2")


def caption_without(bundle, *pictures):
    """`showtell caption` in a process where the packages of `BLOCKED` cannot be imported."""
    program = (
        f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        "sys.argv = ['showtell', 'caption', *sys.argv[1:]]\nfrom showtell.cli import main\nmain()"
    )
    command = [sys.executable, "-c", program, *map(str, pictures), "--model", str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def trained(folder, name, weights="", root="."):
    """A bundle around the encoder `name`, trained for one epoch on two dozen drawn pictures."""
    recipe = recipe_from(
        {
            "name": "small",
            "data": {"pictures": ["shapes"], "limit": 24},
            "encoder": {"name": name, "weights": weights},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 16, "word": 8},
            "training": {"epochs": 1},
        }
    )
    return train(recipe, folder / "run", root=root, show=False).bundle


def test_an_onnx_file_becomes_a_model_that_captions_without_it(tmp_path):
    (tmp_path / "data").mkdir()
    saved(tmp_path / "data", network("NHWC", outputs=["last"]), channels="BGR", licence="MIT", source="drawn by a test")
    bundle = trained(tmp_path, "onnx:net.onnx", root=tmp_path / "data")
    (tmp_path / "data" / "net.onnx").unlink()
    photos = [PHOTOS / "mountain-lake.jpg", PHOTOS / "coffee-cup.jpg"]
    lines = caption_without(bundle, *photos)
    assert [line.partition(":")[0] for line in lines] == [str(photo) for photo in photos]
    info = read_bundle(bundle).encoder().info
    assert (info.name, info.licence) == ("onnx:net.onnx", "MIT")
    assert (info.preprocessing.layout, info.preprocessing.channels) == ("NHWC", "BGR")
    assert "drawn by a test, MIT" in read_bundle(bundle).parts["README.md"].decode()


def test_the_courses_recipe_becomes_a_model_that_captions_without_keras(tmp_path, weights_of, monkeypatch):
    """recipes/seed-coco2014.toml as it is, but for the pictures, the length, and weights that need no download."""
    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path / "cache"))
    model, weights = weights_of("InceptionV3", 299)
    tables = read_tables(RECIPES / "seed-coco2014.toml")
    tables["data"] = {"pictures": ["shapes"], "limit": 8}
    tables["encoder"]["weights"] = weights.name
    tables["training"] |= {"epochs": 1, "epoch_steps": 2, "batch_size": 4, "validation_batches": 1}
    tables["training"]["validation_pictures"] = 2
    bundle = train(recipe_from(tables), tmp_path / "run", root=weights.parent, show=False).bundle
    (line,) = caption_without(bundle, PHOTOS / "mountain-lake.jpg")
    assert line.startswith(str(PHOTOS / "mountain-lake.jpg"))
    encoder = read_bundle(bundle).encoder()
    squares = photographs(299)
    expected = model.predict(squares.astype(np.float32) / 127.5 - 1, verbose=0)
    difference = np.linalg.norm(encoder(squares) - expected, axis=1)
    # Kernels are kept in float16, whose rounding a random network magnifies; another network would differ by 100%.
    assert (difference < 0.1 * np.linalg.norm(expected, axis=1)).all()
    assert encoder.info.shape("pooled") == (2048,)


def test_a_timm_network_becomes_a_model_that_captions_without_timm(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    from showtell.encoders.sources.timm import import_timm

    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path / "cache"))
    save_file(import_timm().create_model("test_vit").state_dict(), tmp_path / "vit.safetensors")
    bundle = trained(tmp_path, "timm:test_vit", "vit.safetensors", root=tmp_path)
    assert len(caption_without(bundle, PHOTOS / "mountain-lake.jpg", PHOTOS / "coffee-cup.jpg")) == 2
    assert read_bundle(bundle).encoder().info.name == "timm:test_vit"


def test_showtell_embed_takes_an_onnx_file(tmp_path, photos):
    path = saved(tmp_path, network(outputs=["features"]), channels="RGB")
    arguments = ["embed", str(photos), "--out", str(tmp_path / "store"), "--encoder", f"onnx:{path}"]
    assert CliRunner().invoke(app, [*arguments, "--grid"]).exit_code == 0
    store = EmbeddingStore(tmp_path / "store")
    assert store.spec.encoder == Encoder(encoder_graph(f"onnx:{path}")).info
    assert store.spec.shape == (16, 6)
    assert len(store) == 10


def test_a_bundle_keeps_kernels_in_float16_and_vectors_whole(tmp_path):
    from showtell.training.export import halve_weights

    model = network(outputs=["features"])
    halved = onnx.load_from_string(halve_weights(model.SerializeToString()))
    kept = {initializer.name: initializer.data_type for initializer in halved.graph.initializer}
    assert kept["kernel.half"] == kept["matrix.half"] == onnx.TensorProto.FLOAT16
    for shape in ((32,), (1, 32, 1, 1)):  # a variance that float16 would turn into infinity
        variance = onnx.helper.make_tensor("variance", onnx.TensorProto.FLOAT, shape, [1e6] * 32)
        model.graph.initializer.append(variance)
        halved = onnx.load_from_string(halve_weights(model.SerializeToString()))
        assert onnx.numpy_helper.to_array(halved.graph.initializer[-1]).max() == pytest.approx(1e6)
        del model.graph.initializer[-1]
