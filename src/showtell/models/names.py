"""Models by name: `flickr8k` is `flickr8k.showtell`, a file or a folder, in one of the model folders."""

import os
import re
from importlib import resources
from pathlib import Path

import platformdirs

from showtell.encoders.cache import cache_folder
from showtell.errors import BundleError, InputError, near

SUFFIX = ".showtell"
HUB = "hf:"
"""What the name of a model on the Hugging Face hub begins with."""


DEFAULT_NAME = "general"
DEFAULT_MODEL = f"{DEFAULT_NAME}{SUFFIX}"


def model_folders() -> tuple[Path, ...]:
    """The folders in which models are looked up: `$SHOWTELL_MODELS`, the user's data folder, the package."""
    named = os.environ.get("SHOWTELL_MODELS")
    user = Path(platformdirs.user_data_dir("showtell")) / "models"
    package = Path(str(resources.files("showtell"))) / "models"
    return (*([Path(named)] if named else []), user, package)


def list_models() -> dict[str, Path]:
    """Every model that can be loaded by name, with its bundle. As in `find_model`, the first of a name wins."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.name.removesuffix(SUFFIX), path)
    return found


def find_model(model: str | Path) -> Path:
    """The path of the bundle with this path or name.

    Raises:
        BundleError: there is no file or folder at that path, and no model of that name.
    """
    path = Path(model)
    if str(model).startswith(HUB):
        if (kept := hub_bundle(str(model), cache_folder())).exists():
            return kept
        raise BundleError(f"{model}: is not in the cache yet: run showtell import {str(model).removeprefix(HUB)}")
    if path.exists() or path.name != str(model) or path.suffix == SUFFIX:
        return path
    known = list_models()
    if str(model) in known:
        return known[str(model)]
    raise BundleError(
        f"{model}: there is no such file, and no model of that name{near(str(model), known)}: there are "
        f"{', '.join(known)}"
    )


def hub_bundle(name: str, cache: Path) -> Path:
    """Where the bundle of a model on the hub, `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`, is kept."""
    return cache / "pretrained" / (re.sub(r"[^\w.@-]+", "--", name.removeprefix(HUB)) + SUFFIX)


def bundle_to_write(model: str | Path, out: str | Path | None) -> Path:
    """Where a changed model is written: `out`, or in place of the model where that is None.

    Raises:
        InputError: `out` is None, and the model is a folder or was named as the models of the package are.
    """
    if out is not None:
        return Path(out)
    if Path(model).is_dir():
        raise InputError(f"{model}: is a folder, which stays as it is: name a file to write with --out")
    if not Path(model).exists() and (found := find_model(model)).exists():
        raise InputError(f"{model}: is {found}, which stays as it is: name a file to write with --out")
    return Path(model)


def default_model() -> Path:
    """The path of the bundle that the package includes."""
    return Path(str(resources.files("showtell") / "models" / DEFAULT_MODEL))
