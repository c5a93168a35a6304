"""An LSTM (Hochreiter & Schmidhuber 1997): a single step, and all steps of captions with its own backward pass.

Gates are in PyTorch's order: input, forget, cell, output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from showtell.decoders.autocast import applied


def lstm_step(gates: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The next hidden and cell state, `(B, H)` each.

    Arguments:
        gates: `(B, 4 H)`, weighted inputs and state plus bias.
        c: `(B, H)`, the cell state.
    """
    let_in, keep, new, let_out = gates.chunk(4, dim=1)
    c = torch.sigmoid(keep) * c + torch.sigmoid(let_in) * torch.tanh(new)
    return torch.sigmoid(let_out) * torch.tanh(c), c


@dataclass(frozen=True, slots=True)
class Packing:
    """The N words of captions of different lengths, step after step without gaps.

    `order` `int64 (B,)` sorts the captions by decreasing length, so that those with a word at step t are the first
    `counts[t]`. `rows` and `steps`, `int64 (N,)`, are the caption and the step of each word.
    """

    order: torch.Tensor
    counts: list[int]
    rows: torch.Tensor
    steps: torch.Tensor

    @classmethod
    def of(cls, lengths: torch.Tensor, most: int, device: torch.device | str = "cpu") -> "Packing":
        """The packing of captions with `lengths` `int64 (B,)` words, at most `most` each; for tensors on `device`."""
        lengths = lengths.cpu()  # its counts are needed as numbers
        order = lengths.argsort(descending=True, stable=True)
        there = lengths[order] > torch.arange(most)[:, None]
        steps, places = there.nonzero(as_tuple=True)
        return cls(order.to(device), there.sum(1).tolist(), order[places].to(device), steps.to(device))


def lstm(
    ahead: torch.Tensor, counts: Sequence[int], weights: torch.Tensor, h: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """The hidden states `(N, H)` after each of N words.

    The results equal those of `lstm_step`, in less time. The gradient of the weights is one product over all steps,
    instead of a product and a sum for each. The part of the gates' gradient that does not depend on later steps is
    computed for all steps at once. Finished captions cost nothing. Under autocast everything is computed in autocast's
    type.

    Arguments:
        ahead: `(N, 4 H)`, the contribution of inputs and bias to each word's gates, step after step (see `Packing`).
        counts: number of rows with a word at each step, N in all; it never increases.
        weights: `(4 H, H)`, weights of the hidden state in the gates.
        h: `(B, H)`, the first hidden states.
        c: `(B, H)`, the first cell states.
    """
    states: torch.Tensor = applied(_Steps, [ahead, weights, h, c], counts)
    return states


class _Steps(torch.autograd.Function):
    """Backpropagation through time."""

    @staticmethod
    def forward(
        ctx: Any, ahead: torch.Tensor, weights: torch.Tensor, h: torch.Tensor, c: torch.Tensor, counts: Sequence[int]
    ) -> torch.Tensor:
        size, gates, turned = h.shape[1], torch.empty_like(ahead), weights.t()
        # For each word: the states before it, and those after it.
        before, cells_before, states, cells, squashed = (h.new_empty(len(ahead), size) for _ in range(5))
        for here in _spans(counts):
            count = here.stop - here.start
            before[here], cells_before[here] = h[:count], c[:count]
            weighted = torch.addmm(ahead[here], before[here], turned)
            torch.sigmoid(weighted, out=gates[here])
            let_in, keep, new, let_out = gates[here].chunk(4, dim=1)
            torch.tanh(weighted[:, 2 * size : 3 * size], out=new)
            torch.mul(keep, cells_before[here], out=cells[here]).addcmul_(let_in, new)
            torch.tanh(cells[here], out=squashed[here])
            torch.mul(let_out, squashed[here], out=states[here])
            h, c = states[here], cells[here]
        ctx.save_for_backward(weights, before, cells_before, gates, squashed)
        ctx.counts = counts
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        weights, before, cells_before, gates, squashed = ctx.saved_tensors
        let_in, keep, new, let_out = gates.chunk(4, dim=1)
        of_gates = torch.empty_like(gates)
        of_in, of_keep, of_new, of_out = of_gates.chunk(4, dim=1)
        slopes = (
            new * let_in * (1 - let_in),
            cells_before * keep * (1 - keep),
            let_in * (1 - new.square()),
            squashed * let_out * (1 - let_out),
        )
        into_cell = let_out * (1 - squashed.square())
        of_h, of_c = before.new_zeros(0, before.shape[1]), before.new_zeros(0, before.shape[1])
        for here in reversed(_spans(ctx.counts)):
            of_h = _plus(gradients[0][here], of_h)
            of_c = _plus(of_h * into_cell[here], of_c)
            torch.mul(of_h, slopes[3][here], out=of_out[here])
            for gate, slope in zip((of_in, of_keep, of_new), slopes, strict=False):
                torch.mul(of_c, slope[here], out=gate[here])
            of_h = of_gates[here] @ weights
            of_c = of_c * keep[here]
        return of_gates, of_gates.t() @ before, of_h, of_c, None


def _spans(counts: Sequence[int]) -> list[slice]:
    """The positions of the words of each step."""
    return [slice(end - count, end) for end, count in zip(accumulate(counts), counts, strict=True)]


def _plus(all_rows: torch.Tensor, first_rows: torch.Tensor) -> torch.Tensor:
    """A sum in which the second summand has only the first rows."""
    if len(first_rows) == len(all_rows):
        return all_rows + first_rows
    return torch.cat([all_rows[: len(first_rows)] + first_rows, all_rows[len(first_rows) :]])
