"""Small training runs, and what is left of them."""

from unittest import mock

from safetensors.torch import load_file

from showtell.training import Stopped, recipe_from, train
from showtell.training.distributed import SINGLE_WORKER
from showtell.training.resume import TrainingState
from showtell.training.watch import Unwatched


def recipe(dropout=0.3, self_critical=0, fine_tune=0, **training):
    """Batches of an odd number, so that workers have more rows or fewer; clipping, and averages of the weights."""
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:encoder.onnx"},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 24, "word": 16, "dropout": dropout},
            "training": {
                "epochs": 2,
                "epoch_steps": 50,
                "batch_size": 9,
                "validation_batches": 2,
                "learning_rate": 0.003,
            }
            | {"validation_pictures": 3, "clip_norm": 1.0, "average": 0.9}
            | training,
            "self_critical": {"epochs": self_critical, "pictures": 25, "samples": 2, "cross_entropy": 0.2},
            "fine_tune": {"epochs": fine_tune},
        }
    )


class StopAfter(Unwatched):
    """Stops a run after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self, progress):
        self.left -= 1
        return self.left == 0


def trained(data, folder, chosen, group=SINGLE_WORKER, stop=0):
    """A run, broken off after `stop` steps where that is given; the loss of its every step."""
    losses, add = [], TrainingState.add

    def noted(position, sums, weight):
        losses.append(sums.get("train_loss", 0.0) / weight)
        add(position, sums, weight)

    with mock.patch.object(TrainingState, "add", noted):
        try:
            train(chosen, folder, root=data, store=data / "store", group=group, show=False, watch=StopAfter(stop))
        except Stopped:
            assert len(losses) == stop
    return losses


def last(folder):
    return load_file(folder / "checkpoints" / "last.safetensors")


def furthest(found, expected):
    """The largest difference of any weight or moment, in what a weight of the decoder may be."""
    assert found.keys() == expected.keys()
    return max((found[key] - expected[key]).abs().max().item() for key in expected)
