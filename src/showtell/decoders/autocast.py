"""Autocast for functions with their own backward pass, which PyTorch's autocast does not cover."""

from typing import Any

import torch


def applied(function: type[torch.autograd.Function], tensors: list[torch.Tensor], *others: Any) -> Any:
    """The result of `function` for `tensors` and `others`, computed in autocast's type if autocast is on.

    The gradients have the types of the given tensors.
    """
    device = tensors[0].device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return function.apply(*tensors, *others)  # type: ignore[no-untyped-call]
    tensors = [tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors]
    with torch.autocast(device, enabled=False):
        return function.apply(*tensors, *others)  # type: ignore[no-untyped-call]
