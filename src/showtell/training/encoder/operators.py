"""ONNX's operators of convolutional networks in PyTorch: differentiable, for any number of pictures.

They follow https://onnx.ai/onnx/operators/. Each takes a node's inputs (None for a missing one) and its attributes, and
returns its output. Batch normalization is that of inference: an affine map that training does not change.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from showtell.encoders.graph_editing import same_padding
from showtell.errors import InputError

Inputs: TypeAlias = Sequence[torch.Tensor]
Attributes: TypeAlias = Mapping[str, Any]
Operator: TypeAlias = Callable[[Inputs, Attributes], torch.Tensor]


def _convolution(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    picture, kernel, *bias = inputs
    strides = attributes.get("strides", (1, 1))
    dilations = attributes.get("dilations", (1, 1))
    before, after = _pads(attributes, picture.shape[2:], kernel.shape[2:], strides, dilations)
    picture, padding = _padded(picture, before, after, 0.0)
    groups = attributes.get("group", 1)
    if groups == picture.shape[1] > 1 and torch.is_autocast_enabled("cpu"):
        picture = picture.to(torch.get_autocast_dtype("cpu"))
        shift = bias[0] if bias else kernel.new_zeros(len(kernel))
        result: torch.Tensor = _Depthwise.apply(  # type: ignore[no-untyped-call]
            picture, kernel, shift, strides, padding, dilations
        )
        return result
    return functional.conv2d(picture, kernel, bias[0] if bias else None, strides, padding, dilations, groups)


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose kernel's gradient is computed in float32: PyTorch's own for bfloat16 takes four
    times as long on CPUs.
    """

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, picture, kernel, bias, strides, padding, dilations
    ):
        kernel, bias = kernel.to(picture.dtype), bias.to(picture.dtype)
        ctx.save_for_backward(picture, kernel)
        ctx.how = [*map(list, (strides, padding, dilations)), False, [0, 0], picture.shape[1]]
        return functional.conv2d(picture, kernel, bias, strides, padding, dilations, picture.shape[1])

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        picture, kernel = ctx.saved_tensors
        of_picture = of_kernel = of_bias = None
        back = torch.ops.aten.convolution_backward
        if ctx.needs_input_grad[0]:
            of_picture = back(gradient, picture, kernel, None, *ctx.how, [True, False, False])[0]
        if ctx.needs_input_grad[1]:
            wide = gradient.float(), picture.float(), kernel.float()
            of_kernel = back(*wide, None, *ctx.how, [False, True, False])[1]
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum((0, 2, 3), dtype=torch.float32)
        return of_picture, of_kernel, of_bias, None, None, None


def _given(inputs: Inputs, place: int) -> torch.Tensor | None:
    """The input at a position; None if it is missing."""
    return inputs[place] if len(inputs) > place else None


def _pads(
    attributes: Attributes, size: Sequence[int], window: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The padding before and after the rows and the columns."""
    how = attributes.get("auto_pad", "NOTSET")
    if how in ("NOTSET", "VALID"):
        pads = list(attributes.get("pads", (0, 0, 0, 0))) if how == "NOTSET" else [0, 0, 0, 0]
        return pads[:2], pads[2:]
    reach = [d * (w - 1) + 1 for d, w in zip(dilations, window, strict=True)]
    less, more = map(list, zip(*map(same_padding, size, reach, strides), strict=True))
    return (less, more) if how == "SAME_UPPER" else (more, less)


def _padded(
    picture: torch.Tensor, before: Sequence[int], after: Sequence[int], value: float
) -> tuple[torch.Tensor, Sequence[int]]:
    """The picture with uneven padding added, and the symmetric padding that the layer itself still has to add."""
    if list(before) == list(after):
        return picture, before
    top, left = before
    bottom, right = after
    return functional.pad(picture, (left, right, top, bottom), value=value), (0, 0)


def _maximum_pooling(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    window, strides = attributes["kernel_shape"], attributes.get("strides", (1, 1))
    dilations = attributes.get("dilations", (1, 1))
    before, after = _pads(attributes, inputs[0].shape[2:], window, strides, dilations)
    picture, padding = _padded(inputs[0], before, after, -torch.inf)
    return torch.max_pool2d(
        picture, list(window), list(strides), list(padding), list(dilations), bool(attributes.get("ceil_mode", 0))
    )


def _average_pooling(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    window, strides = attributes["kernel_shape"], attributes.get("strides", (1, 1))
    before, after = _pads(attributes, inputs[0].shape[2:], window, strides, (1, 1))
    ceil, outside = (bool(attributes.get(name, 0)) for name in ("ceil_mode", "count_include_pad"))
    if before == after:
        return functional.avg_pool2d(inputs[0], window, strides, before, ceil_mode=ceil, count_include_pad=outside)
    picture, _ = _padded(inputs[0], before, after, 0.0)
    mean = functional.avg_pool2d(picture, window, strides, ceil_mode=ceil)
    if outside:
        return mean
    there, _ = _padded(torch.ones_like(inputs[0][:1, :1]), before, after, 0.0)
    return mean / functional.avg_pool2d(there, window, strides, ceil_mode=ceil)


def _normalisation(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    picture, scale, shift, mean, variance = inputs
    return functional.batch_norm(picture, mean, variance, scale, shift, eps=attributes.get("epsilon", 1e-5))


def _matrix(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    """Gemm: alpha A B + beta C, with either matrix transposed if the attributes say so."""
    left = inputs[0].T if attributes.get("transA", 0) else inputs[0]
    right = inputs[1].T if attributes.get("transB", 0) else inputs[1]
    product = attributes.get("alpha", 1.0) * (left @ right)
    return torch.add(product, inputs[2], alpha=attributes.get("beta", 1.0)) if len(inputs) > 2 else product


def _clip(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    """The bounds are inputs since version 11, attributes before."""
    low, high = (
        float(attributes.get(name, far) if (bound := _given(inputs, place)) is None else bound)
        for place, name, far in ((1, "min", -torch.inf), (2, "max", torch.inf))
    )
    clipped: torch.Tensor = _Clip.apply(inputs[0], low, high)  # type: ignore[no-untyped-call]
    return clipped


class _Clip(torch.autograd.Function):
    """PyTorch's own keeps its input for the backward pass; this keeps its output, which the next layer keeps anyway."""

    @staticmethod
    def forward(ctx, values, low, high):  # type: ignore[no-untyped-def]
        clipped = values.clamp(low, high)
        ctx.save_for_backward(clipped)
        ctx.bounds = low, high
        return clipped

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (clipped,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, clipped, *ctx.bounds), None, None


def _hard_sigmoid(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    return torch.clamp(attributes.get("alpha", 0.2) * inputs[0] + attributes.get("beta", 0.5), 0.0, 1.0)


def _global_average(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    return inputs[0].mean((2, 3), keepdim=True, dtype=torch.float32)  # a sum of many cells is too coarse in bfloat16


def _mean(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    """ReduceMean: the axes are an input since version 18, an attribute before."""
    axes = attributes.get("axes") if (given := _given(inputs, 1)) is None else given.tolist()
    keep = bool(attributes.get("keepdims", 1))
    return inputs[0].mean(tuple(axes or range(inputs[0].ndim)), keepdim=keep, dtype=torch.float32)


def _flatten(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    axis = attributes.get("axis", 1)
    shape: tuple[int, ...] = tuple(inputs[0].shape)
    rows = int(torch.tensor(shape[:axis], dtype=torch.int64).prod())
    return inputs[0].reshape(rows, -1)


def _reshape(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    shape = [inputs[0].shape[i] if axis == 0 else axis for i, axis in enumerate(inputs[1].tolist())]
    return inputs[0].reshape(shape)


def _transpose(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    return inputs[0].permute(attributes.get("perm", tuple(reversed(range(inputs[0].ndim)))))


def _pad(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    if attributes.get("mode", "constant") != "constant" or _given(inputs, 3) is not None:
        raise InputError("pads otherwise than by a constant along all axes")
    axes, around, value = inputs[0].ndim, inputs[1].tolist(), _given(inputs, 2)
    ends = [pad for axis in reversed(range(axes)) for pad in (around[axis], around[axis + axes])]
    return functional.pad(inputs[0], ends, value=0.0 if value is None else float(value))


def _cast(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    """Cast to float32 only, which graphs with float16 weights need."""
    if attributes["to"] != 1:
        raise InputError("casts to another type than float32")
    return inputs[0].float()


def _sum(inputs: Inputs, attributes: Attributes) -> torch.Tensor:
    return sum(inputs[1:], inputs[0])


OPERATORS: dict[str, Operator] = {
    "Add": lambda inputs, attributes: inputs[0] + inputs[1],
    "AveragePool": _average_pooling,
    "BatchNormalization": _normalisation,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda inputs, attributes: torch.cat(list(inputs), attributes["axis"]),
    "Constant": lambda inputs, attributes: torch.as_tensor(next(iter(attributes.values()))),
    "Conv": _convolution,
    "Div": lambda inputs, attributes: inputs[0] / inputs[1],
    "Flatten": _flatten,
    "Gemm": _matrix,
    "GlobalAveragePool": _global_average,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda inputs, attributes: functional.hardswish(inputs[0]),
    "Identity": lambda inputs, attributes: inputs[0],
    "MatMul": lambda inputs, attributes: inputs[0] @ inputs[1],
    "MaxPool": _maximum_pooling,
    "Mul": lambda inputs, attributes: inputs[0] * inputs[1],
    "Pad": _pad,
    "ReduceMean": _mean,
    "Relu": lambda inputs, attributes: functional.relu(inputs[0]),
    "Reshape": _reshape,
    "Sigmoid": lambda inputs, attributes: torch.sigmoid(inputs[0]),
    "Sub": lambda inputs, attributes: inputs[0] - inputs[1],
    "Sum": _sum,
    "Transpose": _transpose,
}
"""Functions by the name of the ONNX operator."""
