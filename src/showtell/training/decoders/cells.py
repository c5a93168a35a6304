"""A grid of embeddings -> what decoders look at: cells of fewer channels that know their place."""

import torch
from torch import nn


class Cells(nn.Module):
    """A layer that every cell goes through, and a learnt embedding of each cell's place added to what comes out.

    Without the place, a decoder that weights cells and adds them up would know what it sees, but not where.
    """

    def __init__(self, cells: int, channels: int, size: int, dropout: float) -> None:
        """From `(B, cells, channels)` to `(B, cells, size)`."""
        super().__init__()
        self.layer = nn.Linear(channels, size)
        self.places = nn.Parameter(torch.randn(cells, size) * 0.1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embeddings: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """Embeddings `(B, L, D)` are shifted by `mean (D,)` and scaled by `deviation (D,)` first."""
        kept = self.dropout(torch.ones_like(embeddings[:, :1]))  # a channel is dropped in all cells of a picture
        scale = kept / deviation
        cells = torch.relu(self.layer(torch.addcmul(-mean * scale, embeddings, scale)))
        return cells + self.places.type_as(cells)  # of one type, or autocast would convert them at every use
