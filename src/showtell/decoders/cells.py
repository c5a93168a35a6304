"""A grid of embeddings -> the cells that decoders attend to: fewer channels, with position embeddings."""

import math

import torch
from torch import nn

_BASE = 100.0  # for the longest wavelength: far longer than any grid, while most wavelengths still distinguish cells


class Cells(nn.Module):
    """A linear layer for every cell, plus a position embedding, then layer normalization (Ba et al. 2016,
    arXiv:1607.06450).

    Without positions, a decoder that sums weighted cells would know what it sees, but not where. Position embeddings
    are learned. They start as sines and cosines of a cell's row and column (as in Carion et al. 2020,
    arXiv:2005.12872), so that neighbors are similar from the start.
    """

    def __init__(self, cells: int, channels: int, size: int, dropout: float) -> None:
        """From `(B, cells, channels)` to `(B, cells, size)`."""
        super().__init__()
        self.layer = nn.Linear(channels, size)
        self.places = nn.Parameter(_first_places(cells, size))
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, embeddings: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
        """Embeddings `(B, L, D)` are shifted by `mean (D,)` and scaled by `deviation (D,)` first."""
        kept = self.dropout(torch.ones_like(embeddings[:, :1]))  # a channel is dropped in all cells of a picture
        scale = kept / deviation
        cells = torch.relu(self.layer(torch.addcmul(-mean * scale, embeddings, scale)))
        normalised: torch.Tensor = self.norm(cells + self.places)
        return normalised.type_as(cells)  # under autocast, so that it is not converted at every use


def _first_places(cells: int, size: int) -> torch.Tensor:
    """`(cells, size)`: for a square of cells half of it encodes the row and half the column; otherwise all of it
    encodes the number.
    """
    side = math.isqrt(cells)
    if side * side != cells:
        return sinusoids(torch.arange(cells), size, _BASE)
    half = sinusoids(torch.arange(side), size - size // 2, _BASE), sinusoids(torch.arange(side), size // 2, _BASE)
    rows, columns = half[0].repeat_interleave(side, dim=0), half[1].repeat(side, 1)
    return torch.cat([rows, columns], dim=1)


def sinusoids(places: torch.Tensor, size: int, base: float = 10000.0) -> torch.Tensor:
    """Positions `(...)` as sines and cosines `(..., size)` of wavelengths 2 pi to 2 pi `base` (Vaswani et al. 2017)."""
    rates = torch.exp(torch.arange(0, size, 2, device=places.device) * (-math.log(base) / size))
    angles = places[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., :size]
