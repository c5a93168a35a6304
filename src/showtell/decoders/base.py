"""The interface of decoders for training, validation and export, and the decorator that registers a class."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import nn

from showtell.errors import refuse_duplicate

Tensors = dict[str, torch.Tensor]


class Decoder(nn.Module):
    """Embeddings and the words so far -> logits of the next word. The first axis of every tensor is the row.

    Its last layer is `output`, and `options` are the options it was built with. A decoder with attention over grid
    cells sets `attends` and has `look`; an exported model also gives that attention.
    """

    attends: ClassVar[bool] = False
    options: Any
    mean: torch.Tensor
    deviation: torch.Tensor
    output: nn.Linear

    def __init__(self, channels: int, *, standardise: bool) -> None:
        """The `channels` of an embedding are standardized after a call of `standardise_by`."""
        super().__init__()
        self._standardises = standardise
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @property
    def device(self) -> torch.device:
        """The device of its weights and inputs."""
        return self.mean.device

    def standardise_by(self, chunks: Iterable[torch.Tensor]) -> None:
        """Compute each channel's mean and deviation from training embeddings, if the options ask for it.

        Arguments:
            chunks: `float32 (n, D)` or `(n, L, D)` each; each cell of a grid counts as an embedding.
        """
        if not self._standardises:
            return
        count, total, squares = 0, torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for chunk in chunks:
            rows = chunk.to(self.device).reshape(-1, len(self.mean)).double()
            count += len(rows)
            total += rows.sum(0)
            squares += rows.square().sum(0)
        self.mean.copy_(total / count)
        if count > 1:
            variance = (squares - total.square() / count).clamp_min(0) / (count - 1)
            self.deviation.copy_(variance.sqrt().clamp_min(1e-3))

    def standard(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Standardize embeddings: channels have mean 0 and deviation 1 over the training pictures."""
        return (embeddings - self.mean) / self.deviation

    def hidden(
        self, embeddings: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Teacher forcing: from embeddings and ids `(B, T)` to features `(B, T, H)`, one per next word.

        There is one embedding for each caption, or one for the same number of adjacent captions each. `lengths` `int64
        (B,)` is how many ids of each caption count, at least 1. A decoder may skip the features of the others. None:
        all count.
        """
        raise NotImplementedError

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """From features `(..., H)` to logits `(..., V)`."""
        logits: torch.Tensor = self.output(hidden)
        return logits

    def start(self, embeddings: torch.Tensor) -> tuple[Tensors, Tensors]:
        """The constants of each picture, and the first state."""
        raise NotImplementedError

    def start_all(self, embeddings: torch.Tensor, captions: int) -> tuple[Tensors, Tensors]:
        """`start` once per picture, with rows repeated for each of the picture's captions, `captions` in all."""
        constants, state = self.start(embeddings)
        return (
            {name: repeated(tensor, captions) for name, tensor in constants.items()},
            {name: repeated(tensor, captions) for name, tensor in state.items()},
        )

    def step(self, tokens: torch.Tensor, constants: Tensors, state: Tensors) -> tuple[torch.Tensor, Tensors]:
        """From the last ids `(N,)`: logits `(N, V)` and the next state."""
        logits, after, _ = self.look(tokens, constants, state)
        return logits, after

    def look(
        self, tokens: torch.Tensor, constants: Tensors, state: Tensors
    ) -> tuple[torch.Tensor, Tensors, torch.Tensor]:
        """Take a step; also return its attention `(N, L)` to the grid's cells: at least 0, with sum 1."""
        raise NotImplementedError


def repeated(tensor: torch.Tensor, rows: int) -> torch.Tensor:
    """Repeat each row equally often, one after another, for `rows` rows in all."""
    times = rows // len(tensor)
    return tensor if times == 1 else tensor.repeat_interleave(times, 0)


class DecoderOptions(Protocol):
    """A frozen dataclass of a decoder's sizes and regularization; every decoder has these fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def dropout(self) -> float:
        """The share of features that is dropped in training."""
        ...

    @property
    def standardise(self) -> bool:
        """Whether channels are shifted and scaled by their mean and deviation over the training pictures."""
        ...


@dataclass(frozen=True, slots=True)
class DecoderKind:
    """A kind of decoder: its name in recipes, a line of help, its options, and its class, which takes the options,
    the shape of an embedding, `(D,)` or `(L, D)`, and the entries of the vocabulary.
    """

    name: str
    help: str
    options: type[DecoderOptions]
    build: Callable[[Any, tuple[int, ...], int], Decoder]


REGISTERED: dict[str, DecoderKind] = {}
"""The kinds of the modules imported so far; `showtell.decoders.registry.decoder_kinds` has all."""

D = TypeVar("D", bound=type[Decoder])


def decoder_kind(name: str, options: type[DecoderOptions], help: str) -> Callable[[D], D]:
    """Register a class of this room as the kind `name`, with a line of help."""

    def register(cls: D) -> D:
        if name in REGISTERED:
            refuse_duplicate(f"the decoder {name!r}", REGISTERED[name].build, cls)
        REGISTERED[name] = DecoderKind(name, help, options, cls)
        return cls

    return register
