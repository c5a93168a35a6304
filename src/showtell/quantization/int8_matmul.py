"""An ONNX graph with matrices stored as int8 rows (`showtell.quantization.int8_weights`) -> a graph that multiplies in
int8.

Otherwise such a matrix becomes float32 again when the graph is loaded. Here a product of rows `x` with the matrix
rounds each row of `x` to 8 bits by its own largest number, multiplies and sums integers, and scales the sums by row and
by column (as Yao et al. 2022, arXiv:2206.01861, do for each token). So the result of a row depends, to the last bit,
only on that row, whatever else is in the batch. Processors with int8 instructions are three to four times as fast as in
float32.

It needs the package onnx, which functions import when they run.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.errors import require
from showtell.quantization.int8_weights import scales_of

_PRODUCTS = {"Gemm": {"transA": 0, "transB": 1, "alpha": 1.0, "beta": 1.0}, "MatMul": {}}
_CONSTANTS: dict[str, npt.NDArray[Any]] = {
    "int8.last_axis": np.array([-1], np.int64),
    "int8.least": np.array(1e-12, np.float32),  # a row of zeros stays a row of zeros
    "int8.largest": np.array(127, np.float32),
    "int8.middle": np.array(128, np.float32),  # on x86 ONNX Runtime has fast kernels for unsigned with signed
    "int8.zero_point": np.array(128, np.uint8),
}


def multiply_in_int8(graph: bytes, packed: Collection[str]) -> tuple[bytes, list[str]]:
    """Let a graph take matrices as int8, if it uses them only for rows and products.

    Arguments:
        graph: a serialized ONNX model whose weights are external initializers.
        packed: names of the tensors that are stored as int8 rows.

    Returns:
        The graph, and the names of its external initializers; including `NAME.scales` for every matrix NAME that it now
        takes as int8.

    Raises:
        MissingExtra: the package onnx is not installed.
    """
    require("onnx", extra="train", what="a decoder that computes in int8")
    import onnx

    model = onnx.load_from_string(graph)
    known = {initializer.name: initializer for initializer in model.graph.initializer}
    uses = {name: found for name in sorted(packed) if name in known and (found := _uses(model.graph, name))}
    used = {node.output[0]: name for name, found in uses.items() for node in found}
    nodes = []
    for node in model.graph.node:
        name = used.get(node.output[0])
        nodes += [node] if name is None else _taken(node, name) if node.op_type == "Gather" else _product(node, name)
    del model.graph.node[:], model.graph.value_info[:]  # it has the old types
    model.graph.node.extend(nodes)
    for name in uses:
        known[name].data_type = onnx.TensorProto.INT8
        scales = model.graph.initializer.add()
        scales.CopyFrom(known[name])  # the location of external values
        scales.name, scales.data_type = scales_of(name), onnx.TensorProto.FLOAT16
        del scales.dims[1:]
    if uses:
        model.graph.initializer.extend(onnx.numpy_helper.from_array(value, key) for key, value in _CONSTANTS.items())
    external = [i.name for i in model.graph.initializer if i.data_location == onnx.TensorProto.EXTERNAL]
    return model.SerializeToString(deterministic=True), external


def _uses(graph: Any, name: str, transposed: bool = False) -> list[Any]:
    """The nodes that take rows of a matrix, or multiply with it or with some of its columns: a `Gemm` as it is, a
    `MatMul` transposed. Empty if the matrix has any other use.
    """
    found: list[Any] = []
    for node in graph.node:
        if name not in node.input:
            continue
        further: list[Any] = []
        if list(node.input).index(name) == (0 if node.op_type == "Gather" else 1):
            if node.op_type == "Gather" and not transposed and _has(node, {"axis": 0}):
                further = [node]
            if node.op_type in _PRODUCTS and transposed == (node.op_type == "MatMul"):
                further = [node] if _has(node, _PRODUCTS[node.op_type]) else []
        elif (node.op_type == "Slice" and _cuts_columns(graph, node)) or node.op_type == "Transpose":
            further = _uses(graph, node.output[0], transposed ^ (node.op_type == "Transpose"))
        if not further:
            return []
        found += further
    return found


def _cuts_columns(graph: Any, node: Any) -> bool:
    from onnx import numpy_helper

    axes = next((i for i in graph.initializer if len(node.input) > 3 and i.name == node.input[3]), None)
    return axes is not None and numpy_helper.to_array(axes).tolist() == [1]


def _has(node: Any, attributes: dict[str, Any]) -> bool:
    from onnx import helper

    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    defaults = {"axis": 0, "transA": 0, "transB": 0, "alpha": 1.0, "beta": 1.0}
    return all(given.get(key, defaults[key]) == value for key, value in attributes.items())


def _taken(node: Any, name: str) -> list[Any]:
    """Rows of the matrix as float32: `W[i]` is its integers times its scale."""
    from onnx import TensorProto, helper

    out = node.output[0]
    return [
        helper.make_node("Gather", [name, node.input[1]], [f"{out}.counts"], axis=0),
        helper.make_node("Cast", [f"{out}.counts"], [f"{out}.numbers"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [scales_of(name), node.input[1]], [f"{out}.half"], axis=0),
        helper.make_node("Cast", [f"{out}.half"], [f"{out}.scale"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", [f"{out}.scale", "int8.last_axis"], [f"{out}.column"]),
        helper.make_node("Mul", [f"{out}.numbers", f"{out}.column"], [out]),
    ]


def _product(node: Any, name: str) -> list[Any]:
    """`x W^T` plus any summand, for float32 `x` `(..., K)` and an int8 matrix `W (M, K)`."""
    from onnx import TensorProto, helper

    (x, matrix, *added), out = node.input, node.output[0]
    turned = matrix if node.op_type == "MatMul" else f"{out}.turned"
    summed = f"{out}.unbiased" if added else out
    nodes = [
        helper.make_node("Abs", [x], [f"{out}.sizes"]),
        helper.make_node("ReduceMax", [f"{out}.sizes", "int8.last_axis"], [f"{out}.most"], keepdims=1),
        helper.make_node("Max", [f"{out}.most", "int8.least"], [f"{out}.range"]),
        helper.make_node("Div", [f"{out}.range", "int8.largest"], [f"{out}.step"]),
        helper.make_node("Div", [x, f"{out}.step"], [f"{out}.in_steps"]),
        helper.make_node("Round", [f"{out}.in_steps"], [f"{out}.whole"]),
        helper.make_node("Add", [f"{out}.whole", "int8.middle"], [f"{out}.raised"]),
        helper.make_node("Cast", [f"{out}.raised"], [f"{out}.bytes"], to=TensorProto.UINT8),
        helper.make_node("MatMulInteger", [f"{out}.bytes", turned, "int8.zero_point"], [f"{out}.sums"]),
        helper.make_node("Cast", [f"{out}.sums"], [f"{out}.floats"], to=TensorProto.FLOAT),
        helper.make_node("Cast", [scales_of(name)], [f"{out}.columns"], to=TensorProto.FLOAT),
        # One after another: ONNX Runtime takes a product of both for a scale that all rows share.
        helper.make_node("Mul", [f"{out}.floats", f"{out}.columns"], [f"{out}.scaled"]),
        helper.make_node("Mul", [f"{out}.scaled", f"{out}.step"], [summed]),
    ]
    if turned != matrix:
        nodes.insert(0, helper.make_node("Transpose", [matrix], [turned], perm=[1, 0]))
    if added:
        nodes.append(helper.make_node("Add", [summed, *added], [out]))
    return nodes
