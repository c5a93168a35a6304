"""An encoder's ONNX graph -> a PyTorch module with the same weights, to be trained, and back.

Comes in: a graph as `showtell.encoders.runtime` runs it, of the operators in `showtell.training.encoder.operators`.
Goes out:
a module that gives the same embeddings, and from it the graph again with the weights that training left. Kernels and
matrices with their biases are trained; batch normalisation is folded into them or stays the affine map that it is.
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
    """An encoder that learns from one of its layers on; what lies before, its front, is run without gradients.

    Its parameters, and its `state_dict`, are the weights that are trained, named `weights/` and the name in the graph
    with slashes for dots. `info` describes the graph that it was made from.
    """

    def __init__(self, graph: bytes, first_layer: str = "", *, depthwise: bool = True) -> None:
        """Read a graph.

        Arguments:
            graph: the serialised ONNX model, with an `EncoderInfo` in its metadata.
            first_layer: the beginning of a weight's name, up to a dot or another sign, such as `_blocks.9`; the layers
                from the first such weight on are trained. All are where it is empty.
            depthwise: whether the kernels of depthwise convolutions are trained, too. Their gradients take longer than
                everything else in EfficientNet's.

        Raises:
            InputError: the graph has an operator that is not known here, there is no such layer, or it lies in one of
                several branches.
        """
        super().__init__()
        self._model = onnx.load_from_string(graph)
        described = {entry.key: entry.value for entry in self._model.metadata_props}[METADATA_KEY]
        self.info = EncoderInfo.from_json(json.loads(described))
        self._nodes, self._constants = read_nodes(self._model, self.info.name)
        self._first = self._number_of(first_layer) if first_layer else 0
        self._border = self._only_tensor_into(self._first, first_layer)
        self._keys: dict[str, str] = {}  # of parameters, by the name in the graph
        for node in self._nodes[self._first :]:
            for name in node.weights[not depthwise and node.depthwise(self._constants) :]:
                if name in self._constants:
                    self._keys[name] = f"weights/{name}".replace(".", "/")
                    self.register_parameter(self._keys[name], nn.Parameter(self._constants.pop(name)))
        if not self._keys:
            raise InputError(f"the encoder {self.info.name} has no weights to train from {first_layer!r} on")

    @property
    def device(self) -> torch.device:
        """Where its weights lie, and what it is given must lie."""
        return next(self.parameters()).device

    @property
    def has_front(self) -> bool:
        """Whether there are layers that do not learn, before those that do."""
        return self._first > 0

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Embed pictures as `pictures` makes them: `pooled (B, D)`, and `grid (B, L, D)` where the encoder has one."""
        with torch.no_grad():
            values = self._values("picture", picture)
            run_nodes(self._nodes[: self._first], values)
        return self.learn(values[self._border])

    def learn(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Likewise from what the front makes of pictures, `(B, ...)`: the pictures themselves where there is none."""
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

        Its `EncoderInfo` has the name with `+tuned` after it, and a fingerprint of its own, the SHA-256 of the graph.
        """
        learnt = {name: getattr(self, key).detach() for name, key in self._keys.items()}
        model = self._with_nodes(self._nodes, learnt)
        return finished(model, trained_info(model))

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> "EncoderModule":
        """Move the constants along with the weights: they are no buffers, which would be kept in checkpoints.

        Shapes, axes and bounds stay, for operators read them as numbers.
        """
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in self._constants.items():
            if tensor.is_floating_point() and tensor.ndim:
                self._constants[name] = fn(tensor)
        return self

    def _values(self, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
        return self._constants | {n: getattr(self, key) for n, key in self._keys.items()} | {name: value}

    def _with_nodes(self, nodes: Sequence[Node], learnt: dict[str, torch.Tensor]) -> Any:
        """The ONNX model with these of its nodes, and the constants that they read."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
        model.graph.node.extend(node.proto for node in nodes)
        values = self._constants | learnt
        for name in sorted({name for node in nodes for name in node.inputs} & values.keys()):
            model.graph.initializer.append(
                numpy_helper.from_array(np.ascontiguousarray(values[name].cpu().numpy()), name)
            )
        return model

    def _number_of(self, layer: str) -> int:
        """Of the first node that has a weight of this layer."""
        names = [(number, name) for number, node in enumerate(self._nodes) for name in node.weights]
        pattern = re.compile(re.escape(layer) + r"(\W|$)")
        found = [number for number, name in names if pattern.match(name)]
        if not found:
            known = dict.fromkeys(re.sub(r"\.(weight|bias)$", "", name) for _, name in names)
            raise InputError(f"the encoder {self.info.name} has no layer {layer!r}: it has {', '.join(known)}")
        return found[0]

    def _only_tensor_into(self, first: int, layer: str) -> str:
        """The name of what the nodes from number `first` on read of those before."""
        before = {"picture", *(node.output for node in self._nodes[:first])}
        read = {name for node in self._nodes[first:] for name in node.inputs} | {"pooled", "grid"}
        if len(read & before) != 1:
            raise InputError(
                f"the encoder {self.info.name} can not be trained from {layer!r} on, which lies in one of several "
                "branches: choose the layer after which it divides, or one before"
            )
        return next(iter(read & before))


def pictures(squares: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """An encoder's input from squares `(B, S, S, 3)`, RGB from 0 to 255, uint8 or float32: to the bit what
    `showtell.images.preprocessing.normalise` gives.

    The result lies in memory with its channels last, as the squares do, which convolutions on CPUs are fastest with.
    """
    along = (1, 3, 1, 1) if preprocessing.layout == "NCHW" else (1, 1, 1, 3)
    shift = torch.tensor(preprocessing.mean, dtype=torch.float32).reshape(along).to(squares.device)
    scale = (1.0 / torch.tensor(preprocessing.std, dtype=torch.float32)).reshape(along).to(squares.device)
    pixels = squares if preprocessing.channels == "RGB" else squares.flip(3)
    if preprocessing.layout == "NCHW":
        pixels = pixels.permute(0, 3, 1, 2)
    return (pixels.float() - shift) * scale
