"""Kernels that are rounded together, against rounding each weight by itself."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from showtell.encoders.graph_editing import floats, new_model
from showtell.encoders.runtime import EncoderInfo
from showtell.images.preprocessing import Preprocessing, normalize
from showtell.onnx_graphs.session import open_session
from showtell.quantization.gptq import round_kernels

INFO = EncoderInfo("toy", "0" * 64, 24, 0, Preprocessing(size=16))
WAYS = [
    {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "strides": [2, 1]},
    {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"kernel_shape": [3, 3], "dilations": [2, 2], "group": 3},
]


@pytest.fixture(scope="module")
def squares():
    """Smooth bright pictures of little colour: neighbouring pixels and channels are alike, as photographs' are."""
    rng = np.random.default_rng(0)
    coarse = (rng.integers(90, 240, (40, 4, 4, 1)) + rng.integers(0, 12, (40, 4, 4, 3))).astype(np.uint8)
    return np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)


def model_of(way, bias=True):
    rng = np.random.default_rng(1)
    groups = way.get("group", 1)
    kernel = rng.normal(0, 1, (24, 3 // groups, *way["kernel_shape"])).astype(np.float32)
    kernel[:, 0, 0, 0] *= 9  # one large weight, so that the steps are wide for the others
    values = [numpy_helper.from_array(kernel, "kernel")]
    if bias:
        values.append(numpy_helper.from_array(rng.normal(0, 1, 24).astype(np.float32), "bias"))
    node = helper.make_node("Conv", ["picture", *(v.name for v in values)], ["planes"], **way)
    model = new_model("toy", [node], values, 16)
    model.graph.output.append(floats("planes", None))
    return model


def run(model, squares):
    return open_session(model.SerializeToString()).run(None, {"picture": normalize(squares, INFO.preprocessing)})[0]


def rounded_alone(model):
    """The same model with each weight rounded to its nearest step: the independent computation."""
    alone = onnx.ModelProto()
    alone.CopyFrom(model)
    kernel = numpy_helper.to_array(alone.graph.initializer[0])
    steps = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 127
    alone.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.round(kernel / steps) * steps, "kernel"))
    return alone


@pytest.mark.parametrize("way", WAYS, ids=["padded", "same", "grouped"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_outputs_for_other_pictures_are_nearer_than_with_each_weight_rounded_alone(way, bias, squares):
    whole, model = model_of(way, bias), model_of(way, bias)
    seen, unseen = squares[:30], squares[30:]
    expected, alone = run(whole, unseen), run(rounded_alone(whole), unseen)
    round_kernels(model, seen, INFO, show=False)
    found = run(model, unseen)
    assert np.square(found - expected).mean() < 0.8 * np.square(alone - expected).mean()
    # On the pictures themselves nearly every patch was seen, so nearly nothing is left of the mean error.
    expected, alone, found = (run(one, seen).mean(axis=(0, 2, 3)) for one in (whole, rounded_alone(whole), model))
    assert np.abs(found - expected).max() < 0.1 * np.abs(alone - expected).max()


def test_kernels_are_whole_steps_of_which_127_reach_the_largest_weight(squares):
    model = model_of(WAYS[0])
    before = numpy_helper.to_array(model.graph.initializer[0])
    steps = round_kernels(model, squares, INFO, show=False)["kernel"]
    assert steps == pytest.approx(np.abs(before).max(axis=(1, 2, 3)) / 127)
    counts = numpy_helper.to_array(model.graph.initializer[0]) / steps.reshape(-1, 1, 1, 1)
    assert counts == pytest.approx(np.round(counts), abs=1e-3)
    assert np.abs(counts).max() < 127.001
    assert np.abs(counts * steps.reshape(-1, 1, 1, 1) - before).max() < 4 * steps.max()


def test_a_kernel_that_two_layers_share_is_left_alone(squares):
    model = model_of(WAYS[0])
    again = onnx.NodeProto()
    again.CopyFrom(model.graph.node[0])
    again.output[0] = "more"
    model.graph.node.append(again)
    before = model.graph.initializer[0].SerializeToString()
    assert round_kernels(model, squares, INFO, show=False) == {}
    assert model.graph.initializer[0].SerializeToString() == before
