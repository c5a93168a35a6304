"""Dropout whose mask of a row does not depend on how many workers share the batch.

Each worker draws the masks of the whole batch, from the seed that a single worker would use, and takes its own rows.
On the processor these are bit for bit the masks that `torch.nn.Dropout` has for the whole batch.
"""

import torch
from torch import nn
from torch.nn import functional

from showtell.decoders.lstm import Packing
from showtell.training.distributed import BatchShard


class DropoutMasks:
    """Takes the place of dropout in a decoder. Until a batch is shared, and where none is, it is dropout as ever."""

    def __init__(self, decoder: nn.Module) -> None:
        self._shard: BatchShard | None = None
        dropouts = [(name, child) for name, child in decoder.named_modules() if type(child) is nn.Dropout]
        for name, child in dropouts:
            decoder.set_submodule(name, _SharedDropout(child.p, self))

    def share(self, shard: BatchShard, lengths: torch.Tensor | None) -> None:
        """Prepare for a worker's shard of a batch.

        Arguments:
            shard: of the captions.
            lengths: how many words each caption of the whole batch has, `int64 (B,)`; None where that is not known, and
                every worker has masks of its own.
        """
        self._shard = None if lengths is None else shard
        if lengths is not None:
            packed = Packing.of(lengths, int(lengths.max())).rows
            self._packed, self._words = len(packed), torch.isin(packed, _rows(shard)).nonzero()[:, 0]

    def of(self, given: torch.Tensor, probability: float) -> torch.Tensor | None:
        """What to multiply `given` by: of its rows there is one for each caption of the shard, or one for each word, as
        `Packing` has them. None where nothing is shared.
        """
        if self._shard is None:
            return None
        words = len(given) == len(self._words)
        rows, mine = (self._packed, self._words) if words else (self._shard.of, _rows(self._shard))
        return functional.dropout(_ones_like(given, rows), probability)[mine.to(given.device)]


class _SharedDropout(nn.Module):
    def __init__(self, probability: float, masks: DropoutMasks) -> None:
        super().__init__()
        self.p, self.masks = probability, masks

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        mask = self.masks.of(given, self.p) if self.training else None
        return functional.dropout(given, self.p, self.training) if mask is None else given * mask


def _rows(shard: BatchShard) -> torch.Tensor:
    return torch.arange(shard.of)[shard.rows]


def _ones_like(given: torch.Tensor, rows: int) -> torch.Tensor:
    """Ones that lie in memory in the order that `given` has, in which random numbers are drawn, but of so many rows."""
    order = sorted(range(given.ndim), key=lambda axis: -given.stride()[axis])
    shape = (rows, *given.shape[1:])
    ones = torch.ones([shape[axis] for axis in order], dtype=given.dtype, device=given.device)
    return ones.permute([order.index(axis) for axis in range(given.ndim)])
