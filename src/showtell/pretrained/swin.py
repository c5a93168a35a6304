"""Swin (Liu et al. 2021, arXiv:2103.14030): a tower whose tokens see one another in shifted windows."""

from collections.abc import Callable

import numpy as np

from showtell.pretrained.families.base import Config, activation_of, side_of, whole
from showtell.pretrained.graph import Array, Graph
from showtell.pretrained.modules import AttentionLayer, Linear
from showtell.pretrained.towers import patches
from showtell.pretrained.weights import Weights
from showtell.pretrained.windows import Ints, attend, gather, regions, split


def swin(vision: Config, tower: Weights) -> tuple[Callable[[Graph], str], tuple[int, int], int]:
    """The nodes of a tower, its tokens `(L, D)`, and that none of them is no cell."""
    depths, width = list(vision.get("depths", [2, 2, 6, 2])), whole(vision, "embed_dim", 96)
    size, eps = side_of(vision), float(vision.get("layer_norm_eps", 1e-5))
    side = first = size // whole(vision, "patch_size", 4)
    for _ in depths[1:]:
        side = -(-side // 2)

    def build(graph: Graph) -> str:
        rows = patches(graph, "picture", size, tower.linear("embeddings.patch_embeddings.projection"))
        rows = graph.norm(rows, tower.norm("embeddings.norm", 1e-5))
        if "embeddings.position_embeddings" in tower:
            grid = graph.reshape(rows, -1, first * first, width)
            places = graph.table("positions", tower["embeddings.position_embeddings"])
            rows = graph.reshape(graph.op("Add", grid, places), -1, width)
        side, features = first, width
        for stage, depth in enumerate(depths):
            layers = tower.below(f"encoder.layers.{stage}.")
            for i in range(depth):
                rows = _block(graph, rows, side, layers.below(f"blocks.{i}."), vision, stage, shifted=bool(i % 2))
            if stage + 1 < len(depths):
                rows = gather(graph, rows, side * side, features, _quarters(side))
                rows = graph.norm(graph.reshape(rows, -1, 4 * features), layers.norm("downsample.norm", 1e-5))
                rows = graph.linear(rows, layers.linear("downsample.reduction"))
                side, features = -(-side // 2), 2 * features
        return graph.norm(rows, tower.norm("layernorm", eps))

    return build, (side * side, width * 2 ** (len(depths) - 1)), 0


def _block(graph: Graph, rows: str, side: int, layer: Weights, vision: Config, stage: int, *, shifted: bool) -> str:
    eps, heads = float(vision.get("layer_norm_eps", 1e-5)), int(vision.get("num_heads", [3, 6, 12, 24])[stage])
    window = min(side, whole(vision, "window_size", 7))
    shift = window // 2 if shifted and side > window else 0
    area, width = window * window, len(layer["layernorm_before.weight"])
    places, back = split(side, window, shift)
    names = (*(f"attention.self.{part}" for part in ("query", "key", "value")), "attention.output.dense")
    attention = AttentionLayer.of(map(layer.linear, names), heads)
    bias = _position_bias(layer["attention.self.relative_position_bias_table"], window)[None, None]
    added = graph.table(f"{layer.prefix}position_bias", bias)
    if (apart := regions(side, window, shift)) is not None:
        added = graph.op("Add", added, graph.const(apart[None, :, None], np.float32))
    normed = graph.norm(rows, layer.norm("layernorm_before", eps))
    inside = gather(graph, normed, side * side, width, places)
    mixed = attend(graph, inside, len(places) // area, area, attention, added)
    rows = graph.op("Add", rows, gather(graph, mixed, len(places), width, back))
    hidden = graph.linear(graph.norm(rows, layer.norm("layernorm_after", eps)), layer.linear("intermediate.dense"))
    hidden = graph.activation(hidden, activation_of(vision, "hidden_act", "gelu"))
    down: Linear = layer.linear("output.dense")
    return graph.op("Add", rows, graph.linear(hidden, down))


def _position_bias(table: Array, window: int) -> Array:
    """The bias of every pair of places in a window, from its table `((2 w - 1)**2, heads)`: `(heads, w**2, w**2)`."""
    at = np.stack(np.meshgrid(np.arange(window), np.arange(window), indexing="ij")).reshape(2, -1)
    apart = at[:, :, None] - at[:, None, :] + window - 1
    bias: Array = table[apart[0] * (2 * window - 1) + apart[1]].transpose(2, 0, 1)
    return bias


def _quarters(side: int) -> Ints:
    """The four tokens of every cell of the next, half as fine grid: columns first, as the layer was trained."""
    padded = side + side % 2
    grid = np.full((padded, padded), side * side, np.int64)
    grid[:side, :side] = np.arange(side * side).reshape(side, side)
    parts = [grid[row::2, column::2] for column in range(2) for row in range(2)]
    return np.stack(parts, axis=-1).reshape(-1)
