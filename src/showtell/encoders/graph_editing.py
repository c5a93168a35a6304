"""Edits ONNX graphs for encoder sources: cuts a graph to what an encoder needs, and adds Showtell's outputs.

It needs the package onnx, which functions import when they run.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.errors import InputError
from showtell.images.preprocessing import Layout, Preprocessing

_OURS = {"picture", "pooled", "grid"}


def finished(model: Any, info: EncoderInfo) -> bytes:
    """The checked, serialized model with `info` in its metadata; the same model always gives the same bytes."""
    import onnx

    for entry in [entry for entry in model.metadata_props if entry.key == METADATA_KEY]:
        model.metadata_props.remove(entry)
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(info.to_json()))
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def floats(name: str, shape: Sequence[int | str] | None) -> Any:
    """A `float32` input or output of a graph; a named axis may have any size, and None is any shape."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def new_model(name: str, nodes: Sequence[Any], initializers: Sequence[Any], size: int) -> Any:
    """A model of `nodes` over `picture`, `(B, 3, size, size)`, without outputs yet."""
    from onnx import helper

    graph = helper.make_graph(nodes, name, [floats("picture", ["B", 3, size, size])], [], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="showtell")
    model.ir_version = 8
    return model


def same_padding(side: int, reach: int, stride: int) -> tuple[int, int]:
    """The padding of TensorFlow's SAME and ONNX's SAME_UPPER before and after a side, for a window of `reach` cells."""
    around = max(0, (-(-side // stride) - 1) * stride + reach - side)
    return around // 2, around - around // 2


def picture_input(model: Any) -> Any:
    """The only input of a model that is not a constant; an `InputError` if there are none or several."""
    constant = {initializer.name for initializer in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constant]
    if len(inputs) != 1:
        raise InputError(f"must have one input, the pictures, but has {', '.join(v.name for v in inputs) or 'none'}")
    return inputs[0]


def cut(model: Any, tensors: Mapping[str, str], preprocessing: Preprocessing) -> tuple[Any, dict[str, str]]:
    """The part of the graph that computes `tensors`, for any number of pictures, with `picture` as its input.

    Tensors with the names of Showtell's own inputs and outputs are renamed, so `tensors` may come back renamed.
    """
    from onnx import compose, helper

    if _OURS & {name for node in model.graph.node for name in (*node.input, *node.output)}:
        model = compose.add_prefix(model, "net/")
        tensors = {name: f"net/{there}" for name, there in tensors.items()}
    nodes, needed = [], set(tensors.values())
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= _names_read_by(node)
    nodes.append(helper.make_node("Identity", ["picture"], [picture_input(model).name]))
    side = preprocessing.size
    graph = helper.make_graph(
        nodes[::-1],
        model.graph.name,
        [floats("picture", ["B", 3, side, side] if preprocessing.layout == "NCHW" else ["B", side, side, 3])],
        [floats(name, None) for name in dict.fromkeys(tensors.values())],
        [initializer for initializer in model.graph.initializer if initializer.name in needed],
    )
    graph.sparse_initializer.extend(model.graph.sparse_initializer)
    model.graph.CopyFrom(graph)
    return model, dict(tensors)


def add_outputs(
    model: Any, tensors: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], layout: Layout
) -> tuple[int, int]:
    """Make `pooled` and, if there are cells, `grid` the outputs of a model; return D and L (0 without cells).

    Arguments:
        model: the ONNX model; it is changed.
        tensors: names of tensors by their role: `pooled` `(B, D)`, `grid` `(B, L, D)`, `(B, h, w, D)` or `(B, D, h, w)`
            according to `layout`, or `features` that are either. Without `pooled`, the mean of the grid's cells is
            used.
        shapes: their shapes by name.
        layout: layout of the model's input, and of a grid with four axes.

    Raises:
        InputError: a shape is not one of these.
    """
    from onnx import helper

    if "features" in tensors:
        there = tensors["features"]
        tensors = {"pooled" if sum(axis > 1 for axis in shapes[there][1:]) <= 1 else "grid": there}
    nodes: list[Any] = []
    dim = cells = 0
    pooled = tensors.get("pooled", "showtell/mean")
    if "grid" in tensors:
        nodes, dim, cells = _grid_nodes(tensors["grid"], shapes[tensors["grid"]], layout)
    if "pooled" in tensors:
        size, axes = math.prod(shapes[pooled][1:]), shapes[pooled][1:]
        if size != max(axes, default=0) or dim not in (0, size):
            raise InputError(f"'pooled' must be (B, {dim or 'D'}), but {pooled!r} is {_written(shapes[pooled])}")
        dim = size
    nodes.append(helper.make_node("Flatten", [pooled], ["pooled"]))
    model.graph.node.extend(nodes)
    del model.graph.output[:]
    model.graph.output.append(floats("pooled", ["B", dim]))
    if cells:
        model.graph.output.append(floats("grid", ["B", cells, dim]))
    return dim, cells


def _names_read_by(node: Any) -> set[str]:
    """The names that a node reads, including the graphs inside it (which may read names outside)."""
    inner = [g for attribute in node.attribute for g in (*attribute.graphs, attribute.g)]
    return {name for name in node.input if name} | {
        name for graph in inner for below in graph.node for name in _names_read_by(below)
    }


def _grid_nodes(there: str, shape: tuple[int, ...], layout: Layout) -> tuple[list[Any], int, int]:
    """Nodes that compute `grid` and the mean over its cells from a tensor with any of the three shapes; D and L."""
    from onnx import TensorProto, helper

    if len(shape) not in (3, 4):
        raise InputError(f"'grid' must be (B, L, D), (B, D, h, w) or (B, h, w, D), but {there!r} is {_written(shape)}")
    planes_first = len(shape) == 4 and layout == "NCHW"
    dim = shape[1] if planes_first else shape[-1]
    first, second = ("showtell/planes", "grid") if planes_first else ("grid", "showtell/planes")
    to = [0, dim, -1] if planes_first else [0, -1, dim]
    nodes = [
        helper.make_node("Constant", [], ["showtell/shape"], value=helper.make_tensor("", TensorProto.INT64, [3], to)),
        helper.make_node("Reshape", [there, "showtell/shape"], [first]),
        helper.make_node("Transpose", [first], [second], perm=[0, 2, 1]),
        helper.make_node("GlobalAveragePool", ["showtell/planes"], ["showtell/mean"]),
    ]
    return nodes, dim, math.prod(shape[1:]) // dim


def _written(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['B', *map(str, shape[1:])])})"
