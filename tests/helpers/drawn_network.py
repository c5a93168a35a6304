"""A small network of every operator that encoders have, written down node by node."""

import numpy as np
from onnx import helper, numpy_helper

from showtell.encoders.graph_editing import finished, floats, new_model
from showtell.encoders.runtime import EncoderInfo
from showtell.images.preprocessing import Preprocessing

SIZE = 33  # odd, so that TensorFlow's padding is uneven


CELLS = 64


class Drawn:
    """Writes a network down node by node, with random weights."""

    def __init__(self):
        self.rng = np.random.default_rng(0)
        self.nodes, self.initializers = [], []

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, *shape):
        return self.constant(name, self.rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32))

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def conv(self, name, before, shape, **attributes):
        inputs = [before, self.weight(f"{name}.weight", *shape), self.weight(f"{name}.bias", shape[0])]
        return self.node("Conv", inputs, f"{name}.out", **attributes)


def network(last="Sigmoid"):
    """Every operator of our networks of convolutions, `last` in the last place but one."""
    d = Drawn()
    zero, six = d.constant("zero", np.float32(0)), d.constant("six", np.float32(6))
    x = d.conv("stem", "picture", (8, 3, 3, 3), strides=[2, 2], pads=[0, 0, 1, 1])
    stem = x = d.node("Clip", [x, zero, six], "stem.relu6")
    x = d.conv("deep", x, (8, 1, 5, 5), pads=[2, 2, 2, 2], group=8)
    x = d.node("Clip", [x, zero, six], "deep.relu6")
    x = d.node("Add", [d.conv("point", x, (8, 8, 1, 1)), stem], "sum")
    x = d.conv("deeper", x, (8, 1, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER", group=8)
    flat = [
        d.constant(f"norm.{name}", np.linspace(*ends, 8, dtype=np.float32))
        for name, ends in {"scale": (0.5, 2), "shift": (-1, 1), "mean": (-0.3, 0.3), "variance": (0.2, 1)}.items()
    ]
    trunk = d.node("Relu", [d.node("BatchNormalization", [x, *flat], "normal")], "trunk")
    left = d.node("MaxPool", [trunk], "left", kernel_shape=[3, 3], pads=[0, 0, 1, 1])
    right = d.node("AveragePool", [trunk], "right", kernel_shape=[3, 3], pads=[0, 0, 1, 1])
    right = d.conv("inner", right, (8, 8, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2])
    x = d.node("Concat", [d.node("AveragePool", [left], "l", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
                          d.node("AveragePool", [right], "r", kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                                 count_include_pad=1)], "both", axis=1)  # fmt: skip
    x = d.node(
        "Pad", [d.conv("join", x, (10, 16, 1, 1)), d.constant("around", np.array([0, 0, 1, 0, 0, 0, 0, 1]))], "p"
    )
    x = d.node("Mul", [x, d.node(last, [x], "gate")], "gated")
    x = d.node("Div", [d.node("Sub", [x, six], "less"), d.node("Constant", [], "two", value_float=2.0)], "halved")
    average = d.node("Flatten", [d.node("GlobalAveragePool", [x], "average")], "flat")
    d.node("Gemm", [average, d.weight("head.weight", 10, 10), d.weight("head.bias", 10)], "pooled", transB=1, alpha=0.5)
    d.node(
        "Transpose", [d.node("Reshape", [x, d.constant("shape", np.array([0, 10, -1]))], "r3")], "grid", perm=[0, 2, 1]
    )
    model = new_model("drawn", d.nodes, d.initializers, SIZE)
    model.graph.output.extend([floats("pooled", ["B", 10]), floats("grid", ["B", CELLS, 10])])
    info = EncoderInfo(
        "drawn", "0" * 64, 10, CELLS, Preprocessing(SIZE, mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 55.0))
    )
    return finished(model, info)
