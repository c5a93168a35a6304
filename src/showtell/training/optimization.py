"""The modules that a stage trains, with their optimizer and moving averages: everything that a step changes."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from showtell.training.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from showtell.training.distributed import SINGLE_WORKER, WorkerGroup

Tensors = dict[str, torch.Tensor]
PARTS = {"decoder": ("model", "average"), "encoder": ("encoder", "encoder_average")}
"""The names, in a checkpoint, of a module's weights and their average."""


class Optimization:
    """Modules trained together with AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        weight_decay: Mapping[str, float],
        average: float,
        group: WorkerGroup = SINGLE_WORKER,
    ) -> None:
        """Start with a new optimizer, and with averages equal to the weights.

        Arguments:
            modules: modules by name, a key of `PARTS`.
            weight_decay: weight decay of each.
            average: the decay of the moving averages; 0 keeps none.
            group: the workers; the sum of their losses is minimized.
        """
        self.modules, self.average, self.group = dict(modules), average, group
        self.averages = {name: weights_of(module) for name, module in modules.items()} if average else {}
        groups = [{"params": list(m.parameters()), "weight_decay": weight_decay[n]} for n, m in modules.items()]
        self.optimizer = torch.optim.AdamW(groups, fused=True)

    def step(self, loss: torch.Tensor, rates: Mapping[str, float], clip_norm: float, age: int) -> None:
        """Take one step of gradient descent.

        Arguments:
            loss: a scalar.
            rates: the learning rate of each module.
            clip_norm: the largest norm of each module's gradient; 0 for no clipping.
            age: number of steps in the averages, including this one; young averages decay fast.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        self.group.all_reduce([weight.grad for weight in weights if weight.grad is not None])
        for group, (name, module) in zip(self.optimizer.param_groups, self.modules.items(), strict=True):
            group["lr"] = rates[name]
            if clip_norm:
                torch.nn.utils.clip_grad_norm_(module.parameters(), clip_norm)
        self.optimizer.step()
        decay = min(self.average, (1 + age) / (10 + age))
        for name, average in self.averages.items():
            for key, tensor in self.modules[name].state_dict().items():
                average[key].lerp_(tensor, 1 - decay)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the modules their average weights while the block runs."""
        present = {name: weights_of(self.modules[name]) for name in self.averages}
        try:
            for name, average in self.averages.items():
                self.modules[name].load_state_dict(average)
            yield
        finally:
            for name, weights in present.items():
                self.modules[name].load_state_dict(weights)

    def parts(self) -> dict[str, Tensors]:
        """All tensors, by their owner's name in a checkpoint."""
        parts = {PARTS[name][0]: module.state_dict() for name, module in self.modules.items()}
        parts |= {PARTS[name][1]: average for name, average in self.averages.items()}
        return parts | {"optimizer": optimizer_tensors(self.optimizer)}

    def load(self, checkpoint: Checkpoint) -> None:
        """The inverse of `parts`; a `RuntimeError` if weights do not fit."""
        for name, module in self.modules.items():
            weights, average = PARTS[name]
            module.load_state_dict(checkpoint.part(weights))
            if self.average:
                kept = checkpoint.part(average) or checkpoint.part(weights)
                present = module.state_dict()
                self.averages[name] = {key: tensor.to(present[key].device) for key, tensor in kept.items()}
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"))


def best_weights(checkpoint: Checkpoint, name: str) -> Tensors:
    """The weights of a module to use: its average if the checkpoint has one, else its weights, if any."""
    weights, average = PARTS[name]
    return checkpoint.part(average) or checkpoint.part(weights)


def weights_of(module: nn.Module) -> Tensors:
    """A copy of a module's present weights."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
