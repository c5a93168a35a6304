"""A small transformer decoder (Vaswani et al. 2017, arXiv:1706.03762) over the cells of a grid.

Layers normalize before each part, not after it (Xiong et al. 2020, arXiv:2002.04745), which trains without a long
warm-up. Training processes all words of a caption at once. Captioning writes one word at a time: the state has the keys
and values of the words so far, and the constants have those of the cells, which never change.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import nn

from showtell.decoders.base import Decoder, Tensors, decoder_kind
from showtell.decoders.cells import Cells, sinusoids
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class TransformerOptions:
    """Sizes and regularization.

    `hidden` is the width of words and layers, which is divided among `heads`. `feed_forward` is the inner size of a
    layer's feed-forward part. `tie_words` uses the word embedding as output weights. `standardise` shifts and scales
    each channel of the grid by its mean and deviation over the training pictures.
    """

    hidden: int = 512
    layers: int = 2
    heads: int = 8
    feed_forward: int = 1024
    dropout: float = 0.3
    tie_words: bool = True
    standardise: bool = True

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.heads, self.feed_forward) < 1:
            raise InputError("the sizes of a decoder's layers, and the numbers of layers and heads, must be positive")
        if self.hidden % self.heads or self.hidden % 2:
            raise InputError(f"hidden = {self.hidden} must be even, and {self.heads} heads must divide it")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), not {self.dropout:g}")


@decoder_kind(
    "transformer",
    TransformerOptions,
    "layers that attend to the words so far and to the picture, with the keys and values of both stored while a "
    "sentence is written (Vaswani et al. 2017, arXiv:1706.03762)",
)
class Transformer(Decoder):
    """Self-attention to the words so far and cross-attention to `(B, L, D)` grids; see the module's docstring.

    Keys and values of all layers are in one tensor, `(N, 2 layers, rows, H)`: keys of the first layer, its values, keys
    of the second, and so on. The state `past` grows by one row per word.
    """

    attends: ClassVar[bool] = True

    def __init__(self, options: TransformerOptions, embedding_shape: tuple[int, ...], vocabulary_size: int) -> None:
        if len(embedding_shape) != 2:
            raise InputError('the transformer decoder takes grids: set [encoder] output = "grid"')
        super().__init__(embedding_shape[1], standardise=options.standardise)
        self.options = options
        self.cells = Cells(*embedding_shape, options.hidden, options.dropout)
        self.words = nn.Embedding(vocabulary_size, options.hidden)
        self.layers = nn.ModuleList(_TransformerLayer(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.output = nn.Linear(options.hidden, vocabulary_size)
        nn.init.normal_(self.words.weight, std=options.hidden**-0.5)
        if options.tie_words:
            self.output.weight = self.words.weight

    def hidden(
        self, embeddings: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Teacher forcing: `(B, L, D)` and ids `(B, T)` to features `(B, T, H)`."""
        constants, state = self.start_all(embeddings, len(tokens))
        features, _, _ = self._advance(tokens, constants, state)
        return features

    def start(self, embeddings: torch.Tensor) -> tuple[Tensors, Tensors]:
        """Grids `(N, L, D)` to the constant `seen (N, 2 layers, L, H)` and the state: no `past`, at `position` 0."""
        cells = self.cells(embeddings, self.mean, self.deviation)
        layers = cast("Iterable[_TransformerLayer]", self.layers)
        seen = torch.stack([part for layer in layers for part in layer.remember(cells)], dim=1)
        rows = embeddings.shape[0]  # len() would be exported as a constant
        past = embeddings.new_zeros(rows, seen.shape[1], 0, self.options.hidden)
        return {"seen": seen}, {"past": past, "position": embeddings.new_zeros(rows)}

    def look(
        self, tokens: torch.Tensor, constants: Tensors, state: Tensors
    ) -> tuple[torch.Tensor, Tensors, torch.Tensor]:
        """The last ids `(N,)` to logits `(N, V)`, the next state, and the last layer's attention to cells `(N, L)`."""
        features, after, attention = self._advance(tokens[:, None], constants, state)
        return self.logits(features[:, 0]), after, attention[:, :, 0].mean(1)

    def _advance(
        self, tokens: torch.Tensor, constants: Tensors, state: Tensors
    ) -> tuple[torch.Tensor, Tensors, torch.Tensor]:
        """Read ids `(N, T)` after those of the state: features `(N, T, H)`, state, and attention `(N, heads, T, L)`."""
        places = state["position"][:, None] + torch.arange(tokens.shape[1], device=tokens.device)
        # Scaled so that a word weighs as much as its position, although the output layer shares its embedding.
        features = self.words(tokens) * math.sqrt(self.options.hidden)
        features = self.dropout(features + sinusoids(places, self.options.hidden))
        past, attention = [], features
        for i, layer in enumerate(self.layers):
            span = slice(2 * i, 2 * i + 2)
            features, kept, attention = layer(features, state["past"][:, span], constants["seen"][:, span])
            past.append(kept)
        after = {"past": torch.cat(past, dim=1), "position": state["position"] + tokens.shape[1]}
        return self.norm(features), after, attention


class _TransformerLayer(nn.Module):
    """Self-attention, cross-attention and a feed-forward part, each with a residual connection."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        size = options.hidden
        self.heads = options.heads
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.of_words = nn.Linear(size, 3 * size)
        self.from_words = nn.Linear(size, size)
        self.question = nn.Linear(size, size)
        self.keys_of_cells = nn.Linear(size, 2 * size)
        self.from_cells = nn.Linear(size, size)
        self.feed_forward = nn.Sequential(
            nn.Linear(size, options.feed_forward),
            nn.ReLU(),
            nn.Dropout(options.dropout),
            nn.Linear(options.feed_forward, size),
        )
        self.dropout = nn.Dropout(options.dropout)

    def remember(self, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of cells `(N, L, H)`, each of the same shape."""
        keys, values = self.keys_of_cells(cells).chunk(2, dim=2)
        return keys, values

    def forward(
        self, features: torch.Tensor, past: torch.Tensor, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features `(N, T, H)` to features, keys and values of all words so far, and attention `(N, heads, T, L)`."""
        questions, keys, values = self.of_words(self.norms[0](features)).chunk(3, dim=2)
        past = torch.cat([past.type_as(keys), torch.stack([keys, values], dim=1)], dim=2)
        found, _ = self._attend(questions, past, causal=features.shape[1] > 1)
        features = features + self.dropout(self.from_words(found))
        found, attention = self._attend(self.question(self.norms[1](features)), seen, causal=False)
        features = features + self.dropout(self.from_cells(found))
        features = features + self.dropout(self.feed_forward(self.norms[2](features)))
        return features, past, attention

    def _attend(
        self, questions: torch.Tensor, known: torch.Tensor, *, causal: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention of queries `(N, T, H)` to keys and values `(N, 2, rows, H)`; if `causal`, no query sees a later
        row.
        """
        asked, keys, values = (self._split(part) for part in (questions, known[:, 0], known[:, 1]))
        scores = asked @ keys.transpose(2, 3) * asked.shape[3] ** -0.5
        if causal:
            later = torch.ones(scores.shape[2:], dtype=torch.bool, device=scores.device).triu(
                1 + scores.shape[3] - scores.shape[2]
            )
            scores = scores.masked_fill(later, -math.inf)
        attention = torch.softmax(scores, dim=3)
        return (attention @ values).transpose(1, 2).flatten(2), attention

    def _split(self, part: torch.Tensor) -> torch.Tensor:
        """`(N, rows, H)` to `(N, heads, rows, H / heads)`."""
        return part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2)
