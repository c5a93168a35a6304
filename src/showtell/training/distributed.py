"""The workers of a run: one process, or a group of several that each take a shard of the rows of every batch.

All workers hold the same weights and take the same steps. What each computes from its rows, gradients included, is
summed over the group, so that a step equals one worker's step on the whole batch, but for rounding. Only the main
worker writes, validates and exports; a single worker is the main one, and communicates with nobody.

Gradients are added here and not by `torch.nn.parallel.DistributedDataParallel`, which would average them over workers:
a loss is a mean over words, of which one worker's rows have more than another's, and a worker may have no row at all of
an epoch's last batch. Decoders are also called by `hidden`, `logits`, `start` and `step`, not by the one `forward` that
it wraps.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """This process as number `rank` of `size`; where there are several, the default process group of PyTorch has them.

    What they exchange lies on `device`: the processor for gloo, each worker's own accelerator for NCCL.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_main(self) -> bool:
        """Whether this worker is the one that writes, validates and exports."""
        return self.rank == 0

    def shard(self, rows: int) -> "BatchShard":
        """This worker's shard of a batch of `rows`: every `size`th of them."""
        if self.rank < rows:
            return BatchShard(self, rows, slice(self.rank, None, self.size))
        return BatchShard(self, rows, slice(0, 1), counts=False)

    def all_reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over the group into each tensor; all are of one type, and are sent as one."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().reshape(-1).to(self.device) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))

    def broadcast(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy the main worker's values into everybody's tensors."""
        if self.size == 1:
            return
        for tensor in tensors:
            sent = tensor.detach().to(self.device).contiguous()
            distributed.broadcast(sent, 0)
            tensor.detach().copy_(sent)

    def broadcast_object(self, value: Any) -> Any:
        """Send the main worker's `value`, of JSON's kinds, to the others, which wait for it; their own is ignored."""
        if self.size == 1:
            return value
        text = json.dumps(value).encode() if self.is_main else b""
        length = torch.tensor([len(text)], device=self.device)
        distributed.broadcast(length, 0)
        sent = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.is_main:
            sent.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        distributed.broadcast(sent, 0)
        return value if self.is_main else json.loads(bytes(sent.cpu().numpy()))


SINGLE_WORKER = WorkerGroup()


@dataclass(frozen=True, slots=True)
class BatchShard:
    """One worker's shard of a batch of `of` rows: those of the slice `rows`.

    There is always one at least, so that all workers do the same exchanges in the same order: where a batch has fewer
    rows than the group has workers, those left over compute its first row, which then does not count.
    """

    group: WorkerGroup
    of: int
    rows: slice
    counts: bool = True

    def __len__(self) -> int:
        return len(range(self.of)[self.rows])

    def share_of_mean(self, mean: torch.Tensor, count: int) -> torch.Tensor:
        """This worker's share of the mean over the whole batch; summed over the group, the mean, gradient included.

        Arguments:
            mean: a scalar, over `count` words or captions of this worker's rows.
            count: how many they are.
        """
        if self.group.size == 1:
            return mean
        own = count if self.counts else 0
        return mean * (own / self.totals([own])[0])

    def totals(self, figures: Sequence[float]) -> list[float]:
        """The sums over the group of what each worker counted in its rows."""
        if self.group.size == 1:
            return list(figures)
        totals = torch.tensor(figures, dtype=torch.float64, device=self.group.device) * self.counts
        self.group.all_reduce([totals])
        return [float(total) for total in totals]

    def own_seed(self, seed: int) -> int:
        """A seed for what each worker draws for itself; the main worker's is `seed`."""
        return seed + (self.group.rank << 44)
