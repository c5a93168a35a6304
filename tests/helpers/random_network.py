"""An encoder of random weights: a real graph that trains in moments."""

import itertools

import numpy as np
from onnx import helper, numpy_helper

from showtell.encoders.graph_editing import finished, floats, new_model
from showtell.encoders.runtime import EncoderInfo
from showtell.images.preprocessing import Preprocessing

CHANNELS = (3, 8, 12, 16)


def random_encoder():
    """Three convolutions with random weights over squares of 48 pixels: a grid of 36 cells."""
    rng = np.random.default_rng(0)
    nodes, initializers, before = [], [], "picture"
    for i, (channels_in, channels) in enumerate(itertools.pairwise(CHANNELS)):
        kernel = rng.normal(0, np.sqrt(2 / (9 * channels_in)), (channels, channels_in, 3, 3)).astype(np.float32)
        initializers += [numpy_helper.from_array(kernel, f"layer{i}.weight")]
        initializers += [numpy_helper.from_array(np.full(channels, 0.1, np.float32), f"layer{i}.bias")]
        inputs = [before, f"layer{i}.weight", f"layer{i}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [f"sum{i}"], strides=[2, 2], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"sum{i}"], [before := f"layer{i}"]))
    initializers.append(numpy_helper.from_array(np.array([0, 16, -1]), "shape"))
    nodes += [
        helper.make_node("GlobalAveragePool", [before], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["pooled"]),
        helper.make_node("Reshape", [before, "shape"], ["planes"]),
        helper.make_node("Transpose", ["planes"], ["grid"], perm=[0, 2, 1]),
    ]
    model = new_model("random", nodes, initializers, 48)
    model.graph.output.extend([floats("pooled", ["B", 16]), floats("grid", ["B", 36, 16])])
    return finished(model, EncoderInfo("random", "1" * 64, 16, 36, Preprocessing(size=48)))
