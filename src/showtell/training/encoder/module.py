"""An encoder's ONNX graph -> a trainable PyTorch module with the same weights, and back.

Input: a graph as `showtell.encoders.runtime` runs it, with the operators in `showtell.training.encoder.operators`.
Output: a module that gives the same embeddings and, from the module, the graph with the trained weights. Kernels and
matrices with their biases are trained. Batch normalization is folded into them or stays the same affine map.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from showtell.encoders.graph_editing import finished, floats
from showtell.encoders.runtime import METADATA_KEY, EncoderInfo
from showtell.encoders.trained import trained_info
from showtell.errors import InputError
from showtell.images.preprocessing import Preprocessing
from showtell.training.encoder.nodes import Node, read_nodes, run_nodes


class EncoderModule(nn.Module):
    """An encoder that is trained from one of its layers on. The layers before, its front, run without gradients.

    Its parameters and its `state_dict` are the trained weights. Their names are `weights/` and the name in the graph,
    with slashes for dots. `info` describes the original graph.
    """

    def __init__(self, graph: bytes, first_layer: str = "", *, depthwise: bool = True) -> None:
        """Read a graph.

        Arguments:
            graph: the serialized ONNX model, with an `EncoderInfo` in its metadata.
            first_layer: the beginning of a weight's name, up to a dot or another separator, such as `_blocks.9`. The
                layers from the first such weight on are trained; empty trains all.
            depthwise: whether the kernels of depthwise convolutions are trained too. In EfficientNet their gradients
                take longer than everything else.

        Raises:
            InputError: the graph has an unsupported operator, there is no such layer, or the layer is in one of several
                branches.
        """
        super().__init__()
        self._model = onnx.load_from_string(graph)
        described = {entry.key: entry.value for entry in self._model.metadata_props}[METADATA_KEY]
        self.info = EncoderInfo.from_json(json.loads(described))
        self._nodes, self._constants = read_nodes(self._model, self.info.name)
        self._first = self._number_of(first_layer) if first_layer else 0
        self._border = self._only_tensor_into(self._first, first_layer)
        self._keys: dict[str, str] = {}  # names of parameters, by the names in the graph
        for node in self._nodes[self._first :]:
            for name in node.weights[not depthwise and node.depthwise(self._constants) :]:
                if name in self._constants:
                    self._keys[name] = f"weights/{name}".replace(".", "/")
                    self.register_parameter(self._keys[name], nn.Parameter(self._constants.pop(name)))
        if not self._keys:
            raise InputError(f"the encoder {self.info.name} has no weights to train from {first_layer!r} on")

    @property
    def device(self) -> torch.device:
        """The device of its weights and inputs."""
        return next(self.parameters()).device

    @property
    def has_front(self) -> bool:
        """Whether there are frozen layers before the trained ones."""
        return self._first > 0

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Embed the output of `pictures`: `pooled (B, D)`, and `grid (B, L, D)` if the encoder has one."""
        with torch.no_grad():
            values = self._values("picture", picture)
            run_nodes(self._nodes[: self._first], values)
        return self.learn(values[self._border])

    def learn(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Embed the front's output, `(B, ...)`; without a front, the pictures themselves."""
        values = self._values(self._border, given)
        run_nodes(self._nodes[self._first :], values)
        return values["pooled"], values.get("grid")

    def front(self) -> bytes:
        """The front as an ONNX graph, from `picture` to the one output that `learn` takes."""
        model = self._with_nodes(self._nodes[: self._first], {})
        del model.graph.output[:]
        model.graph.output.append(floats(self._border, None))
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised

    def graph(self) -> bytes:
        """The ONNX graph with the present weights.

        Its `EncoderInfo` has `+tuned` after the name and its own fingerprint, the SHA-256 of the graph.
        """
        learned = {name: getattr(self, key).detach() for name, key in self._keys.items()}
        model = self._with_nodes(self._nodes, learned)
        return finished(model, trained_info(model))

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> "EncoderModule":
        """Move the constants along with the weights. They are not buffers, which would become part of checkpoints.
        Shapes, axes and bounds stay on the processor, as operators read them as numbers.
        """
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in self._constants.items():
            if tensor.is_floating_point() and tensor.ndim:
                self._constants[name] = fn(tensor)
        return self

    def _values(self, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
        return self._constants | {n: getattr(self, key) for n, key in self._keys.items()} | {name: value}

    def _with_nodes(self, nodes: Sequence[Node], learned: dict[str, torch.Tensor]) -> Any:
        """The ONNX model reduced to these nodes and the constants that they read."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
        model.graph.node.extend(node.proto for node in nodes)
        values = self._constants | learned
        for name in sorted({name for node in nodes for name in node.inputs} & values.keys()):
            model.graph.initializer.append(
                numpy_helper.from_array(np.ascontiguousarray(values[name].cpu().numpy()), name)
            )
        return model

    def _number_of(self, layer: str) -> int:
        """The number of the first node with a weight of this layer."""
        names = [(number, name) for number, node in enumerate(self._nodes) for name in node.weights]
        pattern = re.compile(re.escape(layer) + r"(\W|$)")
        found = [number for number, name in names if pattern.match(name)]
        if not found:
            known = dict.fromkeys(re.sub(r"\.(weight|bias)$", "", name) for _, name in names)
            raise InputError(f"the encoder {self.info.name} has no layer {layer!r}: it has {', '.join(known)}")
        return found[0]

    def _only_tensor_into(self, first: int, layer: str) -> str:
        """The name of the tensor that the nodes from number `first` on read from the nodes before."""
        before = {"picture", *(node.output for node in self._nodes[:first])}
        read = {name for node in self._nodes[first:] for name in node.inputs} | {"pooled", "grid"}
        if len(read & before) != 1:
            raise InputError(
                f"the encoder {self.info.name} cannot be trained from {layer!r} on, which is in one of several "
                "branches: choose the layer after which it divides, or one before"
            )
        return next(iter(read & before))


def pictures(squares: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """An encoder's input from squares `(B, S, S, 3)`, RGB from 0 to 255, uint8 or float32. It equals
    `showtell.images.preprocessing.normalize` bit for bit.

    The result has its channels last in memory, like the squares; convolutions on CPUs are fastest that way.
    """
    along = (1, 3, 1, 1) if preprocessing.layout == "NCHW" else (1, 1, 1, 3)
    shift = torch.tensor(preprocessing.mean, dtype=torch.float32).reshape(along).to(squares.device)
    scale = (1.0 / torch.tensor(preprocessing.std, dtype=torch.float32)).reshape(along).to(squares.device)
    pixels = squares if preprocessing.channels == "RGB" else squares.flip(3)
    if preprocessing.layout == "NCHW":
        pixels = pixels.permute(0, 3, 1, 2)
    return (pixels.float() - shift) * scale
