"""The versions that a model bundle was made with, and how they differ from those here."""

import platform
import sys
from collections.abc import Mapping
from importlib import metadata

import numpy as np
import onnxruntime

from showtell._version import __version__

PYTORCH = "PyTorch"


def versions_here() -> dict[str, str]:
    """Versions of what captions are computed with, by name, and the platform; PyTorch's only if it is installed."""
    return {
        "Showtell": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "ONNX Runtime": onnxruntime.__version__,
        **_pytorch(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def versions_to_record(before: Mapping[str, str]) -> dict[str, str]:
    """Those that a bundle records: of PyTorch the one that this process used, or that was recorded `before`."""
    versions = versions_here()
    if "torch" not in sys.modules:
        versions.pop(PYTORCH, None)
        if PYTORCH in before:
            versions[PYTORCH] = before[PYTORCH]
    return versions


def differences(recorded: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What differs from here: by name, the version recorded and the one here. PyTorch may be missing here."""
    here = versions_here()
    return {
        name: (version, here.get(name, "none"))
        for name, version in recorded.items()
        if here.get(name, "none") != version and (name in here or name != PYTORCH)
    }


def _pytorch() -> dict[str, str]:
    try:
        return {PYTORCH: metadata.version("torch")}
    except metadata.PackageNotFoundError:
        return {}
