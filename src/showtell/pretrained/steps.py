"""A text decoder of a transformer -> `start.onnx` and `step.onnx`, with cached keys and values.

`start.onnx` takes the tower's tokens, `embeddings` `(A, L, D)`, and gives what does not change while a sentence is
written: for every layer the picture's keys, already transposed, `keys.I` `(A, H, d, L)`, and its values `values.I`
`(A, H, L, d)`; and the empty caches `own_keys.I` and `own_values.I` `(A, H, 0, d)`. `step.onnx` takes the last tokens
of N rows, `A` pictures with `N / A` rows each, so that the beams of a picture share its keys and values and attend to
it in one product.

Layers either have a cross-attention (BLIP, GPT-2, BERT, BART), or the picture's tokens stand before the words in the
same attention (GIT: `prefix`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from showtell.pretrained.graph import Graph, Precision
from showtell.pretrained.modules import AttentionLayer, Block, TextDecoder
from showtell.pretrained.towers import attend

Prepare = Callable[[Graph, str], tuple[str, int]]
"""What happens to the tower's tokens before the decoder: rows `(A * L, D)` in, rows out, and the new L."""


@dataclass(frozen=True, slots=True)
class StepGraphs:
    """The serialized graphs by file name with the weights that each takes, and the weights by name."""

    graphs: dict[str, tuple[bytes, list[str]]]
    weights: dict[str, Any]


def step_graphs(
    decoder: TextDecoder, shape: tuple[int, int], precision: Precision, *, prepare: Prepare | None, prefix: bool
) -> StepGraphs:
    """Build the graphs of a decoder.

    Arguments:
        decoder: its layers and tables.
        shape: `(L, D)` of the tower's tokens.
        precision: how matrices are stored.
        prepare: what comes between the tower and the decoder.
        prefix: whether the picture's tokens stand before the words.
    """
    start, step = Graph(precision, external=True), Graph(precision, external=True)
    models = {"start.onnx": _start(start, decoder, shape, prepare, prefix), "step.onnx": _step(step, decoder, prefix)}
    graphs = {
        name: (model.SerializeToString(deterministic=True), sorted(graph.weights))
        for (name, model), graph in zip(models.items(), (start, step), strict=True)
    }
    return StepGraphs(graphs, {**start.weights, **step.weights})


def _start(graph: Graph, decoder: TextDecoder, shape: tuple[int, int], prepare: Prepare | None, prefix: bool) -> Any:
    length = shape[0]
    rows = graph.reshape("embeddings", -1, shape[1])
    if prepare is not None:
        rows, length = prepare(graph, rows)
    outputs, batch = [], graph.op("Shape", "embeddings", start=0, end=1)
    for i, block in enumerate(decoder.stack.blocks):
        attention = block.attention if prefix else _cross(block)
        heads, size = attention.heads, attention.head_size
        keys = _by_heads(graph, graph.linear(rows, attention.key), length, attention, [0, 2, 3, 1])
        values = _by_heads(graph, graph.linear(rows, attention.value), length, attention, [0, 2, 1, 3])
        empty_shape = graph.op("Concat", batch, graph.const([heads, 0, size]), axis=0)
        empty = graph.op("Expand", graph.number(0), empty_shape)
        outputs += [(f"keys.{i}", "float", keys), (f"values.{i}", "float", values)]
        outputs += [(f"own_keys.{i}", "float", empty), (f"own_values.{i}", "float", empty)]
        if prefix and i + 1 < len(decoder.stack.blocks):
            rows = _prefix_layer(graph, rows, length, block, decoder)
    return graph.finish([("embeddings", "float", ["A", *shape])], outputs)


def _prefix_layer(graph: Graph, rows: str, length: int, block: Block, decoder: TextDecoder) -> str:
    """One layer for the picture's own tokens, which see only one another; norms come after the sums."""
    mixed = attend(graph, rows, length, block.attention)
    rows = graph.norm(graph.op("Add", rows, mixed), block.attention_norm)
    hidden = graph.activation(graph.linear(rows, block.up), decoder.stack.activation)
    return graph.norm(graph.op("Add", rows, graph.linear(hidden, block.down)), block.mlp_norm)


def _by_heads(graph: Graph, rows: str, length: int, attention: AttentionLayer, perm: list[int]) -> str:
    split = graph.reshape(rows, -1, length, attention.heads, attention.head_size)
    return graph.op("Transpose", split, perm=perm)


def _cross(block: Block) -> AttentionLayer:
    assert block.cross is not None
    return block.cross


class _StepGraph:
    """The nodes of one step."""

    def __init__(self, graph: Graph, decoder: TextDecoder, prefix: bool) -> None:
        self.graph, self.decoder, self.prefix = graph, decoder, prefix
        self.pictures = graph.op("Shape", "keys.0", start=0, end=1)
        self.outputs: list[tuple[str, str, str]] = []
        self.looks: list[str] = []

    def embedded(self) -> str:
        """The last tokens with their places: `(N, D)`."""
        graph, decoder = self.graph, self.decoder
        words = graph.rows_of("tokens", *_table(decoder))
        place = graph.op("Shape", "own_keys.0", start=2, end=3)
        rows = graph.op("Add", words, graph.op("Gather", graph.table("positions", decoder.positions), place))
        return rows if decoder.embedding_norm is None else graph.norm(rows, decoder.embedding_norm)

    def layer(self, i: int, rows: str) -> str:
        """Layer `i` on rows `(N, D)`."""
        graph, block, stack = self.graph, self.decoder.stack.blocks[i], self.decoder.stack
        parts = [(self._own, block.attention_norm)]
        if not self.prefix:
            assert block.cross_norm is not None
            parts.append((self._look, block.cross_norm))
        for part, norm in (*parts, (self._mlp, block.mlp_norm)):
            if stack.pre_norm:
                rows = graph.op("Add", rows, part(i, block, graph.norm(rows, norm)))
            else:
                rows = graph.norm(graph.op("Add", rows, part(i, block, rows)), norm)
        return rows

    def _mlp(self, i: int, block: Block, rows: str) -> str:
        hidden = self.graph.activation(self.graph.linear(rows, block.up), self.decoder.stack.activation)
        return self.graph.linear(hidden, block.down)

    def _own(self, i: int, block: Block, rows: str) -> str:
        """Attention to the words so far, and to the prefix if there is one."""
        graph, attention = self.graph, block.attention
        query = self._scaled_query(rows, attention)
        own = []
        for name, part in (("own_keys", attention.key), ("own_values", attention.value)):
            now = graph.reshape(graph.linear(rows, part), -1, attention.heads, 1, attention.head_size)
            own.append(graph.op("Concat", f"{name}.{i}", now, axis=2))
            self.outputs.append((f"{name}.{i}_next", "float", own[-1]))
        keys, values = own
        alone = graph.reshape(query, -1, attention.heads, 1, attention.head_size)
        scores = graph.op("MatMul", alone, graph.op("Transpose", keys, perm=[0, 1, 3, 2]))  # (N, H, 1, t)
        if not self.prefix:
            mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), values)
            return self._merged(mixed, attention)
        before = self._per_row(graph.op("MatMul", self._per_picture(query, attention), f"keys.{i}"), attention)
        both = graph.op("Softmax", graph.op("Concat", before, scores, axis=-1), axis=-1)
        length = graph.op("Shape", before, start=3, end=4)
        end, last = graph.const([1 << 30]), graph.const([-1])
        of_picture = graph.op("Slice", both, graph.const([0]), length, last)
        of_words = graph.op("Slice", both, length, end, last)
        flat = graph.op("Squeeze", of_picture, graph.const([2]))  # (N, H, L)
        self.looks.append(graph.op("ReduceMean", flat, graph.const([1]), keepdims=0))
        grouped = self._per_picture(flat, attention, last=graph.op("Shape", flat, start=2, end=3))
        seen = self._per_row(graph.op("MatMul", grouped, f"values.{i}"), attention)
        return self._merged(graph.op("Add", seen, graph.op("MatMul", of_words, values)), attention)

    def _look(self, i: int, block: Block, rows: str) -> str:
        """Attention to the picture: all rows of a picture in one product."""
        graph, attention = self.graph, _cross(block)
        query = self._per_picture(self._scaled_query(rows, attention), attention)
        shares = graph.op("Softmax", graph.op("MatMul", query, f"keys.{i}"), axis=-1)  # (A, H, K, L)
        mean = graph.op("ReduceMean", shares, graph.const([1]), keepdims=0)  # (A, K, L)
        length = graph.op("Shape", mean, start=2, end=3)
        flat = graph.op("Concat", graph.const([-1]), length, axis=0)
        self.looks.append(graph.op("Reshape", mean, flat))
        mixed = graph.op("Transpose", graph.op("MatMul", shares, f"values.{i}"), perm=[0, 2, 1, 3])
        width = attention.heads * attention.head_size
        return graph.linear(graph.reshape(mixed, -1, width), attention.out)

    def _scaled_query(self, rows: str, attention: AttentionLayer) -> str:
        query = self.graph.linear(rows, attention.query)
        return self.graph.op("Mul", query, self.graph.number(attention.head_size**-0.5))

    def _per_picture(self, rows: str, attention: AttentionLayer, last: str = "") -> str:
        """Rows `(N, H * d)` as `(A, H, K, d)`."""
        graph = self.graph
        tail = [graph.const([-1, attention.heads]), last or graph.const([attention.head_size])]
        shape = graph.op("Concat", self.pictures, *tail, axis=0)
        return graph.op("Transpose", graph.op("Reshape", rows, shape), perm=[0, 2, 1, 3])

    def _per_row(self, grouped: str, attention: AttentionLayer) -> str:
        """`(A, H, K, n)` as `(N, H, 1, n)`."""
        graph = self.graph
        turned = graph.op("Transpose", grouped, perm=[0, 2, 1, 3])
        size = graph.op("Shape", turned, start=3, end=4)
        return graph.op("Reshape", turned, graph.op("Concat", graph.const([-1, attention.heads, 1]), size, axis=0))

    def _merged(self, mixed: str, attention: AttentionLayer) -> str:
        width = attention.heads * attention.head_size
        return self.graph.linear(self.graph.reshape(mixed, -1, width), attention.out)

    def logits(self, rows: str) -> str:
        """The head: `(N, V)`."""
        graph, decoder = self.graph, self.decoder
        if decoder.stack.final_norm is not None:
            rows = graph.norm(rows, decoder.stack.final_norm)
        if decoder.transform is not None:
            layer, activation, norm = decoder.transform
            rows = graph.norm(graph.activation(graph.linear(rows, layer), activation), norm)
        name = _table(decoder)[0] if decoder.tied else f"{decoder.head.name}.weight"
        logits = graph.product(rows, name, decoder.head.weight)
        if decoder.head.bias is None:
            return logits
        return graph.op("Add", logits, graph.vector(f"{decoder.head.name}.bias", decoder.head.bias))

    def attention(self, visible: tuple[int, int]) -> str:
        """Where the layers look on average, over the cells of the grid alone: `(N, cells)`."""
        graph, (first, count) = self.graph, visible
        total = graph.op("Sum", *self.looks)
        cells = graph.op("Slice", total, graph.const([first]), graph.const([first + count]), graph.const([1]))
        return graph.op("Div", cells, graph.op("ReduceSum", cells, graph.const([1]), keepdims=1))


def _table(decoder: TextDecoder) -> tuple[str, Any]:
    return "words", decoder.words


def _step(graph: Graph, decoder: TextDecoder, prefix: bool) -> Any:
    step = _StepGraph(graph, decoder, prefix)
    rows = step.embedded()
    inputs: list[tuple[str, str, list[int | str]]] = [("tokens", "int64", ["N"])]
    for i, block in enumerate(decoder.stack.blocks):
        attention = block.attention if prefix else _cross(block)
        heads, size = attention.heads, attention.head_size
        inputs += [(f"keys.{i}", "float", ["A", heads, size, "L"]), (f"values.{i}", "float", ["A", heads, "L", size])]
        own: list[int | str] = ["N", block.attention.heads, "T", block.attention.head_size]
        inputs += [(f"own_keys.{i}", "float", own), (f"own_values.{i}", "float", own)]
        rows = step.layer(i, rows)
    outputs = [("logits", "float", step.logits(rows)), *step.outputs]
    if decoder.visible is not None:
        outputs.append(("attention", "float", step.attention(decoder.visible)))
    return graph.finish(inputs, outputs)
