"""Models by name: `flickr8k` is `flickr8k.showtell`, a file or a folder, in one of the places where models lie."""

import os
from importlib import resources
from pathlib import Path

import platformdirs

from showtell.errors import BundleError

SUFFIX = ".showtell"


DEFAULT_MODEL = "general.showtell"


def model_folders() -> tuple[Path, ...]:
    """Where models are looked for by name: `$SHOWTELL_MODELS`, the user's data folder, the package."""
    named = os.environ.get("SHOWTELL_MODELS")
    user = Path(platformdirs.user_data_dir("showtell")) / "models"
    package = Path(str(resources.files("showtell"))) / "models"
    return (*([Path(named)] if named else []), user, package)


def list_models() -> dict[str, Path]:
    """Every model that can be loaded by its name, with its bundle; the first of a name wins, as `find_model` has it."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.name.removesuffix(SUFFIX), path)
    return found


def find_model(model: str | Path) -> Path:
    """The bundle that `model` is the path or the name of.

    Raises:
        BundleError: there is no file or folder at that path, and no model of that name.
    """
    path = Path(model)
    if path.exists() or path.name != str(model) or path.suffix == SUFFIX:
        return path
    known = list_models()
    if str(model) in known:
        return known[str(model)]
    raise BundleError(f"{model}: there is no such file, and no model of that name: there are {', '.join(known)}")


def default_model() -> Path:
    """The bundle that comes with the package."""
    return Path(str(resources.files("showtell") / "models" / DEFAULT_MODEL))
