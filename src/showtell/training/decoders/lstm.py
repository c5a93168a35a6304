"""One step of an LSTM (Hochreiter & Schmidhuber 1997), for decoders that unroll theirs by hand."""

import torch


def lstm_step(gates: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The next hidden and cell state, `(B, H)` each.

    Arguments:
        gates: `(B, 4 H)`, weighted inputs and state with their bias, in PyTorch's order: input, forget, cell, output.
        c: `(B, H)`, the cell state.
    """
    let_in, keep, new, let_out = gates.chunk(4, dim=1)
    c = torch.sigmoid(keep) * c + torch.sigmoid(let_in) * torch.tanh(new)
    return torch.sigmoid(let_out) * torch.tanh(c), c
