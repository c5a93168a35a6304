"""The layers of keras.applications as ONNX nodes: from tensors `(B, h, w, C)` in Keras to `(B, C, h, w)` in ONNX."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import same_padding
from showtell.errors import ShowtellError


class KerasGraph:
    """Collects nodes and initializers."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.cells: tuple[str, tuple[int, ...]] = ("", ())  # name and shape of the last input of a global average
        self._count = 0

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        self._count += 1
        output = f"{operator}.{self._count}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Add an initializer and return its name."""
        from onnx import numpy_helper

        self._count += 1
        name = f"constant.{self._count}"
        self.initializers.append(numpy_helper.from_array(np.array(value, dtype, order="C"), name))
        return name


@dataclass(frozen=True, slots=True)
class KerasStep:
    """One call of a layer: the names of its inputs in the graph, its (first) input and its output in Keras."""

    graph: KerasGraph
    layer: Any
    inputs: list[str]
    before: Any
    after: Any

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """See `KerasGraph.node`."""
        return self.graph.node(operator, inputs, **attributes)

    def constant(self, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """See `KerasGraph.constant`."""
        return self.graph.constant(value, dtype)

    def by_channel(self, value: Any) -> str:
        """A constant of one number, or of one for each channel, that broadcasts over `(B, C, h, w)`."""
        array = np.asarray(value, np.float32)
        return self.constant(array.reshape(1, -1, 1, 1) if array.size > 1 else array.reshape(()))

    def unknown(self, what: str) -> ShowtellError:
        """The error that says what about the layer is not supported."""
        return ShowtellError(f"the layer {self.layer.name} {what}, which has no ONNX form here")


def _weight(variable: Any) -> npt.NDArray[np.float32]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)


def _pads(at: KerasStep, window: Sequence[int], dilation: Sequence[int] = (1, 1)) -> list[int]:
    """ONNX pads of a layer's window. Keras's `same` depends on the size, like TensorFlow's, with the odd pixel
    after.
    """
    if at.layer.padding == "valid":
        return [0, 0, 0, 0]
    if at.layer.padding != "same":
        raise at.unknown(f"pads by {at.layer.padding!r}")
    reach = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    (top, bottom), (left, right) = map(same_padding, at.before.shape[1:3], reach, at.layer.strides)
    return [top, left, bottom, right]


def _convolution(at: KerasStep) -> str:
    kernel = _weight(at.layer.kernel).transpose(3, 2, 0, 1)
    return _activated(at, _conv(at, kernel, at.layer.groups, _bias(at)))


def _depthwise(at: KerasStep) -> str:
    return _activated(at, _conv(at, _by_depth(at.layer.kernel), at.before.shape[3], _bias(at)))


def _separable(at: KerasStep) -> str:
    depth = _conv(at, _by_depth(at.layer.depthwise_kernel), at.before.shape[3], [])
    return _activated(at, _point(at, depth, _weight(at.layer.pointwise_kernel)[0, 0]))


def _by_depth(kernel: Any) -> npt.NDArray[np.float32]:
    """`(h, w, C, M)` -> `(C * M, 1, h, w)`: M filters for each channel."""
    weights = _weight(kernel)
    return weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])


def _conv(at: KerasStep, kernel: npt.NDArray[np.float32], group: int, bias: list[str]) -> str:
    return at.add(
        "Conv",
        [*at.inputs, at.constant(kernel), *bias],
        group=group,
        pads=_pads(at, at.layer.kernel_size, at.layer.dilation_rate),
        strides=list(at.layer.strides),
        dilations=list(at.layer.dilation_rate),
    )


def _point(at: KerasStep, source: str, matrix: npt.NDArray[np.float32]) -> str:
    """The matrix `(C, D)` and the layer's bias at each position."""
    return at.add("Conv", [source, at.constant(matrix.T[:, :, None, None]), *_bias(at)])


def _bias(at: KerasStep) -> list[str]:
    return [at.constant(_weight(at.layer.bias))] if at.layer.use_bias else []


def _dense(at: KerasStep) -> str:
    if len(at.before.shape) != 4:
        raise at.unknown("is a Dense after the pooling")
    return _activated(at, _point(at, at.inputs[0], _weight(at.layer.kernel)))


def _batch_normalisation(at: KerasStep) -> str:
    mean, variance = _weight(at.layer.moving_mean), _weight(at.layer.moving_variance)
    scale = _weight(at.layer.gamma) if at.layer.scale else np.ones_like(mean)
    shift = _weight(at.layer.beta) if at.layer.center else np.zeros_like(mean)
    values = [at.constant(value) for value in (scale, shift, mean, variance)]
    return at.add("BatchNormalization", [*at.inputs, *values], epsilon=at.layer.epsilon)


def _layer_normalisation(at: KerasStep) -> str:
    scale = at.constant(_weight(at.layer.gamma) if at.layer.scale else np.ones(at.before.shape[-1]))
    shift = at.constant(_weight(at.layer.beta) if at.layer.center else np.zeros(at.before.shape[-1]))
    if len(at.before.shape) == 2:
        return at.add("LayerNormalization", [*at.inputs, scale, shift], epsilon=at.layer.epsilon)
    last = at.add("Transpose", at.inputs, perm=[0, 2, 3, 1])
    normal = at.add("LayerNormalization", [last, scale, shift], epsilon=at.layer.epsilon)
    return at.add("Transpose", [normal], perm=[0, 3, 1, 2])


def _normalisation(at: KerasStep) -> str:
    centred = at.add("Sub", [*at.inputs, at.by_channel(_weight(at.layer.mean))])
    return at.add("Div", [centred, at.by_channel(np.sqrt(_weight(at.layer.variance)))])


def _rescaling(at: KerasStep) -> str:
    scaled = at.add("Mul", [*at.inputs, at.by_channel(at.layer.scale)])
    return at.add("Add", [scaled, at.by_channel(at.layer.offset)])


def _layer_scale(at: KerasStep) -> str:
    return at.add("Mul", [*at.inputs, at.by_channel(_weight(at.layer.gamma))])


def _scaled_sum(at: KerasStep) -> str:
    return at.add("Add", [at.inputs[0], at.add("Mul", [at.inputs[1], at.constant(at.layer.scale)])])


def _maximum_pooling(at: KerasStep) -> str:
    return _pooling(at, "MaxPool")


def _average_pooling(at: KerasStep) -> str:
    return _pooling(at, "AveragePool")  # over cells inside the picture, ONNX's default


def _pooling(at: KerasStep, operator: str) -> str:
    window = list(at.layer.pool_size)
    strides = list(at.layer.strides)
    return at.add(operator, at.inputs, kernel_shape=window, pads=_pads(at, window), strides=strides)


def _global_average(at: KerasStep) -> str:
    averaged = at.add("GlobalAveragePool", at.inputs)
    if at.layer.keepdims:
        return averaged
    batch, height, width, channels = at.before.shape
    at.graph.cells = at.inputs[0], (batch, channels, height, width)
    return at.add("Flatten", [averaged])


def _zero_padding(at: KerasStep) -> str:
    (top, bottom), (left, right) = at.layer.padding
    return at.add("Pad", [*at.inputs, at.constant([0, 0, top, left, 0, 0, bottom, right], np.int64)])


def _cropping(at: KerasStep) -> str:
    (top, _), (left, _) = at.layer.cropping
    begin = at.constant([top, left], np.int64)
    end = at.constant([top + at.after.shape[1], left + at.after.shape[2]], np.int64)
    return at.add("Slice", [*at.inputs, begin, end, at.constant([2, 3], np.int64)])


def _concatenation(at: KerasStep) -> str:
    if at.layer.axis not in (-1, 3):
        raise at.unknown(f"joins along axis {at.layer.axis}")
    return at.add("Concat", at.inputs, axis=1)


def _reshape(at: KerasStep) -> str:
    _, *shape = at.after.shape
    if len(at.before.shape) != 2 or shape[:2] != [1, 1]:  # other shapes would need a transposition of channels
        raise at.unknown(f"makes the shape {tuple(shape)}")
    return at.add("Reshape", [*at.inputs, at.constant([0, shape[2], 1, 1], np.int64)])


def _sum(at: KerasStep) -> str:
    return at.add("Sum", at.inputs) if len(at.inputs) > 2 else at.add("Add", at.inputs)


def _product(at: KerasStep) -> str:
    return at.add("Mul", at.inputs)


def _nothing(at: KerasStep) -> str:
    return at.inputs[0]


def _rectified(at: KerasStep) -> str:
    if at.layer.negative_slope or at.layer.threshold:
        raise at.unknown("is a leaky ReLU")
    if at.layer.max_value is None:
        return at.add("Relu", at.inputs)
    return at.add("Clip", [*at.inputs, at.constant(0.0), at.constant(at.layer.max_value)])


def _activation(at: KerasStep) -> str:
    return _activated(at, at.inputs[0])


def _activated(at: KerasStep, source: str) -> str:
    name = at.layer.activation.__name__
    if name == "linear":
        return source
    if name in ("silu", "swish"):
        return at.add("Mul", [source, at.add("Sigmoid", [source])])
    if name == "gelu":
        erf = at.add("Erf", [at.add("Mul", [source, at.constant(np.sqrt(0.5))])])
        half = at.add("Mul", [source, at.constant(0.5)])
        return at.add("Mul", [half, at.add("Add", [erf, at.constant(1.0)])])
    operators = {"relu": "Relu", "sigmoid": "Sigmoid", "hard_silu": "HardSwish"}
    if name not in operators:
        raise at.unknown(f"ends in {name}")
    return at.add(operators[name], [source])


LAYERS: dict[str, Callable[[KerasStep], str]] = {
    "Activation": _activation,
    "Add": _sum,
    "AveragePooling2D": _average_pooling,
    "BatchNormalization": _batch_normalisation,
    "Concatenate": _concatenation,
    "Conv2D": _convolution,
    "Cropping2D": _cropping,
    "CustomScaleLayer": _scaled_sum,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _nothing,
    "GlobalAveragePooling2D": _global_average,
    "LayerNormalization": _layer_normalisation,
    "LayerScale": _layer_scale,
    "MaxPooling2D": _maximum_pooling,
    "Multiply": _product,
    "Normalization": _normalisation,
    "ReLU": _rectified,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "StochasticDepth": _nothing,
    "ZeroPadding2D": _zero_padding,
}
