"""Builds ONNX graphs node by node, with weights in float32, float16 or int8.

Rows are 2-D, `(rows, features)`. A product in int8 rounds each row to 8 bits by its own largest number, as
`showtell.quantization.int8_matmul` does, so the result of a row depends only on that row. Weights have one scale for
each output feature. ONNX Runtime's `MatMulIntegerToFloat` adds up in integers.

It needs the package onnx, which functions import when they run.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from showtell.pretrained.modules import Linear, Norm

Precision: TypeAlias = Literal["int8", "float32", "float16"]
Array: TypeAlias = npt.NDArray[Any]

OPSET, IR_VERSION = 18, 9
_MICROSOFT = "com.microsoft"
_CONTRIB = {"MatMulIntegerToFloat", "MultiHeadAttention", "Gelu", "FastGelu", "QuickGelu"}
STEPS = ".steps"
"""The suffix of a weight's name that names the scales of its output features."""


class Graph:
    """A graph under construction: methods append nodes and return the names of their outputs."""

    def __init__(self, precision: Precision, *, external: bool) -> None:
        """Start an empty graph.

        Arguments:
            precision: how matrices are stored; products with int8 matrices are computed in int8.
            external: leave the values of weights out of the graph; `weights` has them by name.
        """
        self.precision, self.external = precision, external
        self.weights: dict[str, Array] = {}
        self._nodes: list[Any] = []
        self._constants: dict[str, Array] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._casts: dict[str, str] = {}
        self._rounding: dict[str, tuple[str, str]] = {}
        self._count = 0

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Append a node with several outputs."""
        from onnx import helper

        self._count += 1
        names = [f"v{self._count}" if outputs == 1 else f"v{self._count}.{i}" for i in range(outputs)]
        domain = _MICROSOFT if kind in _CONTRIB else ""
        self._nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names

    def const(self, value: Any, dtype: Any = np.int64) -> str:
        """A constant; equal ones are stored once."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"c{len(self._known)}"
            self._constants[self._known[key]] = array
        return self._known[key]

    def number(self, value: float) -> str:
        """A constant `float32` scalar."""
        return self.const(value, np.float32)

    def vector(self, name: str, values: Array) -> str:
        """A small weight in float32, such as a bias."""
        return self._store(name, np.ascontiguousarray(values, np.float32))

    def table(self, name: str, values: Array) -> str:
        """A weight that is stored in 16 bits unless the precision is float32, such as embeddings of positions."""
        if self.precision == "float32":
            return self.vector(name, values)
        half = self._store(name, np.ascontiguousarray(values, np.float16))
        return half if self.external else self._cast(half)  # external halves become float32 when they are loaded

    def _cast(self, name: str) -> str:
        from onnx import TensorProto

        if name not in self._casts:
            self._casts[name] = self.op("Cast", name, to=TensorProto.FLOAT)
        return self._casts[name]

    def _store(self, name: str, values: Array) -> str:
        self.weights.setdefault(name, values)
        return name

    def matrix(self, name: str, weight: Array) -> tuple[str, str]:
        """Store a matrix `(out, in)` as `(in, out)`: its name, and that of its scales in int8."""
        if self.precision != "int8":
            return self.table(name, weight.T), ""
        if name not in self.weights:
            values = np.asarray(weight, np.float32)
            steps = np.maximum(np.abs(values).max(axis=1) / 127, np.float32(1e-12)).astype(np.float32)
            self._store(name, np.ascontiguousarray(np.rint(values / steps[:, None]).astype(np.int8).T))
            self._store(name + STEPS, steps)
        return name, name + STEPS

    def product(self, x: str, name: str, weight: Array) -> str:
        """`x W^T` for rows `x` `(rows, in)` and a matrix `W` `(out, in)`."""
        stored, steps = self.matrix(name, weight)
        if not steps:
            return self.op("MatMul", x, stored)
        rows, size = self._rounded(x)
        sums = self.op("MatMulIntegerToFloat", rows, stored, self.number(1), steps, self.const(128, np.uint8))
        return self.op("Mul", sums, size)

    def _rounded(self, x: str) -> tuple[str, str]:
        """Rows in 8 bits around 128, and the step of each row `(rows, 1)`; once for all products of `x`."""
        if x in self._rounding:
            return self._rounding[x]
        size = self.op("ReduceMax", self.op("Abs", x), self.const([-1]), keepdims=1)
        step = self.op("Div", self.op("Max", size, self.number(1e-12)), self.number(127))
        rounded = self.op("QuantizeLinear", self.op("Div", x, step), self.number(1), self.const(128, np.uint8))
        self._rounding[x] = rounded, step
        return rounded, step

    def linear(self, x: str, layer: Linear) -> str:
        """A fully connected layer on rows `(rows, in)`."""
        y = self.product(x, f"{layer.name}.weight", layer.weight)
        return y if layer.bias is None else self.op("Add", y, self.vector(f"{layer.name}.bias", layer.bias))

    def rows_of(self, ids: str, name: str, weight: Array) -> str:
        """Rows of an embedding table `(entries, features)`, which is stored as `product` stores it: `(n, features)`."""
        stored, steps = self.matrix(name, weight)
        columns = self.op("Transpose", self.op("Gather", stored, ids, axis=1), perm=[1, 0])
        if not steps:
            return columns
        scales = self.op("Unsqueeze", self.op("Gather", steps, ids), self.const([1]))
        return self.op("Mul", self._to_float(columns), scales)

    def _to_float(self, x: str) -> str:
        from onnx import TensorProto

        return self.op("Cast", x, to=TensorProto.FLOAT)

    def norm(self, x: str, norm: Norm) -> str:
        """Layer normalization over the last axis."""
        scale, bias = self.vector(f"{norm.name}.weight", norm.weight), self.vector(f"{norm.name}.bias", norm.bias)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=norm.eps)

    def activation(self, x: str, kind: str) -> str:
        """An activation by the name that configurations of Transformers use; see `ACTIVATIONS`."""
        return self.op(ACTIVATIONS[kind], x)

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape; 0 keeps an axis, and -1 is inferred."""
        return self.op("Reshape", x, self.const(list(shape)))

    def finish(
        self, inputs: Sequence[tuple[str, str, Sequence[int | str]]], outputs: Sequence[tuple[str, str, str]]
    ) -> Any:
        """The ONNX model.

        Arguments:
            inputs: name, type (`float`, `float16` or `int64`) and shape of each input.
            outputs: name, type and inner name of each output; their shapes are left open.
        """
        from onnx import TensorProto, helper, numpy_helper

        types = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "int64": TensorProto.INT64}
        nodes = [*self._nodes, *(helper.make_node("Identity", [inner], [name]) for name, _, inner in outputs)]
        tensors = [numpy_helper.from_array(array, name) for name, array in self._constants.items()]
        for name, array in self.weights.items():
            tensor = numpy_helper.from_array(array, name)
            if self.external:
                # Halves are float32 when they reach the graph (`showtell.quantization.int8_weights.as_taken`).
                kind = TensorProto.FLOAT if array.dtype == np.float16 else tensor.data_type
                tensor = TensorProto(name=name, dims=array.shape, data_type=kind, data_location=TensorProto.EXTERNAL)
                tensor.external_data.add(key="location", value="weights.safetensors")
            tensors.append(tensor)
        graph = helper.make_graph(
            nodes,
            "showtell",
            [helper.make_tensor_value_info(name, types[kind], list(shape)) for name, kind, shape in inputs],
            [helper.make_tensor_value_info(name, types[kind], None) for name, kind, _ in outputs],
            tensors,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="showtell")


ACTIVATIONS = {"gelu": "Gelu", "gelu_new": "FastGelu", "quick_gelu": "QuickGelu", "relu": "Relu"}
"""Activations by their names in Transformers, as ONNX Runtime's operators."""
