"""Training: the only rooms where PyTorch may be imported."""

from showtell.errors import require

require("torch", extra="train", what="training")

from showtell.training.loop import TrainResult, train
from showtell.training.recipe import Recipe, read_recipe, recipe_from
from showtell.training.seeds import SeedsResult, train_seeds
from showtell.training.watch import Progress, Stopped, Watch

__all__ = [
    "Progress",
    "Recipe",
    "SeedsResult",
    "Stopped",
    "TrainResult",
    "Watch",
    "read_recipe",
    "recipe_from",
    "train",
    "train_seeds",
]
