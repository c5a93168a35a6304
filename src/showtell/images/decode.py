"""Picture bytes, arrays and PIL images -> upright 8-bit RGB images."""

import io
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from showtell.errors import PictureError, one_line

Picture: TypeAlias = str | PathLike[str] | bytes | Image.Image | npt.NDArray[Any]


SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"})
"""File name endings, in lower case, that folders and archives are searched for."""


_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


MAX_PIXELS = 150_000_000  # below Pillow's own limit of 179 million, so that the message is ours and true


def decode(picture: Picture, *, max_pixels: int = MAX_PIXELS, least: int = 0) -> Image.Image:
    """Decode any picture to an upright 8-bit RGB image.

    Arguments:
        picture: a path, the bytes of a picture file, a PIL image, or an array `(H, W)`, `(H, W, 1)`, `(H, W, 3)` or
            `(H, W, 4)` of `uint8`, `uint16`, `bool`, or floats in [0, 1].
        max_pixels: what a picture may have at most; a file is refused before its pixels are read.
        least: a side that is enough: a JPEG file may come at a half, a quarter or an eighth of its size, which takes a
            fraction of the time, as long as both sides are still as long (0: at its own size).

    The first frame of an animation or multi-page file is taken, EXIF orientation is applied, alpha is laid over white,
    16-bit and float samples are scaled to 8 bits (floats and 32-bit integers from the smallest range that holds them:
    1.0, 255, 65,535, or their own largest value).

    Raises:
        PictureError: the bytes are no picture, are cut off, or describe more than `max_pixels`;
            or the array is no picture. The message names the path where one was given.
    """
    if isinstance(picture, np.ndarray):
        return _decoded(lambda: _to_rgb(_from_array(picture), max_pixels))
    if isinstance(picture, Image.Image):
        return _decoded(lambda: _to_rgb(picture, max_pixels))
    if isinstance(picture, (bytes, bytearray, memoryview)):
        data = bytes(picture)
        return _decoded(lambda: _from_bytes(data, max_pixels, least))
    try:
        data = Path(picture).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"{picture}: cannot be read ({reason})") from error
    try:
        return _decoded(lambda: _from_bytes(data, max_pixels, least))
    except PictureError as error:
        raise PictureError(f"{picture}: {error}") from error


def _decoded(work: Callable[[], Image.Image]) -> Image.Image:
    """What `work` returns, with whatever a decoder raises on bad data as a `PictureError`.

    Pillow's warnings are left alone: `warnings.catch_warnings` is not safe in the threads that decode.
    """
    try:
        return work()
    except UnidentifiedImageError as error:
        raise PictureError("not a JPEG, PNG, WebP, GIF, TIFF or BMP picture") from error
    except Image.DecompressionBombError as error:
        raise PictureError("the picture has more pixels than Pillow's limit") from error
    except (PictureError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError, ... on bad data
        raise PictureError(f"the picture is damaged ({one_line(error)})") from error


def _from_bytes(data: bytes, max_pixels: int, least: int) -> Image.Image:
    if not data:
        raise PictureError("the file is empty")
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if least:
            _check_pixels(image, max_pixels)
            image.draft(None, (least, least))
        return _to_rgb(image, max_pixels)


def _to_rgb(image: Image.Image, max_pixels: int) -> Image.Image:
    _check_pixels(image, max_pixels)
    image.load()
    image = _upright(image)
    if image.mode == "La":  # premultiplied grey, which Pillow converts to nothing but LA
        image = image.convert("LA")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F", "I;16", "I;16L", "I;16B", "I;16N"):
        image = _deep_grey_to_8_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise PictureError(f"the picture has {image.width} x {image.height} pixels, more than {max_pixels:,}")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF raises many things; the picture itself is whole, so it is taken as it lies
        return image


def _deep_grey_to_8_bits(image: Image.Image) -> Image.Image:
    """Pillow's own conversion of deep grey clips at 255, which turns most 16-bit pictures white."""
    samples = np.asarray(image)
    if image.mode not in ("I", "F"):
        top = 65535.0
    else:
        samples = np.where(np.isfinite(samples), samples, 0).astype(np.float64)
        largest = float(samples.max(initial=0.0))
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        top = next((top for top in ranges if largest <= top), largest)
    return Image.fromarray(np.clip(samples * (255.0 / top) + 0.5, 0, 255).astype(np.uint8))


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise PictureError(f"an array of shape {array.shape} is no picture: give (H, W), (H, W, 3) or (H, W, 4)")
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        array = (array / 257.0 + 0.5).astype(np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif np.issubdtype(array.dtype, np.floating):
        low, high = float(np.min(array)), float(np.max(array))
        if not (low >= 0.0 and high <= 1.0):  # also refuses NaN
            raise PictureError(f"a float array must lie in [0, 1]; this one spans [{low:g}, {high:g}]")
        array = (array * 255.0 + 0.5).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise PictureError(f"an array of {array.dtype} is no picture: give uint8, uint16, bool, or floats in [0, 1]")
    return Image.fromarray(np.ascontiguousarray(array))
