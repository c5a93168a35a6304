"""Encoders of Keras and timm as PyTorch modules to be trained: the same embeddings as ONNX Runtime's, and gradients."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from photographs import photographs
from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import EncoderInfo
from showtell.encoders.sources.keras import preprocessing_of
from showtell.encoders.sources.keras_graph import written
from showtell.encoders.sources.timm import import_timm
from showtell.training.encoder.module import EncoderModule, pictures


def check(graph, tolerance):
    """Equality on photographs; the weights that have a gradient, and how many there are."""
    encoder, module = Encoder(graph), EncoderModule(graph)
    squares = photographs(encoder.info.preprocessing.size)
    pooled, grid = module(pictures(torch.from_numpy(squares), encoder.info.preprocessing))
    for found, output in ((pooled, "pooled"), (grid, "grid")):
        expected = encoder(squares, output)
        assert np.abs(found.detach().numpy() - expected).max() < tolerance * np.abs(expected).max()
    pooled.square().sum().backward()
    return sum(bool(weight.grad.any()) for weight in module.parameters()), len(list(module.parameters()))


@pytest.mark.parametrize(("name", "size", "weights"), [("InceptionV3", 139, 94), ("ResNet50", 64, 106)])
def test_the_courses_networks_equal_onnx_runtime(random_keras, name, size, weights):
    """InceptionV3 has 94 convolutions without biases, ResNet50 has 53 with them; batch normalisation is not trained.

    Normalised by four photographs, such networks magnify the last bits: ONNX Runtime itself is as far from float64.
    """
    import keras

    model, dim, cells = written(random_keras(name, size))
    preprocessing = preprocessing_of(getattr(keras.applications, name), size)
    graph = finished(model, EncoderInfo("network", "0", dim, cells, preprocessing))
    assert check(graph, 1e-3) == (weights, weights)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet"])
def test_networks_of_timm_equal_onnx_runtime(tmp_path, monkeypatch, name):
    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    save_file(import_timm().create_model(name).state_dict(), tmp_path / "weights.safetensors")
    alive, _ = check(encoder_graph(f"timm:{name}", tmp_path / "weights.safetensors"), 1e-4)
    assert alive > 5  # timm begins with residual branches that give nothing, so not all are
