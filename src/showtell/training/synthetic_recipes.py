"""Recipes for the data sets that are drawn by code: small models that train in a minute (shapes) or a few
(relations).
"""

from typing import Any

from showtell.data.examples import DRAWN
from showtell.errors import InputError, near


def drawn_tables(name: str) -> dict[str, Any]:
    """The tables of the recipe for a data set of `showtell.data.examples.DRAWN`; an `InputError` lists their names."""
    if name not in DRAWN:
        raise InputError(
            f"--data {name}{near(name, DRAWN)}: the built-in data sets are {' and '.join(DRAWN)}; "
            "for files use --pictures and --captions"
        )
    tables = _SHAPES if name == "shapes" else _RELATIONS
    return {
        "name": name,
        "data": {"pictures": [name]},
        "vocabulary": {"min_count": 1},
        "search": {"beam": 1},
        "card": {
            "licence": "Apache-2.0",
            "data": f"{name}, drawn by code",
            "title": name.replace("-", " ").capitalize(),
        },
        **{table: dict(values) for table, values in tables.items()},
    }


_TRAINING = {"epochs": 8, "learning_rate": 3e-3, "average": 0.99, "checkpoint_steps": 0}
_SHAPES: dict[str, dict[str, Any]] = {
    "encoder": {"name": "efficientnet_lite0"},
    "decoder": {"hidden": 256, "word": 64, "picture": "every_step", "dropout": 0.5},
    "training": _TRAINING | {"weight_decay": 0.1},
}
_RELATIONS: dict[str, dict[str, Any]] = {
    "encoder": {"name": "efficientnet_lite0:block_11", "output": "grid"},  # distinguishes shapes better than the last
    "decoder": {
        "kind": "attention",
        "hidden": 256,
        "word": 128,
        "cell": 128,
        "attention": 128,
        "projection": 128,
        "dropout": 0.1,
    },
    "training": _TRAINING | {"learning_rate": 2e-3, "warmup_steps": 100},
}
