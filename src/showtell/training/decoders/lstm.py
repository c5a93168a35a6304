"""An LSTM (Hochreiter & Schmidhuber 1997): one step of it, and all steps of a caption with a backward pass of its own.

Gates stand in PyTorch's order: input, forget, cell, output.
"""

from typing import Any

import torch


def lstm_step(gates: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The next hidden and cell state, `(B, H)` each.

    Arguments:
        gates: `(B, 4 H)`, weighted inputs and state with their bias.
        c: `(B, H)`, the cell state.
    """
    let_in, keep, new, let_out = gates.chunk(4, dim=1)
    c = torch.sigmoid(keep) * c + torch.sigmoid(let_in) * torch.tanh(new)
    return torch.sigmoid(let_out) * torch.tanh(c), c


def lstm(ahead: torch.Tensor, weights: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """The hidden states `(T, B, H)` after each of T steps.

    As T calls of `lstm_step` give them, in less time: the weights' gradient is one product over all steps instead of a
    product and a sum for each, and what of the gates' gradient does not depend on later steps is computed for all
    steps at once. Under autocast all of it is computed in autocast's type.

    Arguments:
        ahead: `(T, B, 4 H)`, what the inputs and the bias add to each step's gates.
        weights: `(4 H, H)`, of the hidden state in the gates.
        h: `(B, H)`, the first hidden state.
        c: `(B, H)`, the first cell state.
    """
    device = ahead.device.type
    given = [ahead, weights, h, c]
    states: torch.Tensor
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        states = _Steps.apply(*given)  # type: ignore[no-untyped-call]
        return states
    with torch.autocast(device, enabled=False):
        states = _Steps.apply(*(tensor.to(torch.get_autocast_dtype(device)) for tensor in given))  # type: ignore[no-untyped-call]
    return states


class _Steps(torch.autograd.Function):
    """Backpropagation through time, written out."""

    @staticmethod
    def forward(ctx: Any, ahead: torch.Tensor, weights: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        steps, size = len(ahead), h.shape[1]
        gates, turned = torch.empty_like(ahead), weights.t()
        states, cells = (first.new_empty((steps + 1, *first.shape)) for first in (h, c))
        squashed = torch.empty_like(cells[1:])
        states[0], cells[0] = h, c
        for t in range(steps):
            weighted = torch.addmm(ahead[t], states[t], turned)
            torch.sigmoid(weighted, out=gates[t])
            let_in, keep, new, let_out = gates[t].chunk(4, dim=1)
            torch.tanh(weighted[:, 2 * size : 3 * size], out=new)
            torch.mul(keep, cells[t], out=cells[t + 1]).addcmul_(let_in, new)
            torch.tanh(cells[t + 1], out=squashed[t])
            torch.mul(let_out, squashed[t], out=states[t + 1])
        ctx.save_for_backward(weights, states, cells, gates, squashed)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        weights, states, cells, gates, squashed = ctx.saved_tensors
        let_in, keep, new, let_out = gates.chunk(4, dim=2)
        of_gates = torch.empty_like(gates)
        of_in, of_keep, of_new, of_out = of_gates.chunk(4, dim=2)
        slopes = (
            new * let_in * (1 - let_in),
            cells[:-1] * keep * (1 - keep),
            let_in * (1 - new.square()),
            squashed * let_out * (1 - let_out),
        )
        into_cell = let_out * (1 - squashed.square())
        of_h, of_c = torch.zeros_like(cells[0]), torch.zeros_like(cells[0])
        for t in reversed(range(len(gates))):
            of_h = of_h + gradients[0][t]
            of_c = torch.addcmul(of_c, of_h, into_cell[t])
            torch.mul(of_h, slopes[3][t], out=of_out[t])
            for gate, slope in zip((of_in, of_keep, of_new), slopes, strict=False):
                torch.mul(of_c, slope[t], out=gate[t])
            of_h = of_gates[t] @ weights
            of_c = of_c * keep[t]
        of_weights = of_gates.flatten(0, 1).t() @ states[:-1].flatten(0, 1)
        return of_gates, of_weights, of_h, of_c
