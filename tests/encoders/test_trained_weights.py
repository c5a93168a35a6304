"""Weights of a trained EfficientNet-Lite in place of those that it came with."""

import json
import zipfile

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.registry import find
from showtell.encoders.trained import with_weights
from showtell.errors import InputError
from showtell.training.encoder.module import EncoderModule


@pytest.fixture(scope="module")
def original():
    return encoder_graph("efficientnet_lite0")


@pytest.fixture(scope="module")
def trained(original):
    """The graph of an encoder whose weights were all halved by training."""
    module = EncoderModule(original)
    module.load_state_dict({name: tensor / 2 for name, tensor in module.state_dict().items()})
    return module.graph()


def squares():
    return np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)


@pytest.mark.parametrize("kind", ["graph", "bundle"])
def test_a_run_begins_from_the_weights_that_another_left(original, trained, tmp_path, kind):
    path = tmp_path / "encoder.onnx"
    if kind == "graph":
        path.write_bytes(trained)
    else:
        path = tmp_path / "model.showtell"
        with zipfile.ZipFile(path, "w") as bundle:
            bundle.writestr("encoder.onnx", trained)
    graph = encoder_graph("efficientnet_lite0", path)
    found, expected = Encoder(graph), Encoder(trained)
    assert np.array_equal(found(squares()), expected(squares()))
    assert found.info.name == "efficientnet_lite0+tuned"
    assert found.info.source.endswith(", trained further on captions")
    assert found.info.fingerprint != Encoder(original).info.fingerprint


def test_weights_in_int8_are_multiplied_by_their_scales(original, tmp_path):
    """One convolution is quantized by hand, a scale for each channel, as `showtell.quantization` does."""
    model = onnx.load_from_string(original)
    name = "_conv_head.weight"
    at = next(i for i, one in enumerate(model.graph.initializer) if one.name == name)
    weight = numpy_helper.to_array(model.graph.initializer[at])
    scale = (np.abs(weight).max(axis=(1, 2, 3)) / 127).astype(np.float32)
    values = np.round(weight / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    del model.graph.initializer[at]
    zero = np.zeros(len(scale), np.int8)
    for suffix, array in (("_quantized", values), ("_scale", scale), ("_zero_point", zero)):
        model.graph.initializer.append(numpy_helper.from_array(array, name + suffix))
    inputs = [name + suffix for suffix in ("_quantized", "_scale", "_zero_point")]
    model.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", inputs, [name], axis=0))
    path = tmp_path / "int8.onnx"
    onnx.save(model, path)
    found = onnx.load_from_string(with_weights(original, path))
    (restored,) = (numpy_helper.to_array(one) for one in found.graph.initializer if one.name == name)
    assert np.array_equal(restored, values * scale.reshape(-1, 1, 1, 1))


def test_files_that_are_no_encoder_of_the_network_are_clear_errors(original, tmp_path):
    (tmp_path / "other.onnx").write_bytes(encoder_graph("efficientnet_lite2"))
    with pytest.raises(InputError, match=r"other\.onnx: not an encoder of this network: it has no weights that fit"):
        with_weights(original, tmp_path / "other.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"broken\.onnx: not a complete ONNX model"):
        with_weights(original, tmp_path / "broken.onnx")
    with zipfile.ZipFile(tmp_path / "empty.showtell", "w") as bundle:
        bundle.writestr("model.json", json.dumps({}))
    with pytest.raises(InputError, match=r"empty\.showtell: has no encoder\.onnx"):
        with_weights(original, tmp_path / "empty.showtell")
    with pytest.raises(InputError, match=r"none\.onnx: there is no such weight file"):
        find("efficientnet_lite0", tmp_path / "none.onnx")
