"""The device of training: the processor, or an accelerator that PyTorch supports."""

import torch

from showtell.errors import InputError, one_line


def device_of(name: str) -> torch.device:
    """The device with a name: `cpu`, `cuda`, `cuda:1`, ..., or `auto` for the first CUDA device, else `cpu`.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch was built without it
        raise InputError(f"device {name!r} cannot be used here ({one_line(error, 120)}): choose auto or cpu") from error
    return device
