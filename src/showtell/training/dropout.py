"""Dropout with masks that do not depend on the number of workers that share the batch.

Each worker draws the masks of the whole batch, with the seed of a single worker, and takes its own rows. On the
processor they equal, bit for bit, the masks of `torch.nn.Dropout` for the whole batch.
"""

import torch
from torch import nn
from torch.nn import functional

from showtell.decoders.lstm import Packing
from showtell.training.distributed import BatchShard


class DropoutMasks:
    """Replaces dropout in a decoder. Without a shared batch it is ordinary dropout."""

    def __init__(self, decoder: nn.Module) -> None:
        self._shard: BatchShard | None = None
        dropouts = [(name, child) for name, child in decoder.named_modules() if type(child) is nn.Dropout]
        for name, child in dropouts:
            decoder.set_submodule(name, _SharedDropout(child.p, self))

    def share(self, shard: BatchShard, lengths: torch.Tensor | None) -> None:
        """Prepare for a worker's shard of a batch.

        Arguments:
            shard: the shard of the captions.
            lengths: the number of words of each caption of the whole batch, `int64 (B,)`; None if unknown, and then
                every worker draws its own masks.
        """
        self._shard = None if lengths is None else shard
        if lengths is not None:
            packed = Packing.of(lengths, int(lengths.max())).rows
            self._packed, self._words = len(packed), torch.isin(packed, _rows(shard)).nonzero()[:, 0]

    def of(self, given: torch.Tensor, probability: float) -> torch.Tensor | None:
        """The mask to multiply `given` by. Its rows are one for each caption of the shard, or one for each word, as in
        `Packing`. None if no batch is shared.
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
    """Ones with the memory order of `given`, in which random numbers are drawn, but with `rows` rows."""
    order = sorted(range(given.ndim), key=lambda axis: -given.stride()[axis])
    shape = (rows, *given.shape[1:])
    ones = torch.ones([shape[axis] for axis in order], dtype=given.dtype, device=given.device)
    return ones.permute([order.index(axis) for axis in range(given.ndim)])
