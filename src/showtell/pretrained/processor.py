"""The image processor's file of a model -> `Preprocessing`.

Input: `preprocessor_config.json`, or `processor_config.json` with the same values under `image_processor`, as
Transformers writes them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.files import read_json
from showtell.images.preprocessing import Interpolation, Preprocessing

FILES = ("preprocessor_config.json", "processor_config.json")
_FILTERS: Mapping[int, Interpolation] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of filters."""
_LEVELS = 255.0


def preprocessing_of(folder: Path) -> Preprocessing:
    """How a model's pictures are prepared.

    Raises:
        InputError: there is no such file, or it prepares pictures in a way that is not known.
    """
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise InputError(f"{folder}: has no {FILES[0]}: download the model again, with all its files")
    value = read_json(file)
    value = value.get("image_processor", value) if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping):
        raise InputError(f"{file}: is no table of values")
    try:
        return _preprocessing(value)
    except (InputError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"{file}: prepares pictures in a way that is not known ({error})") from error


def _preprocessing(value: Mapping[str, Any]) -> Preprocessing:
    if not value.get("do_resize", True) or not value.get("do_rescale", True):
        raise InputError("without resizing or rescaling")
    kind = str(value.get("image_processor_type", value.get("feature_extractor_type", "")))
    plain = kind.startswith(("ViT", "Blip", "Deit", "DeiT"))
    crops = bool(value.get("do_center_crop", not plain))
    size, shorter = _size(value["size"])
    resized = 0
    if crops:
        cut, _ = _size(value["crop_size"])
        if cut > size:
            raise InputError(f"a crop of {cut} pixels from {size}")
        resized, size = size, cut
    elif shorter:
        raise InputError("pictures that are no squares")
    scale = _LEVELS * float(value.get("rescale_factor", 1 / _LEVELS))
    # The encoder sees (pixel * rescale - mean) / std; ours are in units of pixels.
    means = value.get("image_mean") or (0.5, 0.5, 0.5)
    stds = value.get("image_std") or (0.5, 0.5, 0.5)
    if not value.get("do_normalize", True):
        means, stds = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Preprocessing(
        size=size,
        resize="crop" if shorter else "squash",
        interpolation=_FILTERS[int(value.get("resample", 3 if kind.startswith(("Blip", "CLIP")) else 2))],
        mean=tuple(_LEVELS * float(one) / scale for one in means),  # type: ignore[arg-type]
        std=tuple(_LEVELS * float(one) / scale for one in stds),  # type: ignore[arg-type]
        resized=resized,
    )


def _size(value: Any) -> tuple[int, bool]:
    """A size in pixels, and whether it is that of the shorter side."""
    if isinstance(value, int):
        return value, False
    if "shortest_edge" in value:
        return int(value["shortest_edge"]), True
    if value["height"] != value["width"]:
        raise InputError("pictures that are no squares")
    return int(value["height"]), False
