"""Tiny models of Transformers, imported once for all tests of a family."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pretrained_models import MODELS, without_torchvision, write_model


@dataclass(frozen=True)
class TinyModel:
    """A model of Transformers, its folder, and its bundle in float32."""

    name: str
    model: Any
    folder: Path
    bundle: Path


@pytest.fixture(scope="session")
def make_tiny(tmp_path_factory: pytest.TempPathFactory):
    with without_torchvision():
        pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[test]'")
    from showtell.pretrained.run import import_model

    made: dict[str, TinyModel] = {}

    def make(name: str) -> TinyModel:
        if name not in made:
            folder = tmp_path_factory.mktemp("pretrained") / name
            model = write_model(name, folder)
            bundle = folder.parent / f"{name}.showtell"
            import_model(folder, bundle, precision="float32", show=False)
            made[name] = TinyModel(name, model, folder, bundle)
        return made[name]

    return make


@pytest.fixture(params=MODELS)
def tiny(request: pytest.FixtureRequest, make_tiny) -> TinyModel:
    return make_tiny(request.param)
