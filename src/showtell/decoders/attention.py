"""An attention decoder in the manner of Up-Down (Anderson et al. 2018, arXiv:1707.07998), over the cells of a grid.

There are two LSTMs. The first reads the last word, the mean of the cells and the second's hidden state, and queries the
cells by additive attention (Bahdanau et al. 2015, arXiv:1409.0473). The second reads the attended cells and predicts
the next word. Unlike the paper's regions, cells of a grid have a position, so each also has a learned position
embedding; without it the decoder knows what it sees but not where.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from showtell.decoders.base import Decoder, Tensors, decoder_kind, repeated
from showtell.decoders.cells import Cells
from showtell.decoders.lstm import lstm_step
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class AttentionOptions:
    """Sizes and regularization.

    `hidden` is the size of both LSTMs, `word` of the word embedding, `cell` of what a cell's channels are brought down
    to, `attention` of the layer that compares cells with the question put to them, `projection` of a layer between the
    second LSTM and the logits (0: none). `tie_words` uses the word embedding as output weights, which needs
    `projection`, or `hidden` where that is 0, to equal `word`. `standardise` shifts and scales each channel by its
    mean and deviation over the training pictures.
    """

    hidden: int = 512
    word: int = 512
    cell: int = 512
    attention: int = 256
    projection: int = 0
    dropout: float = 0.5
    tie_words: bool = True
    standardise: bool = True

    def __post_init__(self) -> None:
        if min(self.hidden, self.word, self.cell, self.attention) < 1 or self.projection < 0:
            raise InputError("the sizes of a decoder's layers must be positive (projection may be 0)")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), not {self.dropout:g}")
        if self.tie_words and (self.projection or self.hidden) != self.word:
            raise InputError("tie_words needs the output features and the word embedding to be of one size")


@decoder_kind(
    "attention",
    AttentionOptions,
    "two LSTMs that attend to another part of the picture for each word (Up-Down, Anderson et al. 2018, "
    "arXiv:1707.07998)",
)
class Attention(Decoder):
    """Two LSTMs with attention to `(B, L, D)` grids between them; see the module's docstring."""

    attends: ClassVar[bool] = True

    def __init__(self, options: AttentionOptions, embedding_shape: tuple[int, ...], vocabulary_size: int) -> None:
        if len(embedding_shape) != 2:
            raise InputError('the attention decoder takes grids: set [encoder] output = "grid"')
        cells, channels = embedding_shape
        super().__init__(channels, standardise=options.standardise)
        self.options = options
        hidden = options.hidden
        self.cells = Cells(cells, channels, options.cell, options.dropout)
        self.keys = nn.Linear(options.cell, options.attention)
        self.question = nn.Linear(hidden, options.attention, bias=False)
        self.energy = nn.Linear(options.attention, 1, bias=False)
        self.words = nn.Embedding(vocabulary_size, options.word)
        # The gates of both LSTMs: of what is known ahead of the steps, and of what is not.
        self.word_gates = nn.Linear(options.word, 4 * hidden)
        self.mean_gates = nn.Linear(options.cell, 4 * hidden, bias=False)
        self.asking_gates = nn.Linear(2 * hidden, 4 * hidden, bias=False)
        self.telling_gates = nn.Linear(options.cell + 2 * hidden, 4 * hidden)
        self.dropout = nn.Dropout(options.dropout)
        features = options.projection or hidden
        self.projection = nn.Sequential(nn.Linear(hidden, features), nn.Tanh()) if options.projection else nn.Identity()
        self.output = nn.Linear(features, vocabulary_size)
        nn.init.normal_(self.words.weight, std=options.word**-0.5 if options.tie_words else 0.1)
        if options.tie_words:
            self.output.weight = self.words.weight

    def hidden(
        self, embeddings: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Teacher forcing: `(B, L, D)` and ids `(B, T)` to features `(B, T, H)`."""
        grid = {name: repeated(tensor, len(tokens)) for name, tensor in self._look_over(embeddings).items()}
        state = self._first_state(grid["mean"])
        # What does not depend on the step before is done for all steps at once.
        ahead = self.word_gates(self.dropout(self.words(tokens)).transpose(0, 1))
        ahead = ahead + self.mean_gates(self.dropout(grid["mean"]))
        outputs = []
        for gates in ahead:
            state, _ = self._advance(gates, grid, state)
            outputs.append(state["told"])
        features: torch.Tensor = self.projection(self.dropout(torch.stack(outputs, dim=1)))
        return features

    def start(self, embeddings: torch.Tensor) -> tuple[Tensors, Tensors]:
        """Grids `(N, L, D)` to constants and states of 0.

        Constants are `cells (N, L, C)`, `keys (N, L, A)`, and `glances (N, 4 H)`, which the mean of the cells adds to
        the first LSTM's gates at every step.
        """
        grid = self._look_over(embeddings)
        glances = self.mean_gates(grid["mean"])
        return {"cells": grid["cells"], "keys": grid["keys"], "glances": glances}, self._first_state(grid["mean"])

    def look(
        self, tokens: torch.Tensor, constants: Tensors, state: Tensors
    ) -> tuple[torch.Tensor, Tensors, torch.Tensor]:
        """The last ids `(N,)` to logits `(N, V)`, the next state, and the attention to the cells `(N, L)`."""
        gates = self.word_gates(self.words(tokens)) + constants["glances"]
        after, attention = self._advance(gates, constants, state)
        return self.logits(self.projection(after["told"])), after, attention

    def _look_over(self, embeddings: torch.Tensor) -> Tensors:
        """Grids `(N, L, D)` to `cells (N, L, C)`, `keys (N, L, A)` and `mean (N, C)`."""
        cells = self.cells(embeddings, self.mean, self.deviation)
        return {"cells": cells, "keys": self.keys(cells), "mean": cells.mean(1)}

    def _first_state(self, like: torch.Tensor) -> Tensors:
        """States of 0, as many as `like` has rows."""
        zeros = like.new_zeros(like.shape[0], self.options.hidden)  # len() would be exported as a constant
        return {"asked": zeros, "asked_cell": zeros, "told": zeros, "told_cell": zeros}

    def _advance(self, gates: torch.Tensor, constants: Tensors, state: Tensors) -> tuple[Tensors, torch.Tensor]:
        """The state after a word, given what word and mean add to the first gates, and the attention `(N, L)`."""
        gates = gates + self.asking_gates(torch.cat([state["told"], state["asked"]], dim=1))
        asked, asked_cell = lstm_step(gates, state["asked_cell"])
        answer, attention = self._ask(asked, constants)
        gates = self.telling_gates(torch.cat([answer, asked, state["told"]], dim=1))
        told, told_cell = lstm_step(gates, state["told_cell"])
        return {"asked": asked, "asked_cell": asked_cell, "told": told, "told_cell": told_cell}, attention

    def _ask(self, asked: torch.Tensor, constants: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        """What the cells answer `(N, C)`, and the attention that it is weighted by `(N, L)`."""
        compared = torch.tanh(constants["keys"] + self.question(asked)[:, None])
        attention = torch.softmax(self.energy(compared).squeeze(2), dim=1)
        return (attention[:, None] @ constants["cells"]).squeeze(1), attention
