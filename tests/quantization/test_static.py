"""Encoders in int8 against the same in float32."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from repository import ROOT
from showtell.encoders import Encoder, encoder_graph
from showtell.errors import InputError
from showtell.images.decode import decode
from showtell.images.preprocessing import square
from showtell.onnx_graphs import session
from showtell.quantization.static import quantized

PHOTOS = ROOT / "examples" / "photos"


@pytest.fixture(scope="module")
def network():
    return encoder_graph("efficientnet_lite0")


@pytest.fixture(scope="module")
def squares(network):
    preprocessing = Encoder(network).info.preprocessing
    return np.stack([square(decode(photo), preprocessing) for photo in sorted(PHOTOS.glob("*.jpg"))])


@pytest.fixture(scope="module")
def small(network, squares):
    return quantized(network, squares, show=False)


@pytest.fixture
def drawn():
    return np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), np.uint8)


def differences(found, expected):
    """Distances of rows over the lengths of the rows that they should be."""
    return np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_embeddings_in_int8_are_near_those_in_float32_and_tell_pictures_apart_alike(network, small, squares):
    whole, quarter = Encoder(network), Encoder(small)
    for output in ("pooled", "grid"):
        expected, found = whole(squares, output), quarter(squares, output)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert np.median(differences(found, expected)) < 0.25
    expected, found = whole(squares), quarter(squares)
    assert differences(found, expected).max() < 0.25
    apart = expected - expected.mean(axis=0), found - expected.mean(axis=0)
    cosines = np.sum(apart[0] * apart[1], axis=1) / np.prod([np.linalg.norm(one, axis=1) for one in apart], axis=0)
    assert cosines.min() > 0.94
    assert np.median(cosines) > 0.98


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_weights_take_a_quarter_and_each_output_channel_has_a_scale(network, small):
    assert len(small) < 0.3 * len(network)
    model = onnx.load_from_string(small)
    values = {initializer.name: initializer for initializer in model.graph.initializer}
    made_by = {node.output[0]: node for node in model.graph.node}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convolutions
    for node in convolutions:
        kernel, scale, _ = made_by[node.input[1]].input
        assert values[kernel].data_type == TensorProto.INT8
        assert numpy_helper.to_array(values[scale]).shape == (values[kernel].dims[0],)


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_an_int8_encoder_says_what_it_is(network, small):
    info, before = Encoder(small).info, Encoder(network).info
    assert (info.name, info.precision, info.float32_fingerprint) == (before.name, "int8", before.fingerprint)
    assert info.fingerprint != before.fingerprint
    assert before.precision == "float32"
    assert "precision" not in before.to_json()
    assert type(info).from_json(info.to_json()) == info


def test_the_same_pictures_give_the_same_bytes_and_others_another_fingerprint(tiny_encoder, drawn):
    first = quantized(tiny_encoder, drawn, show=False)
    assert quantized(tiny_encoder, drawn, show=False) == first
    others = quantized(tiny_encoder, drawn // 2, show=False)
    assert Encoder(others).info.fingerprint != Encoder(first).info.fingerprint


def test_what_cannot_be_quantised_is_refused(tiny_encoder, drawn):
    with pytest.raises(InputError, match="tiny is already in int8"):
        quantized(quantized(tiny_encoder, drawn, show=False), drawn, show=False)
    with pytest.raises(InputError, match="no pictures"):
        quantized(tiny_encoder, drawn[:0], show=False)
    model = onnx.load_from_string(tiny_encoder)
    model.graph.node[0].CopyFrom(onnx.helper.make_node("AveragePool", ["picture"], ["planes"], kernel_shape=[8, 8]))
    with pytest.raises(InputError, match="no convolutions"):
        quantized(model.SerializeToString(), drawn, show=False)


@pytest.mark.slow  # it exports an encoder, which needs PyTorch
def test_a_processor_that_needs_it_is_asked_for_precision_and_gives_the_same(small, squares, monkeypatch):
    asked = []
    options = session.onnxruntime.SessionOptions

    class Options(options):
        def add_session_config_entry(self, key, value):
            asked.append(key)
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(session.onnxruntime, "SessionOptions", Options)
    found = []
    for known in (True, False):
        monkeypatch.setattr(session, "adds_products_of_8_bits", lambda known=known: known)
        found.append(Encoder(small)(squares[:2]))
    assert asked.count("session.x64quantprecision") == 1
    assert np.median(differences(*found)) < 0.05
