"""Encoders as PyTorch modules: the same numbers as ONNX Runtime's, true gradients, and the graph back."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from drawn_network import CELLS, SIZE, network
from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.errors import InputError
from showtell.images.preprocessing import Preprocessing, normalize
from showtell.onnx_graphs.session import open_session
from showtell.training.encoder.module import EncoderModule, pictures
from showtell.training.encoder.operators import OPERATORS, _Clip, _Depthwise
from showtell.training.export import halve_weights


@pytest.fixture(scope="module")
def drawn():
    return network()


@pytest.fixture(scope="module")
def squares():
    return np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


def embedded(module, squares):
    with torch.no_grad():
        return [out.numpy() for out in module(pictures(torch.from_numpy(squares), module.info.preprocessing))]


def assert_equal_to_onnx_runtime(graph, module, squares):
    encoder = Encoder(graph)
    for found, output in zip(embedded(module, squares), ("pooled", "grid"), strict=True):
        expected = encoder(squares, output)
        assert expected.std() > 0.01 * np.abs(expected).max()
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_every_operator_gives_what_onnx_runtime_gives(drawn, squares):
    assert_equal_to_onnx_runtime(drawn, EncoderModule(drawn), squares)


def test_efficientnet_gives_what_onnx_runtime_gives():
    graph = encoder_graph("efficientnet_lite0")
    squares = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 3), np.uint8)
    assert_equal_to_onnx_runtime(graph, EncoderModule(graph), squares)
    assert_equal_to_onnx_runtime(halve_weights(graph), EncoderModule(halve_weights(graph)), squares)


@pytest.mark.parametrize(("layout", "channels"), [("NCHW", "RGB"), ("NCHW", "BGR"), ("NHWC", "RGB")])
def test_pictures_are_normalised_to_the_bit(squares, layout, channels):
    preprocessing = Preprocessing(
        SIZE, mean=(127.0, 1.5, 99.1), std=(128.0, 57.3, 60.0), layout=layout, channels=channels
    )
    assert np.array_equal(pictures(torch.from_numpy(squares), preprocessing).numpy(), normalize(squares, preprocessing))


def test_the_front_and_what_learns_are_together_the_whole(drawn, squares):
    module = EncoderModule(drawn, "deeper")
    names = set(module.state_dict())
    assert names == {f"weights/{n}/{p}" for n in ("deeper", "inner", "join", "head") for p in ("weight", "bias")}
    (given,) = open_session(module.front()).run(None, {"picture": normalize(squares, module.info.preprocessing)})
    with torch.no_grad():
        pooled, grid = module.learn(torch.from_numpy(given))
    assert pooled.numpy() == pytest.approx(Encoder(drawn)(squares), rel=1e-4, abs=1e-5)
    assert grid.numpy() == pytest.approx(Encoder(drawn)(squares, "grid"), rel=1e-4, abs=1e-5)
    assert module.has_front
    assert not EncoderModule(drawn).has_front


def loss_of(module, squares):
    pooled, grid = module(pictures(torch.from_numpy(squares), module.info.preprocessing))
    return (pooled.float() ** 2).sum() + (grid.float() * torch.linspace(-1, 1, grid.shape[1])[:, None]).mean()


def test_gradients_equal_finite_differences(drawn, squares):
    torch.manual_seed(0)
    module = EncoderModule(drawn)
    loss_of(module, squares).backward()
    for name, parameter in module.named_parameters():
        direction = torch.randn_like(parameter)
        direction *= 1e-3 / direction.norm()
        with torch.no_grad():
            parameter += direction
            above = loss_of(module, squares).double()
            parameter -= 2 * direction
            below = loss_of(module, squares).double()
            parameter += direction
        assert float((above - below) / 2) == pytest.approx(
            float((parameter.grad * direction).sum()), rel=0.05, abs=1e-5
        ), name


def test_clipping_and_depthwise_convolution_have_true_gradients():
    torch.manual_seed(0)
    values = torch.randn(2, 4, 7, 7, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: _Clip.apply(x, -0.5, 0.7), values)
    kernel, bias = torch.randn(4, 1, 3, 3).double().requires_grad_(), torch.randn(4).double().requires_grad_()
    how = [2, 1], [1, 1], [1, 1]
    assert torch.equal(
        _Depthwise.apply(values, kernel, bias, *how), torch.nn.functional.conv2d(values, kernel, bias, *how, 4)
    )
    results = []
    for apply in (lambda *a: _Depthwise.apply(*a, *how), lambda *a: torch.nn.functional.conv2d(*a, *how, 4)):
        result = apply(values, kernel, bias)
        results.append(torch.autograd.grad((result * torch.cos(result)).sum(), (values, kernel, bias)))
    for ours, theirs in zip(*results, strict=True):
        assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-5, abs=1e-5)


def test_bfloat16_gives_nearly_the_same_gradients(drawn, squares):
    gradients = []
    for enabled in (False, True):
        module = EncoderModule(drawn)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = loss_of(module, squares)
        loss.backward()
        assert all(parameter.grad.dtype == torch.float32 for parameter in module.parameters())
        gradients.append({name: parameter.grad.flatten() for name, parameter in module.named_parameters()})
    for name, exact in gradients[0].items():
        assert torch.cosine_similarity(exact, gradients[1][name], dim=0) > 0.97, name
        assert not torch.equal(exact, gradients[1][name]), name


def test_depthwise_kernels_are_left_alone_where_nobody_wants_them_trained(drawn):
    every, some = (set(EncoderModule(drawn, depthwise=depthwise).state_dict()) for depthwise in (True, False))
    assert every - some == {"weights/deep/weight", "weights/deeper/weight"}


def test_the_graph_that_comes_back_has_the_weights_that_were_learnt(drawn, squares):
    module = EncoderModule(drawn, "join")
    unchanged = Encoder(module.graph())
    assert unchanged(squares, "grid") == pytest.approx(Encoder(drawn)(squares, "grid"), abs=1e-6)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.1)
    graph = module.graph()
    assert_equal_to_onnx_runtime(graph, module, squares)
    info = Encoder(graph).info
    assert np.abs(Encoder(graph)(squares) - Encoder(drawn)(squares)).max() > 0.01
    assert (info.name, unchanged.info.name) == ("drawn+tuned", "drawn+tuned")
    assert len({info.fingerprint, unchanged.info.fingerprint, "0" * 64}) == 3
    assert info.source.endswith("trained further on captions")
    assert module.graph() == graph
    again = EncoderModule(graph, "join")
    assert Encoder(again.graph()).info == info, "the name does not grow, and the fingerprint is of the content"


def test_an_operator_that_is_not_known_is_named_with_the_encoder():
    assert "Softplus" not in OPERATORS
    with pytest.raises(InputError, match="the encoder drawn has the operation Softplus, which cannot be trained:"):
        EncoderModule(network("Softplus"))


def test_a_form_of_an_operator_that_is_not_known_is_named(drawn):
    model = onnx.load_from_string(drawn)
    (pad,) = [node for node in model.graph.node if node.op_type == "Pad"]
    pad.attribute.append(helper.make_attribute("mode", "reflect"))
    module = EncoderModule(model.SerializeToString())
    with pytest.raises(InputError, match="Pad that makes p cannot be trained: it pads otherwise"):
        module(torch.zeros(1, 3, SIZE, SIZE))


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("dee", "has no layer 'dee': it has stem, deep, point, deeper, inner, join, head"),
        ("point", "cannot be trained from 'point' on, which is in one of several branches"),
    ],
)
def test_a_layer_to_begin_with_must_be_there_and_alone(drawn, layer, said):
    with pytest.raises(InputError, match=said):
        EncoderModule(drawn, layer)


def test_metadata_of_the_encoder_stay_with_the_graph(drawn):
    described = {e.key: e.value for e in onnx.load_from_string(EncoderModule(drawn).graph()).metadata_props}
    info = EncoderInfo.from_json(json.loads(described[METADATA_KEY]))
    assert (info.dim, info.cells, info.preprocessing) == (10, CELLS, Encoder(drawn).info.preprocessing)
