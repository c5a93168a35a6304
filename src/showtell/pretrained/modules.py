"""The parts of a transformer as plain arrays: what a family reads from a file of weights."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Linear:
    """A fully connected layer: `weight` `(out, in)`, `bias` `(out,)` or None. `name` is its name in graphs."""

    name: str
    weight: Array
    bias: Array | None = None


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalization: `weight` and `bias` `(features,)`."""

    name: str
    weight: Array
    bias: Array
    eps: float


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """Attention with several heads: projections of queries, keys, values, and of the result."""

    query: Linear
    key: Linear
    value: Linear
    out: Linear
    heads: int

    @classmethod
    def of(cls, parts: Iterable[Linear], heads: int) -> "AttentionLayer":
        """From the four projections in that order."""
        query, key, value, out = parts
        return cls(query, key, value, out, heads)

    @property
    def head_size(self) -> int:
        """Features of one head."""
        return len(self.query.weight) // self.heads


@dataclass(frozen=True, slots=True)
class Block:
    """A layer of a transformer. Norms stand before their parts if the transformer is `pre_norm`, and otherwise after
    each sum; `cross` is attention to the picture, in decoders that have it.
    """

    attention: AttentionLayer
    attention_norm: Norm
    up: Linear
    down: Linear
    mlp_norm: Norm
    cross: AttentionLayer | None = None
    cross_norm: Norm | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers of a transformer, with what all share; `final_norm` follows the last layer."""

    blocks: tuple[Block, ...]
    activation: str
    pre_norm: bool
    final_norm: Norm | None = None


@dataclass(frozen=True, slots=True)
class TextDecoder:
    """A transformer that writes the words.

    `words` `(V, D)` embeds the tokens, `positions` `(T, D)` the places, the first of which is used for the first token.
    `head` gives the logits, after `transform` (a layer, the activation, a norm) in models of BERT's kind. `visible`
    says which of the picture's tokens are cells of a square grid: (first, number); None if none are.
    """

    stack: Stack
    words: Array
    positions: Array
    embedding_norm: Norm | None
    head: Linear
    transform: tuple[Linear, str, Norm] | None = None
    visible: tuple[int, int] | None = None

    @property
    def tied(self) -> bool:
        """Whether the head's matrix is the table of words."""
        return self.head.weight is self.words or np.array_equal(self.head.weight, self.words)
