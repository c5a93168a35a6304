"""The workers of a run: one process, or several that each take a shard of the rows of every batch.

All workers hold the same weights and take the same steps. The results of their rows, including gradients, are summed
over the group. So a step equals a single worker's step on the whole batch, except for rounding. Only the main worker
writes, validates and exports. A single worker is the main one and does not communicate.

This code adds gradients itself. `torch.nn.parallel.DistributedDataParallel` would average them over workers, which is
wrong here: a loss is a mean over words, workers have different numbers of words, and a worker may have no row in an
epoch's last batch. Also, decoders are called through `hidden`, `logits`, `start` and `step`, but it wraps only
`forward`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """This process as number `rank` of `size`. Several processes form PyTorch's default process group. They exchange
    tensors on `device`: the processor for gloo, each worker's own accelerator for NCCL.
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
        """Replace each tensor by its sum over the group; all have one type and are sent as one."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().reshape(-1).to(self.device) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))

    def broadcast(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy the main worker's values into the tensors of all workers."""
        if self.size == 1:
            return
        for tensor in tensors:
            sent = tensor.detach().to(self.device).contiguous()
            distributed.broadcast(sent, 0)
            tensor.detach().copy_(sent)

    def broadcast_object(self, value: Any) -> Any:
        """Send the main worker's `value`, of JSON types, to the others, which wait for it; their own values are
        ignored.
        """
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
    """One worker's shard of a batch of `of` rows: the slice `rows`.

    A shard has at least one row, so that all workers communicate in the same order. If a batch has fewer rows than
    there are workers, the others compute its first row, which does not count.
    """

    group: WorkerGroup
    of: int
    rows: slice
    counts: bool = True

    def __len__(self) -> int:
        return len(range(self.of)[self.rows])

    def share_of_mean(self, mean: torch.Tensor, count: int) -> torch.Tensor:
        """This worker's share of the mean over the whole batch. The sum over the group is the mean, including its
        gradient.

        Arguments:
            mean: a scalar, the mean over `count` words or captions of this worker's rows.
            count: the number of these words or captions.
        """
        if self.group.size == 1:
            return mean
        own = count if self.counts else 0
        return mean * (own / self.totals([own])[0])

    def totals(self, figures: Sequence[float]) -> list[float]:
        """The sums over the group of figures that each worker counted in its rows."""
        if self.group.size == 1:
            return list(figures)
        totals = torch.tensor(figures, dtype=torch.float64, device=self.group.device) * self.counts
        self.group.all_reduce([totals])
        return [float(total) for total in totals]

    def own_seed(self, seed: int) -> int:
        """A seed for random numbers of each worker; the main worker's is `seed`."""
        return seed + (self.group.rank << 44)
