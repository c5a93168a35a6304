"""Vision transformers as ONNX nodes: pictures -> tokens.

`patches` and `encode` are shared by ViT (Dosovitskiy et al. 2021), DeiT, the towers of BLIP and of CLIP, and the prefix
of GIT; each family says which tensors they take.
"""

import numpy as np

from showtell.pretrained.graph import Array, Graph
from showtell.pretrained.modules import AttentionLayer, Linear, Stack


def patches(graph: Graph, picture: str, size: int, projection: Linear) -> str:
    """Project the patches of pictures `(B, 3, S, S)`: rows `(B * L, D)`, picture by picture in row order.

    Arguments:
        graph: the graph.
        picture: the input.
        size: the side of the picture in pixels, S.
        projection: its weight is the kernel of a convolution whose stride is its size, `(D, 3, P, P)`.
    """
    patch = projection.weight.shape[2]
    side = size // patch
    if side * patch != size:  # a convolution leaves the rest out
        starts, ends = graph.const([0, 0]), graph.const([side * patch] * 2)
        picture = graph.op("Slice", picture, starts, ends, graph.const([2, 3]))
    split = graph.reshape(picture, -1, 3, side, patch, side, patch)
    rows = graph.reshape(graph.op("Transpose", split, perm=[0, 2, 4, 1, 3, 5]), -1, 3 * patch * patch)
    flat = Linear(projection.name, projection.weight.reshape(len(projection.weight), -1), projection.bias)
    return graph.linear(rows, flat)


def with_tokens(graph: Graph, rows: str, cells: int, first: Array, positions: Array) -> str:
    """Put learned tokens before the patches of every picture, and add the embeddings of positions: `(B * L, D)`.

    Arguments:
        graph: the graph.
        rows: `(B * cells, D)`.
        cells: patches of a picture.
        first: learned tokens `(n, D)`.
        positions: `(n + cells, D)`.
    """
    width, count = positions.shape[1], len(first)
    # What the learned tokens are with their positions does not depend on the picture.
    learned = graph.table("tokens.first", (first + positions[:count])[None])
    grid = graph.op(
        "Add", graph.reshape(rows, -1, cells, width), graph.table("tokens.positions", positions[None, count:])
    )
    batch = graph.op("Shape", grid, start=0, end=1)
    shape = graph.op("Concat", batch, graph.const([count, width]), axis=0)
    joined = graph.op("Concat", graph.op("Expand", learned, shape), grid, axis=1)
    return graph.reshape(joined, -1, width)


def attend(graph: Graph, rows: str, length: int, attention: AttentionLayer) -> str:
    """Attention of the tokens of each picture to one another, rows `(B * length, D)` to the same."""
    width = len(attention.query.weight)
    parts = [
        graph.reshape(graph.linear(rows, part), -1, length, width)
        for part in (attention.query, attention.key, attention.value)
    ]
    mixed = graph.op("MultiHeadAttention", *parts, num_heads=attention.heads)
    return graph.linear(graph.reshape(mixed, -1, width), attention.out)


def encode(graph: Graph, rows: str, length: int, stack: Stack) -> str:
    """Run the layers of a transformer in which all tokens see one another, rows `(B * length, D)` to the same."""
    for block in stack.blocks:
        if stack.pre_norm:
            mixed = attend(graph, graph.norm(rows, block.attention_norm), length, block.attention)
            rows = graph.op("Add", rows, mixed)
            hidden = graph.activation(graph.linear(graph.norm(rows, block.mlp_norm), block.up), stack.activation)
            rows = graph.op("Add", rows, graph.linear(hidden, block.down))
        else:
            mixed = attend(graph, rows, length, block.attention)
            rows = graph.norm(graph.op("Add", rows, mixed), block.attention_norm)
            hidden = graph.activation(graph.linear(rows, block.up), stack.activation)
            rows = graph.norm(graph.op("Add", rows, graph.linear(hidden, block.down)), block.mlp_norm)
    return rows if stack.final_norm is None else graph.norm(rows, stack.final_norm)


def split_qkv(name: str, weight: Array, bias: Array | None) -> tuple[Linear, Linear, Linear]:
    """One layer of queries, keys and values `(3 D, in)` as three."""
    weights = np.split(weight, 3)
    biases = np.split(bias, 3) if bias is not None else [None] * 3
    query, key, value = (
        Linear(f"{name}.{part}", w, b) for part, w, b in zip(("query", "key", "value"), weights, biases, strict=True)
    )
    return query, key, value
