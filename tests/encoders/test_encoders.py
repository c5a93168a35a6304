"""EfficientNet-Lite in ONNX against what is known of it, and encoders found, cached and refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from repository import ROOT
from showtell.encoders import Encoder, encoder_graph, encoder_names, find
from showtell.encoders.sources import efficientnet_lite as lite
from showtell.errors import InputError, ShowtellError
from showtell.images.decode import decode
from showtell.images.preprocessing import normalize, square

PHOTOS = ROOT / "examples" / "photos"
# Classes of ImageNet that anyone can see on the example photographs.
CLASSES = {
    "coffee-cup.jpg": {967},  # espresso
    "dog-golden-retriever.jpg": {207},
    "hot-air-balloon.jpg": {417},
    "tiger-in-the-snow.jpg": {292},
}


@pytest.fixture(scope="module", params=sorted(lite.VARIANTS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def encoder(name):
    return Encoder(encoder_graph(name))


@pytest.fixture(scope="module")
def squares(encoder):
    return np.stack([square(decode(PHOTOS / file), encoder.info.preprocessing) for file in CLASSES])


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_pooled_embeddings_classify_photographs_as_imagenet_does(name, encoder, squares):
    weights = lite.read_weights(name)
    logits = encoder(squares) @ weights["_fc.weight"].T + weights["_fc.bias"]
    for (file, classes), found in zip(CLASSES.items(), logits.argmax(axis=1), strict=True):
        assert found in classes, file


def test_the_graph_equals_the_reference_network(name, encoder, squares):
    """The independent computation: the PyTorch network that the weights were published with."""
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    network = reference.EfficientNet.from_name(name.replace("_", "-"))
    network.load_state_dict({key: torch.tensor(value) for key, value in lite.read_weights(name).items()}, strict=False)
    network.eval()
    with torch.no_grad():
        planes = network.extract_features(torch.tensor(normalize(squares, encoder.info.preprocessing))).numpy()
    assert encoder(squares) == pytest.approx(planes.mean(axis=(2, 3)), abs=1e-4)
    grid = planes.reshape(*planes.shape[:2], -1).transpose(0, 2, 1)
    assert encoder(squares, "grid") == pytest.approx(grid, abs=1e-3)


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_shapes_are_as_described(encoder, squares):
    assert encoder(squares).shape == (len(squares), *encoder.info.shape("pooled"))
    assert encoder(squares, "grid").shape == (len(squares), *encoder.info.shape("grid"))
    assert encoder(squares).dtype == np.float32


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_an_embedding_depends_on_its_own_picture_alone_to_the_last_bit(name, encoder, squares):
    together = Encoder(encoder_graph(name), threads=3)(squares, "grid")
    alone = np.concatenate([encoder(squares[i : i + 1], "grid") for i in range(len(squares))])
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("block", [0, 2, 10, 11, 15])
def test_an_inner_layer_equals_that_of_the_reference_network(name, squares, block):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    network = reference.EfficientNet.from_name(name.replace("_", "-"))
    network.load_state_dict({key: torch.tensor(value) for key, value in lite.read_weights(name).items()}, strict=False)
    planes = []
    network.eval()._blocks[block].register_forward_hook(lambda module, given, made: planes.append(made))
    inner = Encoder(encoder_graph(f"{name}:block_{block}"))
    with torch.no_grad():
        network.extract_features(torch.tensor(normalize(squares, inner.info.preprocessing)))
    grid = planes[0].flatten(2).transpose(1, 2).numpy()
    assert (len(squares), *inner.info.shape("grid")) == grid.shape
    assert inner(squares, "grid") == pytest.approx(grid, abs=1e-3)
    assert inner(squares) == pytest.approx(grid.mean(axis=1), abs=1e-3)
    assert inner.info.fingerprint != lite.describe(name).fingerprint


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InputError, match="efficientnet_lite0 has the layers block_0 to block_15"):
        encoder_graph("efficientnet_lite0:block_16")
    with pytest.raises(InputError, match="block_0 to block_20"):
        encoder_graph("efficientnet_lite2:head")


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_an_export_is_the_same_every_time_and_kept(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path))
    said = []
    graph = encoder_graph(name, say=said.append)
    assert said == [f"exporting the encoder {name} to ONNX, once"]
    (kept,) = (tmp_path / "encoders").iterdir()
    assert kept.read_bytes() == graph == find(name).export()
    monkeypatch.setattr(lite, "export", lambda name: pytest.fail("exported twice"))
    assert encoder_graph(name, say=said.append) == graph
    assert len(said) == 1


def test_weights_in_float16_change_embeddings_by_less_than_a_hundredth(name, encoder, squares):
    from showtell.training.export import halve_weights

    halved = halve_weights(encoder_graph(name))
    assert len(halved) < 0.52 * len(encoder_graph(name))
    difference = Encoder(halved)(squares) - encoder(squares)
    assert np.linalg.norm(difference, axis=1).max() < 0.01 * np.linalg.norm(encoder(squares), axis=1).min()


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_changed_weights_are_refused(tmp_path, monkeypatch):
    variant = lite.VARIANTS["efficientnet_lite0"]
    import importlib

    package = importlib.import_module(variant.package)
    changed = bytearray(Path(getattr(package, variant.file_class).get_model_file_path()).read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "weights.pth").write_bytes(bytes(changed))

    class Changed:
        @staticmethod
        def get_model_file_path():
            return str(tmp_path / "weights.pth")

    monkeypatch.setattr(package, variant.file_class, Changed)
    with pytest.raises(InputError, match=r"weights\.pth: SHA-256 differs"):
        encoder_graph("efficientnet_lite0")


def test_onnx_runtime_is_kept_from_telling_its_makers_of_its_use(tmp_path):
    """What it would tell them it also notes in a file of the temporary folder."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    program = "import showtell.encoders, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment["TMPDIR"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_outputs_and_graphs_are_clear_errors(tiny_encoder):
    assert encoder_names() == ["efficientnet_lite0", "efficientnet_lite2", "keras:NAME", "onnx:FILE", "timm:NAME"]
    for unknown in ("resnet", "onnx:", "tensorflow:ResNet50"):
        with pytest.raises(InputError, match=rf"'{unknown}' is unknown.*efficientnet_lite0.*onnx:FILE"):
            find(unknown)
    with pytest.raises(InputError, match=r"w\.pth: there is no such weight file"):
        find("efficientnet_lite0", Path("w.pth"))
    with pytest.raises(InputError, match="pooled, grid"):
        Encoder(tiny_encoder)(np.zeros((1, 32, 32, 3), np.uint8), "planes")
    with pytest.raises(ShowtellError, match="no ONNX graph"):
        Encoder(b"no graph")
