"""Functions with a backward pass of their own, under autocast, which knows nothing of them."""

from typing import Any

import torch


def applied(function: type[torch.autograd.Function], tensors: list[torch.Tensor], *others: Any) -> Any:
    """What `function` makes of `tensors` and `others`, computed in autocast's type where there is one.

    The gradients come in the types of the tensors that were given.
    """
    device = tensors[0].device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return function.apply(*tensors, *others)  # type: ignore[no-untyped-call]
    tensors = [tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors]
    with torch.autocast(device, enabled=False):
        return function.apply(*tensors, *others)  # type: ignore[no-untyped-call]
