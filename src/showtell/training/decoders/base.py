"""What training, validation and export ask of every decoder."""

import torch
from torch import nn

Tensors = dict[str, torch.Tensor]


class Decoder(nn.Module):
    """Embeddings and the words so far -> logits of the next word. The first axis of every tensor is the row."""

    def standardise_by(self, embeddings: torch.Tensor) -> None:
        """Take what the decoder needs to know of its inputs from training embeddings `(N, D)` or `(N, L, D)`."""

    def hidden(self, embeddings: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Teacher forcing: from embeddings and ids `(B, T)` to features `(B, T, H)`, one per next word."""
        raise NotImplementedError

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """From features `(..., H)` to logits `(..., V)`."""
        raise NotImplementedError

    def start(self, embeddings: torch.Tensor) -> tuple[Tensors, Tensors]:
        """What stays the same for a picture, and the first state."""
        raise NotImplementedError

    def step(self, tokens: torch.Tensor, constants: Tensors, state: Tensors) -> tuple[torch.Tensor, Tensors]:
        """From the last ids `(N,)`: logits `(N, V)` and the next state."""
        raise NotImplementedError
