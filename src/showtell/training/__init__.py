"""Pictures and captions -> a model bundle. Needs PyTorch."""

import os

# Waiting threads must sleep, not spin, or training beside any busy program becomes very slow. PyTorch's OpenMP reads
# this once, when it is loaded. A user's own setting stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from showtell.errors import require

require("torch", extra="train", what="training")

from showtell.training.recipe import Recipe, read_recipe, recipe_from
from showtell.training.run import TrainResult, train
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
