"""A decoder -> the ONNX graphs of its steps, without its weights.

Export takes seconds, and the graphs depend only on the decoder's kind, options and shapes. So the graphs of one decoder
with random weights are cached for all others like it. Values that the exporter precomputes from weights are left out
and computed again for each decoder.
"""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from showtell.decoders.base import Decoder, DecoderOptions
from showtell.decoders.registry import build, decoder_kinds
from showtell.onnx_graphs.export import to_onnx

Graphs = dict[str, tuple[bytes, list[str]]]

_EXAMPLE_ROWS = 3  # any number that the exporter does not take for a constant
_EXAMPLE_STEPS = 2  # the same, for a state that grows with the steps


def decoder_graphs(decoder: Decoder, embedding_shape: tuple[int, ...]) -> Graphs:
    """The ONNX graphs of `decoder.start` and `decoder.step`, by file name, with the names of the decoder's tensors that
    each uses. These are external initializers, which the graphs do not contain.

    Only the first decoder of its kind, options and shapes is exported; the graphs are those of `export_steps`.
    """
    tensors = decoder.state_dict()
    kind = next(name for name, kind in decoder_kinds().items() if kind.build is type(decoder))
    options = dataclasses.replace(decoder.options, dropout=0.0, standardise=False)  # neither matters after training
    kept = _kept_graphs(kind, options, embedding_shape, decoder.output.out_features)
    return {name: (graph.with_negated(tensors), list(graph.names)) for name, graph in kept.items()}


@dataclass(frozen=True, slots=True)
class _ExportedGraph:
    """A graph, the names of the tensors left out of it, and which of its vectors are negated tensors."""

    serialised: bytes
    names: tuple[str, ...]
    negated: Mapping[str, str]

    def with_negated(self, tensors: Mapping[str, torch.Tensor]) -> bytes:
        """The graph of the decoder with these tensors."""
        if not self.negated:
            return self.serialised
        model = onnx.load_from_string(self.serialised)
        for initializer in model.graph.initializer:
            if initializer.name in self.negated:
                vector = -tensors[self.negated[initializer.name]].numpy(force=True)
                initializer.CopyFrom(numpy_helper.from_array(vector, initializer.name))
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised


@functools.lru_cache(maxsize=64)
def _kept_graphs(
    kind: str, options: DecoderOptions, embedding_shape: tuple[int, ...], vocabulary_size: int
) -> dict[str, _ExportedGraph]:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        decoder = build(kind, options, embedding_shape, vocabulary_size)
        # No two tensors may be equal, as in a new decoder: the exporter would merge them.
        for tensor in decoder.state_dict().values():
            tensor.normal_()
    kept = {}
    for file, (serialised, names) in export_steps(decoder, embedding_shape).items():
        negated = {
            initializer.name: name
            for initializer in onnx.load_from_string(serialised).graph.initializer
            if initializer.data_location != TensorProto.EXTERNAL
            for name, tensor in decoder.state_dict().items()
            if np.array_equal(numpy_helper.to_array(initializer), -tensor.numpy())
        }
        kept[file] = _ExportedGraph(serialised, tuple(names), negated)
    return kept


def export_steps(decoder: Decoder, embedding_shape: tuple[int, ...]) -> Graphs:
    """As `decoder_graphs`, but export this decoder itself."""
    embeddings = torch.zeros(_EXAMPLE_ROWS, *embedding_shape)
    constants, first = decoder.start(embeddings)
    start = _export(_StartModule(decoder), [_Input("embeddings", embeddings)], [*constants, *first])
    tokens = torch.zeros(_EXAMPLE_ROWS, dtype=torch.int64)
    state = first
    for _ in range(_EXAMPLE_STEPS):
        _, state = decoder.step(tokens, constants, state)
    growing = {name: [a for a, size in enumerate(state[name].shape) if size != first[name].shape[a]] for name in state}
    given = [
        _Input("tokens", tokens),
        *(_Input(name, tensor) for name, tensor in constants.items()),
        *(_Input(name, tensor, tuple(growing[name])) for name, tensor in state.items()),
    ]
    outputs = ["logits", *(f"{name}_next" for name in state), *(["attention"] if decoder.attends else [])]
    step = _export(_StepModule(decoder, list(constants), list(state)), given, outputs)
    return {"start.onnx": start, "step.onnx": step}


class _StartModule(torch.nn.Module):
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, ...]:
        constants, state = self.decoder.start(embeddings)
        return (*constants.values(), *(tensor.clone() for tensor in state.values()))


class _StepModule(torch.nn.Module):
    def __init__(self, decoder: Decoder, constants: list[str], state: list[str]) -> None:
        super().__init__()
        self.decoder, self.constants, self.state = decoder, constants, state

    def forward(self, tokens: torch.Tensor, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        constants = dict(zip(self.constants, given, strict=False))
        state = dict(zip(self.state, given[len(self.constants) :], strict=True))
        if self.decoder.attends:
            logits, after, attention = self.decoder.look(tokens, constants, state)
            return (logits, *(after[name] for name in self.state), attention)
        logits, after = self.decoder.step(tokens, constants, state)
        return (logits, *(after[name] for name in self.state))


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a graph: an example, and the axes whose size changes at every step."""

    name: str
    example: torch.Tensor
    growing: tuple[int, ...] = ()


def _export(module: torch.nn.Module, inputs: list[_Input], outputs: list[str]) -> tuple[bytes, list[str]]:
    rows, steps = torch.export.Dim("N"), torch.export.Dim("T", min=0)
    shapes: Any = [{0: rows} | dict.fromkeys(given.growing, steps) for given in inputs]
    model = to_onnx(
        module,
        # Clones: the exporter merges two inputs that are the same tensor, as first states may be.
        [given.example.detach().clone() for given in inputs],
        [given.name for given in inputs],
        outputs,
        [shapes[0], tuple(shapes[1:])] if isinstance(module, _StepModule) else shapes,
    )
    _derive_later(model, {name: t.numpy() for name, t in module.state_dict().items()})
    owned = [i.name for i in model.graph.initializer if i.name.startswith("decoder.")]
    for name in owned:
        _leave_out(model, name, name.removeprefix("decoder."))
    return model.SerializeToString(deterministic=True), [name.removeprefix("decoder.") for name in owned]


def _derive_later(model: Any, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Derive matrices that the exporter precomputed (transposed ones, and some columns) from the decoder's own, so that
    the graph need not contain them.

    Nodes derive them. ONNX Runtime runs these once, when it loads the graph.
    """
    known = {initializer.name for initializer in model.graph.initializer}
    for initializer in [i for i in model.graph.initializer if i.name not in tensors and len(i.dims) == 2]:
        values = numpy_helper.to_array(initializer)
        # Of tied tensors, the one that the graph uses.
        for name in sorted(tensors, key=lambda name: name not in known):
            if (made := _made_of(tensors[name], values, name, initializer.name)) is None:
                continue
            model.graph.initializer.remove(initializer)
            if name not in known:
                model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(tensors[name]), name))
                known.add(name)
            node, *constants = made
            model.graph.initializer.extend(constants)
            model.graph.node.insert(0, node)
            break


def _made_of(tensor: npt.NDArray[Any], matrix: npt.NDArray[Any], name: str, out: str) -> list[Any] | None:
    """The node that derives a matrix from a tensor, with its constants; None if that is not possible."""
    if np.array_equal(matrix, tensor.T):
        return [helper.make_node("Transpose", [name], [out], perm=[1, 0])]
    if tensor.ndim != 2 or len(tensor) != len(matrix):
        return None
    wide = matrix.shape[1]
    for begin in {0, tensor.shape[1] - wide}:
        if begin >= 0 and np.array_equal(matrix, tensor[:, begin : begin + wide]):
            given = {f"{out}.begin": begin, f"{out}.end": begin + wide, f"{out}.axis": 1}
            constants = [numpy_helper.from_array(np.array([value]), key) for key, value in given.items()]
            return [helper.make_node("Slice", [name, *given], [out]), *constants]
    return None


def _leave_out(model: Any, name: str, kept_as: str) -> None:
    """Rename a tensor and drop its values, which the bundle stores once, in `weights.safetensors`."""
    for initializer in model.graph.initializer:
        if initializer.name == name:
            initializer.name = kept_as
            initializer.ClearField("raw_data")
            initializer.data_location = TensorProto.EXTERNAL
            initializer.external_data.add(key="location", value="weights.safetensors")
    for node in model.graph.node:
        for i, used in enumerate(node.input):
            if used == name:
                node.input[i] = kept_as
