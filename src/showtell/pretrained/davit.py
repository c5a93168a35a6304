"""DaViT (Ding et al. 2022, arXiv:2204.03645): a tower with attention in windows, and among channels."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from showtell.pretrained.families.base import Config, activation_of, whole
from showtell.pretrained.graph import Graph
from showtell.pretrained.modules import AttentionLayer, Linear
from showtell.pretrained.towers import split_qkv
from showtell.pretrained.weights import Weights
from showtell.pretrained.windows import Ints, attend, gather, split

_EPS = 1e-5
_Mix: TypeAlias = Callable[[Graph, str, int, int, Weights, Config, int], str]


def davit(graph: Graph, vision: Config, tower: Weights, size: int) -> tuple[str, int]:
    """The nodes of a tower: rows `(B * side**2, D)`, and the side of its grid."""
    widths = list(vision["embed_dim"])
    rows, side = _first(graph, vision, tower.below("convs.0."), size)
    for stage, depth in enumerate(vision["depths"]):
        if stage:
            rows, side = _merged(graph, rows, side, vision, tower.below(f"convs.{stage}."), stage)
        for i in range(depth):
            block, width = tower.below(f"blocks.{stage}.{i}."), widths[stage]
            for kind, mix in (("spatial_block.", _windows), ("channel_block.", _channels)):
                rows = _half(graph, rows, side, width, block.below(kind), vision, stage, mix)
    return rows, side


def _first(graph: Graph, vision: Config, layer: Weights, size: int) -> tuple[str, int]:
    kernel, stride, padding = (int(vision[name][0]) for name in ("patch_size", "patch_stride", "patch_padding"))
    if vision["patch_prenorm"][0]:
        raise ValueError("patch_prenorm of the first stage")
    side, width = (size + 2 * padding - kernel) // stride + 1, int(vision["embed_dim"][0])
    weights = [graph.table("convs.0.weight", layer["conv.weight"]), graph.vector("convs.0.bias", layer["conv.bias"])]
    planes = graph.op("Conv", "picture", *weights, strides=[stride] * 2, pads=[padding] * 4)
    rows = graph.reshape(graph.op("Transpose", planes, perm=[0, 2, 3, 1]), -1, width)
    return graph.norm(rows, layer.norm("norm", _EPS)), side


def _merged(graph: Graph, rows: str, side: int, vision: Config, layer: Weights, stage: int) -> tuple[str, int]:
    """A convolution with steps, as a product with the tokens under the kernel."""
    names = ("patch_size", "patch_stride", "patch_padding")
    kernel, stride, padding = (int(vision[name][stage]) for name in names)
    before, after = int(vision["embed_dim"][stage - 1]), side
    if vision["patch_prenorm"][stage]:
        rows = graph.norm(rows, layer.norm("norm", _EPS))
    places, after = _under_kernel(side, kernel, stride, padding)
    taken = graph.reshape(gather(graph, rows, side * side, before, places), -1, kernel * kernel * before)
    weight = layer["conv.weight"].transpose(0, 2, 3, 1).reshape(int(vision["embed_dim"][stage]), -1)
    rows = graph.linear(taken, Linear(f"convs.{stage}", weight, layer["conv.bias"]))
    return rows if vision["patch_prenorm"][stage] else graph.norm(rows, layer.norm("norm", _EPS)), after


def _under_kernel(side: int, kernel: int, stride: int, padding: int) -> tuple[Ints, int]:
    """The tokens under a kernel at each of its places, one place after another, and the side of the new grid."""
    grid = np.full((side + 2 * padding,) * 2, side * side, np.int64)
    grid[padding : padding + side, padding : padding + side] = np.arange(side * side).reshape(side, side)
    windows = np.lib.stride_tricks.sliding_window_view(grid, (kernel, kernel))[::stride, ::stride]
    return np.ascontiguousarray(windows).reshape(-1), windows.shape[0]


def _half(graph: Graph, rows: str, side: int, width: int, layer: Weights, vision: Config, stage: int, mix: _Mix) -> str:
    """Half of a block: attention and a perceptron, each after a convolution of every channel by itself."""
    rows = _depthwise(graph, rows, side, width, layer, "conv1")
    mixed = mix(graph, graph.norm(rows, layer.norm("norm1", _EPS)), side, width, layer, vision, stage)
    rows = _depthwise(graph, graph.op("Add", rows, mixed), side, width, layer, "conv2")
    hidden = graph.linear(graph.norm(rows, layer.norm("norm2", _EPS)), layer.linear("ffn.fc1"))
    hidden = graph.activation(hidden, activation_of(vision, "activation_function", "gelu"))
    return graph.op("Add", rows, graph.linear(hidden, layer.linear("ffn.fc2")))


def _depthwise(graph: Graph, rows: str, side: int, width: int, layer: Weights, name: str) -> str:
    planes = graph.op("Transpose", graph.reshape(rows, -1, side, side, width), perm=[0, 3, 1, 2])
    kernel = graph.table(f"{layer.prefix}{name}.weight", layer[f"{name}.weight"])
    bias = graph.vector(f"{layer.prefix}{name}.bias", layer[f"{name}.bias"])
    seen = graph.op("Conv", planes, kernel, bias, group=width, pads=[1] * 4)
    return graph.op("Add", rows, graph.reshape(graph.op("Transpose", seen, perm=[0, 2, 3, 1]), -1, width))


def _windows(graph: Graph, rows: str, side: int, width: int, layer: Weights, vision: Config, stage: int) -> str:
    window = whole(vision, "window_size", 12)
    parts = _qkv(layer.below("window_attn."))
    attention = AttentionLayer(*parts, layer.linear("window_attn.proj"), int(vision["num_heads"][stage]))
    places, back = split(side, window)
    area = window * window
    inside = gather(graph, rows, side * side, width, places)
    mixed = attend(graph, inside, len(places) // area, area, attention)
    return gather(graph, mixed, len(places), width, back)


def _channels(graph: Graph, rows: str, side: int, width: int, layer: Weights, vision: Config, stage: int) -> str:
    """Attention of the channels of a group to one another; their features are the tokens."""
    groups, tokens = int(vision["num_groups"][stage]), side * side

    def split_up(part: Linear, perm: list[int]) -> str:
        return graph.op(
            "Transpose", graph.reshape(graph.linear(rows, part), -1, tokens, groups, width // groups), perm=perm
        )

    query, key, value = _qkv(layer.below("channel_attn."))
    scores = graph.op("MatMul", split_up(query, [0, 2, 3, 1]), split_up(key, [0, 2, 1, 3]))  # (B, groups, c, c)
    shares = graph.op("Softmax", graph.op("Mul", scores, graph.number(tokens**-0.5)), axis=-1)
    mixed = graph.op("MatMul", shares, split_up(value, [0, 2, 3, 1]))  # (B, groups, c, tokens)
    merged = graph.reshape(graph.op("Transpose", mixed, perm=[0, 3, 1, 2]), -1, width)
    return graph.linear(merged, layer.linear("channel_attn.proj"))


def _qkv(layer: Weights) -> tuple[Linear, Linear, Linear]:
    bias = layer.get("qkv.bias", None)
    return split_qkv(layer.prefix + "qkv", layer["qkv.weight"], bias)
