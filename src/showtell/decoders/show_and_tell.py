"""The Show and Tell decoder (Vinyals et al. 2015, arXiv:1411.4555): an LSTM started from the picture.

The picture's embedding, through an optional bottleneck, becomes the LSTM's first hidden and cell state, as in the
course notebook; `picture = "every_step"` also gives it to the LSTM with every word.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional

from showtell.decoders.base import Decoder, Tensors, decoder_kind, repeated
from showtell.decoders.lstm import Packing, lstm, lstm_step
from showtell.errors import InputError

Activation = Literal["elu", "relu", "tanh", "none"]
_ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh, "none": nn.Identity}


@dataclass(frozen=True, slots=True)
class ShowAndTellOptions:
    """Sizes and regularization.

    `hidden` and `word` are the sizes of the LSTM and the word embedding; `bottleneck` is the size of a layer between
    picture and first state, `projection` of one between LSTM and logits (0: none). `tie_words` uses the word embedding
    as output weights, which needs `projection`, or `hidden` where that is 0, to equal `word`. `standardise` shifts and
    scales each dimension of the embedding by its mean and deviation over the training pictures.
    """

    hidden: int = 512
    word: int = 512
    bottleneck: int = 0
    projection: int = 0
    activation: Activation = "tanh"
    dropout: float = 0.5
    picture: Literal["start", "every_step"] = "start"
    tie_words: bool = False
    standardise: bool = True

    def __post_init__(self) -> None:
        if self.activation not in get_args(Activation):
            raise InputError(f"activation {self.activation!r} is unknown: choose one of {', '.join(_ACTIVATIONS)}")
        if self.picture not in ("start", "every_step"):
            raise InputError(f"picture = {self.picture!r} is unknown: choose start or every_step")
        if min(self.hidden, self.word) < 1 or min(self.bottleneck, self.projection) < 0:
            raise InputError("the sizes of a decoder's layers must be positive (bottleneck and projection may be 0)")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), not {self.dropout:g}")
        if self.tie_words and (self.projection or self.hidden) != self.word:
            raise InputError("tie_words needs the output features and the word embedding to be of one size")


@decoder_kind(
    "show_and_tell",
    ShowAndTellOptions,
    "an LSTM that starts from the picture (Vinyals et al. 2015, arXiv:1411.4555): smallest, fastest",
)
class ShowAndTell(Decoder):
    """An LSTM that is started from one vector per picture; see the module's docstring."""

    def __init__(self, options: ShowAndTellOptions, embedding_shape: tuple[int, ...], vocabulary_size: int) -> None:
        if len(embedding_shape) != 1:
            raise InputError("the show_and_tell decoder takes pooled embeddings: set the encoder's output to pooled")
        (dim,) = embedding_shape
        super().__init__(dim, standardise=options.standardise)
        self.options = options
        activation = _ACTIVATIONS[options.activation]
        first = options.bottleneck or dim
        self.bottleneck = nn.Sequential(nn.Linear(dim, first), activation()) if options.bottleneck else nn.Identity()
        self.initial = nn.Sequential(nn.Linear(first, options.hidden), activation())
        every_step = options.picture == "every_step"
        self.glance = nn.Sequential(nn.Linear(dim, options.word), activation()) if every_step else None
        self.words = nn.Embedding(vocabulary_size, options.word)
        self.lstm = nn.LSTM(options.word * (2 if every_step else 1), options.hidden, batch_first=True)
        self.dropout = nn.Dropout(options.dropout)
        features = options.projection or options.hidden
        self.projection = (
            nn.Sequential(nn.Linear(options.hidden, features), activation()) if options.projection else nn.Identity()
        )
        self.output = nn.Linear(features, vocabulary_size)
        nn.init.normal_(self.words.weight, std=options.word**-0.5 if options.tie_words else 0.1)
        if options.tie_words:
            self.output.weight = self.words.weight

    def hidden(
        self, embeddings: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Teacher forcing: `(B, D)` and ids `(B, T)` to features `(B, T, H)`; zeros beyond `lengths`."""
        first, glance = self._begin(embeddings)
        first = repeated(first, len(tokens))
        of_words, of_glances, of_states, input_bias, state_bias = self._gate_weights()
        if lengths is None:
            lengths = torch.full((len(tokens),), tokens.shape[1])
        packing = Packing.of(lengths, tokens.shape[1], tokens.device)
        # Unrolled by hand: all words go through their weights at once, and the picture's contribution to every step is
        # computed once per caption. nn.LSTM would multiply it again for each word.
        words = self.dropout(self.words(tokens[packing.rows, packing.steps]))
        gates = functional.linear(words, of_words, input_bias + state_bias)
        if glance is not None:
            of_captions = functional.linear(self.dropout(repeated(glance, len(tokens))), of_glances)
            # Not `of_captions[packing.rows]`: several threads would sum its gradients in random order.
            gates = gates + of_captions.index_select(0, packing.rows)
        states = lstm(gates, packing.counts, of_states, first[packing.order], first[packing.order])
        features: torch.Tensor = self.projection(self.dropout(states))
        spread = features.new_zeros(*tokens.shape, features.shape[1])
        return spread.index_put((packing.rows, packing.steps), features)

    def start(self, embeddings: torch.Tensor) -> tuple[Tensors, Tensors]:
        """Embeddings `(N, D)` to constants (`glances (N, 4 H)`, if requested) and the state `h`, `c` of `(N, H)`.

        `glances` are the picture's contribution to the gates at every step.
        """
        first, glance = self._begin(embeddings)
        _, of_glances, *_ = self._gate_weights()
        constants = {} if glance is None else {"glances": functional.linear(glance, of_glances)}
        return constants, {"h": first, "c": first}

    def step(self, tokens: torch.Tensor, constants: Tensors, state: Tensors) -> tuple[torch.Tensor, Tensors]:
        """The last ids `(N,)` to logits `(N, V)` and the next state."""
        of_words, _, of_states, input_bias, state_bias = self._gate_weights()
        gates = functional.linear(self.words(tokens), of_words, input_bias)
        gates = gates + functional.linear(state["h"], of_states, state_bias)
        if "glances" in constants:
            gates = gates + constants["glances"]
        h, c = lstm_step(gates, state["c"])
        return self.logits(self.projection(h)), {"h": h, "c": c}

    def _begin(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The first state `(N, H)` and, if requested, the LSTM's picture input at every word `(N, W)`."""
        standard = self.standard(embeddings)
        first: torch.Tensor = self.initial(self.bottleneck(self.dropout(standard)))
        return first, None if self.glance is None else self.glance(standard)

    def _gate_weights(self) -> tuple[torch.Tensor, ...]:
        """The weights of words, glances and last state in the gates, and the LSTM's two biases."""
        input_weights, state_weights, input_bias, state_bias = self.lstm.all_weights[0]
        size = self.options.word
        return input_weights[:, :size], input_weights[:, size:], state_weights, input_bias, state_bias
