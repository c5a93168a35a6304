"""Who does the work of a run: one process, or a team of several that each take a part of the rows of every batch.

All workers of a team hold the same weights and take the same steps. What each finds of its rows, gradients included, is
added up over the team, so that a step comes to what one worker would have made of the whole batch, but for rounding.
The leader alone writes, validates and exports; a team of one is its own leader, and has nobody to exchange with.

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
class Team:
    """This process as number `rank` of `size`; where there are several, the default process group of PyTorch has them.

    What they exchange lies on `device`: the processor for gloo, each worker's own accelerator for NCCL.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this worker is the one that writes, validates and exports."""
        return self.rank == 0

    def part(self, rows: int) -> "Part":
        """This worker's part of a batch of `rows`: every `size`th of them."""
        if self.rank < rows:
            return Part(self, rows, slice(self.rank, None, self.size))
        return Part(self, rows, slice(0, 1), counts=False)

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over the team into each tensor; all are of one type, and are sent as one."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().reshape(-1).to(self.device) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))

    def copy(self, tensors: Iterable[torch.Tensor]) -> None:
        """Put the leader's values into the tensors of all."""
        if self.size == 1:
            return
        for tensor in tensors:
            sent = tensor.detach().to(self.device).contiguous()
            distributed.broadcast(sent, 0)
            tensor.detach().copy_(sent)

    def tell(self, value: Any) -> Any:
        """Send the leader's `value`, of JSON's kinds, to the others, who wait for it; what they give is left out."""
        if self.size == 1:
            return value
        text = json.dumps(value).encode() if self.leads else b""
        length = torch.tensor([len(text)], device=self.device)
        distributed.broadcast(length, 0)
        sent = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.leads:
            sent.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        distributed.broadcast(sent, 0)
        return value if self.leads else json.loads(bytes(sent.cpu().numpy()))


ALONE = Team()


@dataclass(frozen=True, slots=True)
class Part:
    """One worker's part of a batch of `of` rows: those of the slice `rows`.

    There is always one at least, so that all workers do the same exchanges in the same order: where a batch has fewer
    rows than the team has workers, those left over compute its first row, which then does not count.
    """

    team: Team
    of: int
    rows: slice
    counts: bool = True

    def __len__(self) -> int:
        return len(range(self.of)[self.rows])

    def of_mean(self, mean: torch.Tensor, count: int) -> torch.Tensor:
        """What this worker adds to the mean over the whole batch: summed over the team, it and its gradient are that's.

        Arguments:
            mean: a scalar, over `count` words or captions of this worker's rows.
            count: how many they are.
        """
        if self.team.size == 1:
            return mean
        own = count if self.counts else 0
        return mean * (own / self.totals([own])[0])

    def totals(self, figures: Sequence[float]) -> list[float]:
        """The sums over the team of what was counted in the rows of each."""
        if self.team.size == 1:
            return list(figures)
        totals = torch.tensor(figures, dtype=torch.float64, device=self.team.device) * self.counts
        self.team.add_up([totals])
        return [float(total) for total in totals]

    def own_seed(self, seed: int) -> int:
        """A seed for what each worker draws for itself; the leader's is `seed`."""
        return seed + (self.team.rank << 44)
