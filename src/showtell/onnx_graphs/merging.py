"""The ONNX graphs of several decoders -> one graph in which they stand side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from showtell.errors import BundleError

_TINY = float(np.finfo(np.float32).tiny)  # so that no probability is 0, see showtell.models.ensemble


def _side_by_side(graphs: Sequence[bytes], shared: str, read: Sequence[str]) -> tuple[Any, list[Any]]:
    """The prefixed graphs as one without inputs and outputs, and each of them; instead of its input `shared`, each
    reads the tensor that `read` names.
    """
    prefixed = [compose.add_prefix(onnx.load_from_string(graph), f"{i}.") for i, graph in enumerate(graphs)]
    for i, model in enumerate(prefixed):
        _rename(model.graph, f"{i}.{shared}", read[i])
    whole = onnx.ModelProto()
    whole.CopyFrom(prefixed[0])
    del whole.graph.input[:], whole.graph.output[:]
    for model in prefixed[1:]:
        if [(o.domain, o.version) for o in model.opset_import] != [(o.domain, o.version) for o in whole.opset_import]:
            raise BundleError("the models were exported for different versions of ONNX: export them with one release")
        whole.graph.node.extend(model.graph.node)
        whole.graph.initializer.extend(model.graph.initializer)
        whole.graph.value_info.extend(model.graph.value_info)
        whole.functions.extend(model.functions)
        whole.ir_version = max(whole.ir_version, model.ir_version)
    return whole, prefixed


def _rename(graph: Any, before: str, after: str) -> None:
    for node in graph.node:
        for i, read in enumerate(node.input):
            if read == before:
                node.input[i] = after


def merged_start(graphs: Sequence[bytes], pooled: Sequence[bool]) -> bytes:
    """The `start.onnx` of several decoders as one, their names prefixed by `0.`, `1.` and so on.

    Arguments:
        graphs: the serialized graphs.
        pooled: which of them take pooled embeddings where the others take grids: they are given the mean of the cells.

    Raises:
        BundleError: they are of different versions of ONNX.
    """
    whole, prefixed = _side_by_side(graphs, "embeddings", ["pooled" if mean else "embeddings" for mean in pooled])
    shape = prefixed[pooled.index(False)].graph.input[0]
    shape.name = "embeddings"
    whole.graph.input.append(shape)
    if any(pooled):
        whole.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "cells"))
        whole.graph.node.insert(0, helper.make_node("ReduceMean", ["embeddings", "cells"], ["pooled"], keepdims=0))
    for model in prefixed:
        whole.graph.output.extend(model.graph.output)
    return _serialised(whole)


def merged_step(graphs: Sequence[bytes]) -> bytes:
    """The `step.onnx` of several decoders as one, whose logits are the logarithm of the mean of their probabilities.

    `attention` is the mean over the decoders that have one. Errors are as for `merged_start`.
    """
    count = len(graphs)
    whole, prefixed = _side_by_side(graphs, "tokens", ["tokens"] * count)
    whole.graph.input.append(helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N"]))
    for number, model in enumerate(prefixed):
        whole.graph.input.extend(value for value in model.graph.input if value.name != f"{number}.tokens")
    whole.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / count, np.float32), "share"),
            numpy_helper.from_array(np.array(_TINY, np.float32), "tiny"),
        ]
    )
    whole.graph.node.extend(
        [
            *(helper.make_node("Softmax", [f"{i}.logits"], [f"{i}.probabilities"], axis=1) for i in range(count)),
            helper.make_node("Sum", [f"{i}.probabilities" for i in range(count)], ["summed"]),
            helper.make_node("Mul", ["summed", "share"], ["mean"]),
            helper.make_node("Max", ["mean", "tiny"], ["above_zero"]),
            helper.make_node("Log", ["above_zero"], ["logits"]),
        ]
    )
    outputs = {value.name: value for model in prefixed for value in model.graph.output}
    logits = outputs.pop("0.logits")
    logits.name = "logits"
    looking = [name for name in outputs if name.endswith(".attention")]
    whole.graph.output.append(logits)
    whole.graph.output.extend(value for name, value in outputs.items() if name.endswith("_next"))
    if looking:
        whole.graph.initializer.append(
            numpy_helper.from_array(np.array(1 / len(looking), np.float32), "attention.share")
        )
        whole.graph.node.extend(
            [
                helper.make_node("Sum", looking, ["attention.summed"]),
                helper.make_node("Mul", ["attention.summed", "attention.share"], ["attention"]),
            ]
        )
        attention = outputs[looking[0]]
        attention.name = "attention"
        whole.graph.output.append(attention)
    return _serialised(whole)


def _serialised(model: Any) -> bytes:
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
