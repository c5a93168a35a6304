"""Kernels of convolutions -> int8 kernels in 255 steps, rounded so that layer outputs for real pictures change little.

If each weight is rounded by itself, errors add up. Here the weights of an output channel are rounded one after another,
and later weights compensate for the error so far, as far as the layer's inputs are correlated: Frantar et al. 2023
(GPTQ, arXiv:2210.17323), after Hassibi and Stork 1993. The remaining mean error goes into the bias (Nagel et al. 2019,
arXiv:1906.04721). Inputs are patches of the float32 network's activations, some from each picture.

It needs the package onnx, which functions import when they run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.graph_editing import floats, same_padding
from showtell.encoders.runtime import EncoderInfo
from showtell.images.preprocessing import normalize
from showtell.onnx_graphs.session import open_session
from showtell.progress import bar

_AT_ONCE = 4  # pictures with all activations in memory
_PICTURES = 64  # evenly spread over the given ones; more take long and change little
_PATCHES = 4096  # per layer, from all pictures together
_DAMPING = 0.01  # of the mean variance, so that a covariance can be inverted
_STEPS = 127  # to either side of zero

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Layer:
    """A convolution, and the first two moments of its input patches, for each of G groups with D inputs."""

    node: Any
    kernel: Floats
    groups: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, ...] | None
    products: Doubles
    sums: Doubles
    count: int = 0

    def meet(self, planes: Floats, per_picture: int, rng: np.random.Generator) -> None:
        """Add some patches of every picture of `(B, C, H, W)` to the moments."""
        windows = self._windows(planes)
        down, across = windows.shape[2:4]
        for picture in windows:
            at = rng.choice(down * across, min(per_picture, down * across), replace=False)
            patches = picture[:, at // across, at % across]  # (C, n, kh, kw)
            grouped = patches.reshape(self.groups, -1, *patches.shape[1:]).transpose(0, 2, 1, 3, 4)
            rows = np.ascontiguousarray(grouped).reshape(self.groups, len(at), -1)
            self.products += rows.transpose(0, 2, 1) @ rows
            self.sums += rows.sum(axis=1)
            self.count += len(at)

    def _windows(self, planes: Floats) -> Floats:
        """Every patch: `(B, C, h, w, kh, kw)`."""
        reach = [(size - 1) * step + 1 for size, step in zip(self.kernel.shape[2:], self.dilations, strict=True)]
        pads = self.pads or _same(planes.shape[2:], reach, self.strides)
        if any(pads):
            planes = np.pad(planes, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        windows = np.lib.stride_tricks.sliding_window_view(planes, reach, axis=(2, 3))
        (down, across), (rows, columns) = self.strides, self.dilations
        return windows[:, :, ::down, ::across, ::rows, ::columns]

    def rounded(self) -> tuple[Floats, Floats, Floats]:
        """The kernel in steps, the step of each output channel, and the correction of the bias."""
        weights = self.kernel.reshape(self.groups, -1, self.products.shape[1]).astype(np.float64)
        steps = np.abs(weights).max(axis=2) / _STEPS
        steps[steps == 0] = 1
        mean = self.sums / self.count
        covariance = self.products / self.count - mean[:, :, None] * mean[:, None, :]
        found = _compensated(weights, steps, covariance)
        shift = np.einsum("god,gd->go", weights - found, mean)
        return (
            found.reshape(self.kernel.shape).astype(np.float32),
            steps.reshape(-1).astype(np.float32),
            shift.reshape(-1).astype(np.float32),
        )


def round_kernels(
    model: Any, squares: npt.NDArray[np.uint8], info: EncoderInfo, *, show: bool = True
) -> dict[str, Floats]:
    """Round every kernel of a model in place; return the step of each output channel by the kernel's name.

    Arguments:
        model: the float32 ONNX model; layers whose kernel is shared or not an initializer do not change.
        squares: the pictures, `uint8 (N, S, S, 3)`.
        info: the encoder's description.
        show: show progress on stderr.
    """
    from onnx import numpy_helper

    values = {initializer.name: initializer for initializer in model.graph.initializer}
    layers = _layers(model, values)
    squares = squares[:: -(-len(squares) // _PICTURES)]
    _meet(layers, model, squares, info, show)
    steps = {}
    with bar("rounding kernels", len(layers), "kernels", show=show) as tick:
        for layer in layers:
            name = layer.node.input[1]
            kernel, steps[name], shift = layer.rounded()
            values[name].CopyFrom(numpy_helper.from_array(kernel, name))
            _add_to_bias(model, layer.node, shift, values)
            tick(1)
    return steps


def _layers(model: Any, values: dict[str, Any]) -> list[_Layer]:
    from onnx import helper, numpy_helper

    uses = [name for node in model.graph.node for name in node.input]
    layers = []
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in values or any(uses.count(n) > 1 for n in node.input[1:]):
            continue
        given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        kernel = numpy_helper.to_array(values[node.input[1]])
        if kernel.ndim != 4:
            continue
        groups, size = given.get("group", 1), int(np.prod(kernel.shape[1:]))
        same = given.get("auto_pad", b"NOTSET").startswith(b"SAME")
        layers.append(
            _Layer(
                node,
                kernel,
                groups,
                tuple(given.get("strides", (1, 1))),
                tuple(given.get("dilations", (1, 1))),
                None if same else tuple(given.get("pads", (0, 0, 0, 0))),
                np.zeros((groups, size, size)),
                np.zeros((groups, size)),
            )
        )
    return layers


def _meet(layers: Sequence[_Layer], model: Any, squares: npt.NDArray[np.uint8], info: EncoderInfo, show: bool) -> None:
    """Run the model on the pictures and pass each layer its inputs."""
    import onnx

    session_model = onnx.ModelProto()
    session_model.CopyFrom(model)
    inner = sorted({layer.node.input[0] for layer in layers} - {"picture"})
    del session_model.graph.output[:]
    session_model.graph.output.extend(floats(name, None) for name in inner)
    session = open_session(session_model.SerializeToString())
    rng = np.random.default_rng(0)
    with bar("measuring activations", len(squares), "pictures", show=show) as tick:
        for begin in range(0, len(squares), _AT_ONCE):
            batch = squares[begin : begin + _AT_ONCE]
            pictures = normalize(batch, info.preprocessing)
            planes = dict(zip(inner, session.run(inner, {"picture": pictures}), strict=True)) if inner else {}
            for layer in layers:
                given = planes.get(layer.node.input[0], pictures)
                layer.meet(given, -(-_PATCHES // len(squares)), rng)
            tick(len(batch))


def _compensated(weights: Doubles, steps: Doubles, covariance: Doubles) -> Doubles:
    """Round `(G, O, D)` to multiples of `steps` `(G, O)`, one of the D after another; see the module's docstring."""
    size = weights.shape[2]
    damping = _DAMPING * np.einsum("gdd->gd", covariance).mean(axis=1) + 1e-9
    damped = covariance + damping[:, None, None] * np.eye(size)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)
    left, found = weights.copy(), np.empty_like(weights)
    for i in range(size):
        found[:, :, i] = steps * np.clip(np.round(left[:, :, i] / steps), -_STEPS, _STEPS)
        error = (left[:, :, i] - found[:, :, i]) / upper[:, i, i, None]
        left[:, :, i + 1 :] -= error[:, :, None] * upper[:, None, i, i + 1 :]
    return found


def _same(sides: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """The padding of ONNX's SAME_UPPER: before and after, rows first."""
    (top, bottom), (left, right) = map(same_padding, sides, reach, strides)
    return top, left, bottom, right


def _add_to_bias(model: Any, node: Any, shift: Floats, values: dict[str, Any]) -> None:
    """Add to a layer's bias, or give it one; a bias that is not an initializer does not change."""
    from onnx import numpy_helper

    if len(node.input) == 3:
        name = node.input[2]
        if name in values:
            values[name].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(values[name]) + shift, name))
        return
    name = f"{node.input[1]}.shift"
    model.graph.initializer.append(numpy_helper.from_array(shift, name))
    node.input.append(name)
