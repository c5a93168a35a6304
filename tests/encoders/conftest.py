"""Networks with random weights that behave like trained ones, saved to files: what pretrained weights stand in for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photographs import photographs


@pytest.fixture(scope="session")
def random_keras() -> Callable[..., Any]:
    """Builds a network of keras.applications whose embeddings tell photographs apart.

    With fresh batch normalisation every picture ends at nearly the same numbers, and then a wrong picture would pass
    for a right one. So means and variances are set to those of the photographs, as training would have done.
    """
    from showtell.encoders.sources.keras import import_keras, preprocess_input

    keras = import_keras()

    def build(name: str, size: int, **options: Any) -> Any:
        keras.utils.set_random_seed(0)
        maker = getattr(keras.applications, name)
        options = {"include_top": False, "pooling": "avg"} | options
        model = maker(weights=None, input_shape=(size, size, 3), **options)
        for layer in model.layers:
            if type(layer).__name__ == "BatchNormalization":
                layer.momentum = 0.0
        model(preprocess_input(maker)(photographs(size).astype(np.float32)), training=True)
        return model

    return build


@pytest.fixture(scope="session")
def weights_of(random_keras: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """`weights_of(name, size)`: a network of `random_keras` and the file of its weights, made once a session."""
    made: dict[str, tuple[Any, Path]] = {}

    def weights(name: str, size: int) -> tuple[Any, Path]:
        if name not in made:
            model = random_keras(name, size)
            path = tmp_path_factory.mktemp("weights") / f"{name.lower()}.weights.h5"
            model.save_weights(path)
            made[name] = model, path
        return made[name]

    return weights
