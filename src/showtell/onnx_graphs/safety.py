"""Refuses ONNX graphs that would read files, or need not end, before ONNX Runtime sees them.

A graph may name files that hold its tensors ("external data"). ONNX Runtime looks for them in the working folder, so
that a graph by a stranger could read any file there as weights. And it may have loops of any number of rounds. What is
read here is the graph's protocol buffer (https://protobuf.dev/programming-guides/encoding/, onnx.proto of ONNX 1.16),
of which messages of no interest are stepped over.
"""

from collections.abc import Collection, Iterator
from typing import TypeAlias

from showtell.errors import ShowtellError

_Field: TypeAlias = tuple[int, int | memoryview]

_DEEPEST = 16  # graphs inside graphs
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTION = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE = 4, 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_SPARSE_TENSORS = (1, 2)
_FUNCTION_NODE, _FUNCTION_ATTRIBUTE = 7, 11
_ENDLESS = (b"Loop", b"Scan", b"SequenceMap")


def require_harmless(graph: bytes, given: Collection[str] = ()) -> None:
    """Refuse a serialized graph that has loops, or tensors in files other than those that are `given` by name.

    Raises:
        ShowtellError: it has, or it is no ONNX graph.
    """
    names = {name.encode() for name in given}
    try:
        for number, value in _fields(memoryview(graph)):
            if not isinstance(value, memoryview):
                continue
            if number == _MODEL_GRAPH:
                _check_graph(value, names, 0)
            elif number == _MODEL_FUNCTION:
                _check_function(value)
            elif number == _MODEL_TRAINING:
                raise ShowtellError("the graph has a part for training, which nothing here needs")
    except (IndexError, ValueError) as error:
        raise ShowtellError(f"no ONNX graph ({error})") from error


def _check_graph(graph: memoryview, given: Collection[bytes], depth: int) -> None:
    if depth > _DEEPEST:
        raise ShowtellError(f"the graph has more than {_DEEPEST} graphs inside one another")
    for number, value in _messages(graph):
        if number == _GRAPH_NODE:
            _check_node(value, depth)
        elif number == _GRAPH_INITIALIZER:
            _check_tensor(value, given)
        elif number == _GRAPH_SPARSE:
            _check_sparse(value)


def _check_function(function: memoryview) -> None:
    for number, value in _messages(function):
        if number == _FUNCTION_NODE:
            _check_node(value, 0)
        elif number == _FUNCTION_ATTRIBUTE:
            _check_attribute(value, 0)


def _check_node(node: memoryview, depth: int) -> None:
    for number, value in _messages(node):
        if number == _NODE_OPERATOR and bytes(value) in _ENDLESS:
            raise ShowtellError(f"the graph has a {bytes(value).decode()}, which need not end")
        if number == _NODE_ATTRIBUTE:
            _check_attribute(value, depth)


def _check_attribute(attribute: memoryview, depth: int) -> None:
    for number, value in _messages(attribute):
        if number in _ATTRIBUTE_TENSORS:
            _check_tensor(value, ())
        elif number in _ATTRIBUTE_GRAPHS:
            _check_graph(value, (), depth + 1)
        elif number in _ATTRIBUTE_SPARSE:
            _check_sparse(value)


def _check_sparse(sparse: memoryview) -> None:
    for number, value in _messages(sparse):
        if number in _SPARSE_TENSORS:
            _check_tensor(value, ())


def _check_tensor(tensor: memoryview, given: Collection[bytes]) -> None:
    name, external = b"", False
    for number, value in _fields(tensor):
        if number == _TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value)
        elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            external = True
    if external and name not in given:
        raise ShowtellError(f"its tensor {name.decode(errors='replace')!r} lies in another file, which is not read")


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    return ((number, value) for number, value in _fields(data) if isinstance(value, memoryview))


def _fields(data: memoryview) -> Iterator[_Field]:
    """The fields of a message with their numbers; an `IndexError` or `ValueError` where it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if at + size > len(data):
            raise ValueError("a field reaches over the end")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than 10 bytes")
