"""Small classifiers as other tools export them."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, DIM = 16, 6
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
RNG = np.random.default_rng(0)


KERNEL = RNG.normal(0, 0.3, (DIM, 3, 4, 4)).astype(np.float32)


CLASSIFIER = RNG.normal(0, 0.3, (DIM, 1000)).astype(np.float32)


def network(layout="NCHW", *, batch="N", side=SIZE, picture="image", outputs=("logits",), flat=("features", "mean")):
    """A small classifier as other tools export them: a convolution, a mean over places, a matrix."""
    shape = [batch, 3, side, side] if layout == "NCHW" else [batch, side, side, 3]
    features, mean = flat
    nodes = [
        *([helper.make_node("Transpose", [picture], ["planes"], perm=[0, 3, 1, 2])] if layout == "NHWC" else []),
        helper.make_node("Conv", ["planes" if layout == "NHWC" else picture, "kernel"], ["conv"], strides=[4, 4]),
        helper.make_node("Relu", ["conv"], [features]),
        helper.make_node("GlobalAveragePool", [features], [mean]),
        helper.make_node("Flatten", [mean], ["vector"]),
        helper.make_node("MatMul", ["vector", "matrix"], ["logits"]),
        helper.make_node("Transpose", [features], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "shape"], ["tokens"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(picture, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(KERNEL, "kernel"),
            numpy_helper.from_array(CLASSIFIER, "matrix"),
            numpy_helper.from_array(np.array([0, -1, DIM], np.int64), "shape"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(folder, model, name="net.onnx", **description):
    path = folder / name
    onnx.save(model, path)
    if description:
        path.with_name(f"{name}.json").write_text(json.dumps({"mean": MEAN, "std": STD} | description))
    return path
