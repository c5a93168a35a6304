"""Where training computes: on the processor, or on an accelerator that PyTorch knows."""

import torch

from showtell.errors import InputError, one_line


def device_of(name: str) -> torch.device:
    """The device of a name: `cpu`, `cuda`, `cuda:1`, ..., or `auto` for CUDA's first where there is one, else `cpu`.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a PyTorch that was built without it
        raise InputError(f"device {name!r} cannot be used here ({one_line(error, 120)}): choose auto or cpu") from error
    return device
