"""Attention in windows, for towers that split their grid: which tokens stand in which window, as indices.

All sizes are known when a graph is built. So padding, shifting and splitting a grid, and merging its cells, are each
one list of indices into its tokens, in which a number past the last token stands for a token of zeros.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from showtell.pretrained.graph import Graph
from showtell.pretrained.modules import AttentionLayer

Ints: TypeAlias = npt.NDArray[np.int64]


def split(side: int, window: int, shift: int = 0) -> tuple[Ints, Ints]:
    """Split a square grid into windows, shifted up and left.

    Arguments:
        side: of the grid.
        window: side of a window; the grid is padded at the bottom and right to a multiple of it.
        shift: cells by which the windows' contents move up and left, around the border.

    Returns:
        The token of each place, `(windows * window**2,)`, and the place of each token, `(side**2,)`.
    """
    padded = -(-side // window) * window
    grid = np.full((padded, padded), side * side, np.int64)
    grid[:side, :side] = np.arange(side * side).reshape(side, side)
    grid = np.roll(grid, (-shift, -shift), axis=(0, 1))
    count = padded // window
    places = grid.reshape(count, window, count, window).transpose(0, 2, 1, 3).reshape(-1)
    back = np.empty(side * side + 1, np.int64)
    back[places] = np.arange(len(places))
    return places, back[:-1]


def regions(side: int, window: int, shift: int) -> npt.NDArray[np.float32] | None:
    """What is added to scores so that tokens from opposite borders do not see each other: `(windows, w**2, w**2)`."""
    if not shift:
        return None
    padded = -(-side // window) * window
    edges = np.zeros(padded, np.int64)
    edges[padded - window :], edges[padded - shift :] = 1, 2
    count = padded // window
    grid = 3 * edges[:, None] + edges[None, :]
    labels = grid.reshape(count, window, count, window).transpose(0, 2, 1, 3).reshape(count * count, -1)
    return np.where(labels[:, :, None] == labels[:, None, :], 0.0, -100.0).astype(np.float32)


def gather(graph: Graph, rows: str, length: int, width: int, places: Ints) -> str:
    """Take tokens by index: rows `(B * length, width)` to `(B * len(places), width)`."""
    tokens = graph.reshape(rows, -1, length, width)
    if places.max(initial=0) >= length:
        batch = graph.op("Shape", tokens, start=0, end=1)
        shape = graph.op("Concat", batch, graph.const([1, width]), axis=0)
        tokens = graph.op("Concat", tokens, graph.op("Expand", graph.number(0), shape), axis=1)
    return graph.reshape(graph.op("Gather", tokens, graph.const(places), axis=1), -1, width)


def attend(graph: Graph, rows: str, windows: int, area: int, attention: AttentionLayer, added: str = "") -> str:
    """Attention within each window, for rows `(B * windows * area, D)`.

    `added` is added to the scores `(B, windows, heads, area, area)`.
    """
    heads, size = attention.heads, attention.head_size

    def by_heads(part: str, perm: list[int]) -> str:
        return graph.op("Transpose", graph.reshape(part, -1, windows, area, heads, size), perm=perm)

    query = graph.op("Mul", graph.linear(rows, attention.query), graph.number(size**-0.5))
    keys, values = graph.linear(rows, attention.key), graph.linear(rows, attention.value)
    scores = graph.op("MatMul", by_heads(query, [0, 1, 3, 2, 4]), by_heads(keys, [0, 1, 3, 4, 2]))
    if added:
        scores = graph.op("Add", scores, added)
    mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), by_heads(values, [0, 1, 3, 2, 4]))
    merged = graph.reshape(graph.op("Transpose", mixed, perm=[0, 1, 3, 2, 4]), -1, heads * size)
    return graph.linear(merged, attention.out)
