"""Checkpoints: one safetensors file with everything that resuming needs, written to a temporary file and renamed.

Tensors have their owner as a prefix: `model.`, `average.`, `optimizer.` and, if a stage trains or has trained the
encoder, `encoder.` and `encoder_average.`. The rest of the state is JSON in the file's metadata, so that both change
together or not at all.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from showtell.errors import InputError
from showtell.files import write_bytes

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by prefixed name, and the rest of the state, as JSON values."""

    tensors: dict[str, torch.Tensor]
    state: dict[str, Any]

    def part(self, owner: str) -> dict[str, torch.Tensor]:
        """The tensors of one owner, without the prefix."""
        prefix = f"{owner}."
        return {name.removeprefix(prefix): tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}


def save_checkpoint(path: Path, parts: dict[str, dict[str, torch.Tensor]], state: dict[str, Any]) -> None:
    """Write the tensors of each owner and the state to `path`; tensors that share memory are written separately."""
    tensors = {
        f"{owner}.{name}": tensor.detach().clone().contiguous()
        for owner, named in parts.items()
        for name, tensor in named.items()
    }
    metadata = {"state": json.dumps({"format": FORMAT} | state)}
    write_bytes(path, safetensors.torch.save(tensors, metadata))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        InputError: the file is damaged or not a checkpoint of this release.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, KeyError, ValueError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{path}: not a complete checkpoint ({error}): use another one, or move it away to start again"
        ) from error
    if state.get("format") != FORMAT:
        raise InputError(f"{path}: checkpoint format {state.get('format')}, this release reads {FORMAT}")
    return Checkpoint(tensors, state)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as tensors named `INDEX.KEY`; the caller keeps its settings."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{key}": torch.as_tensor(value) for index, values in state.items() for key, value in values.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Restore the state from `optimizer_tensors` into an optimizer with the same settings."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
