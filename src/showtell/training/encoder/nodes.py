"""The nodes of an ONNX graph, parsed once and run in PyTorch; `EncoderModule` consists of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper

from showtell.errors import InputError, one_line
from showtell.training.encoder.operators import OPERATORS, Operator

_LEARN = {"Conv", "Gemm", "MatMul"}  # the operators whose constant inputs are weights to train


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its inputs and output by name, which inputs are weights, and the tensors that nothing reads after
    it.
    """

    proto: Any
    operator: Operator
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    output: str
    weights: tuple[str, ...]
    ends: tuple[str, ...] = ()

    def depthwise(self, constants: Mapping[str, torch.Tensor]) -> bool:
        """Whether it is a depthwise convolution."""
        return bool(self.weights) and self.attributes.get("group", 1) > 1 == constants[self.weights[0]].shape[1]

    def run(self, inputs: Sequence[Any]) -> torch.Tensor:
        """Its output; an `InputError` if its attributes are not supported."""
        try:
            return self.operator(inputs, self.attributes)
        except (InputError, KeyError) as error:
            where = self.proto.name or f"{self.proto.op_type} that makes {self.output}"
            raise InputError(f"the encoder's operation {where} cannot be trained: it {one_line(error)}") from error


def read_nodes(model: Any, encoder: str) -> tuple[list[Node], dict[str, torch.Tensor]]:
    """The nodes that a model's outputs need, in order, and its constants by name.

    Nodes whose inputs are all constants run at once, so that their outputs become constants too.

    Raises:
        InputError: there is an unsupported operator; the message names it and the encoder.
    """
    constants = {
        initializer.name: torch.from_numpy(numpy_helper.to_array(initializer).copy())
        for initializer in model.graph.initializer
    }
    needed = {value.name for value in model.graph.output}
    needed_nodes = []
    for proto in reversed(model.graph.node):
        if needed & set(proto.output):
            needed |= set(proto.input)
            needed_nodes.append(proto)
    nodes = []
    for proto in reversed(needed_nodes):
        node = _read(proto, constants, encoder)
        if all(name in constants for name in node.inputs if name):
            constants[node.output] = node.run([constants.get(name) for name in node.inputs])
        else:
            nodes.append(node)
    return _with_ends(nodes), constants


def run_nodes(nodes: Sequence[Node], values: dict[str, torch.Tensor]) -> None:
    """Run nodes in order on tensors by name. Their outputs are added, and tensors that are no longer read are
    dropped.
    """
    for node in nodes:
        values[node.output] = node.run([values[name] if name else None for name in node.inputs])
        for name in node.ends:
            del values[name]


def _read(proto: Any, constants: Mapping[str, torch.Tensor], encoder: str) -> Node:
    operator = OPERATORS.get(proto.op_type)
    if operator is None or proto.domain not in ("", "ai.onnx") or any(proto.output[1:]):
        raise InputError(
            f"the encoder {encoder} has the operation {proto.op_type}, which cannot be trained: choose another "
            "encoder, or leave out its fine-tuning"
        )
    attributes = {attribute.name: _value(attribute) for attribute in proto.attribute}
    inputs = tuple(proto.input)
    weights = tuple(name for name in inputs[1:] if name in constants) if proto.op_type in _LEARN else ()
    return Node(proto, operator, attributes, inputs, proto.output[0], weights)


def _with_ends(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, each with the computed tensors that no later node reads."""
    later, marked = {"pooled", "grid"}, []
    made = {node.output for node in nodes} | {"picture"}
    for node in reversed(nodes):
        marked.append(replace(node, ends=tuple((set(node.inputs) & made) - later)))
        later |= set(node.inputs)
    return marked[::-1]


def _value(attribute: Any) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    return torch.from_numpy(numpy_helper.to_array(value).copy()) if isinstance(value, onnx.TensorProto) else value
