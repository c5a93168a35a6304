"""Arrays and tensors -> images: `(H, W)`, `(H, W, C)` or `(C, H, W)` with one, three or four channels."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from showtell.errors import PictureError, one_line


def is_array(value: object) -> bool:
    """Whether `value` is an array or tensor of any library."""
    return isinstance(value, np.ndarray) or hasattr(type(value), "__array__")


def image_of(value: Any) -> Image.Image:
    """The image in an array or tensor.

    Arguments:
        value: `(H, W)`, `(H, W, C)` or `(C, H, W)` of `uint8`, `uint16`, `bool`, floats in [0, 1], or other integers in
            [0, 255] or else in [0, 65535].

    Raises:
        PictureError: its shape, dtype or range is not that of a picture.
    """
    array = _channels_last(_as_array(value))
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise PictureError(f"an array of shape {array.shape} is no picture: give (H, W), (H, W, 3) or (H, W, 4)")
    return Image.fromarray(np.ascontiguousarray(_as_bytes(array)))


def _as_array(value: Any) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    for step in ("detach", "cpu", "float"):  # of tensors with gradients, on other devices, and of half precision
        try:
            return np.asarray(value)
        except (TypeError, RuntimeError, ValueError) as error:
            if not callable(getattr(value, step, None)):
                raise PictureError(f"a {type(value).__name__} that cannot be read ({one_line(error, 200)})") from error
            value = getattr(value, step)()
    return np.asarray(value)


def _channels_last(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _as_bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return (array / 257.0 + 0.5).astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise PictureError(f"an array of {array.dtype} is no picture: give uint8, uint16, bool, or floats in [0, 1]")
    low, high = float(np.min(array)), float(np.max(array))
    if array.dtype.kind == "f":
        if not (low >= 0.0 and high <= 1.0):  # also refuses NaN
            raise PictureError(f"a float array must lie in [0, 1]; this one spans [{low:g}, {high:g}]")
        return (array * 255.0 + 0.5).astype(np.uint8)
    if low < 0 or high > 65535:
        raise PictureError(
            f"an array of {array.dtype} must lie in [0, 255] or [0, 65535]; this one spans [{low:.0f}, {high:.0f}]"
        )
    return array.astype(np.uint8) if high <= 255 else (array / 257.0 + 0.5).astype(np.uint8)
