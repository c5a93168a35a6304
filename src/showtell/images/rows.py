"""Images of any mode -> 8-bit RGB. Large images are converted some rows at a time, to hold little beside the result."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

SMALL_GREYS = frozenset({"1", "L", "P"})
"""Modes in which Pillow holds a byte for each pixel."""

_DEEP = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"RGBA", "LA", "PA", "RGBa"})
_PIXELS_AT_ONCE = 1 << 22
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_rgb(image: Image.Image, inverted: bool = False) -> Image.Image:
    """The image as RGB: alpha over white, deep gray scaled to 8 bits; `inverted` if 0 is white in deep gray."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    convert = _converter(image, inverted)
    if image.width * image.height <= _PIXELS_AT_ONCE:
        return convert(image)
    whole = Image.new("RGB", image.size)
    for top, rows in _rows(image, 1):
        whole.paste(convert(rows), (0, top))
    return whole


def reduced_to_rgb(image: Image.Image, factor: int, inverted: bool = False) -> Image.Image:
    """As `to_rgb`, at a fraction of the size: each pixel is the mean of `factor` by `factor` pixels."""
    convert = _converter(image, inverted)
    whole = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, rows in _rows(image, factor):
        whole.paste(convert(rows).reduce(factor), (0, top // factor))
    return whole


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned upright from an EXIF orientation, 1 to 8."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def deep_grey_to_8_bits(image: Image.Image, inverted: bool = False) -> Image.Image:
    """Grey of more than 8 bits as `L`. Pillow's own conversion clips at 255, which turns most 16-bit pictures white."""
    top = _top(image)
    if image.width * image.height <= _PIXELS_AT_ONCE:
        return _scaled(image, top, inverted)
    whole = Image.new("L", image.size)
    for at, rows in _rows(image, 1):
        whole.paste(_scaled(rows, top, inverted), (0, at))
    return whole


def _rows(image: Image.Image, multiple: int) -> Iterator[tuple[int, Image.Image]]:
    """The image in strips of a multiple of `multiple` rows, each with its first row's number."""
    height = max(1, _PIXELS_AT_ONCE // image.width // multiple) * multiple
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(image.height, top + height)))


def _converter(image: Image.Image, inverted: bool) -> Callable[[Image.Image], Image.Image]:
    if image.mode in _DEEP:
        top = _top(image)
        return lambda rows: _flat(_scaled(rows, top, inverted))
    return _flat


def _flat(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # premultiplied gray, which Pillow converts only to LA
        image = image.convert("LA")
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _top(image: Image.Image) -> float:
    """The value of white. For floats and 32-bit integers it comes from the smallest range that holds them all."""
    if image.mode not in ("I", "F"):
        return 65535.0
    largest = 0.0
    for _, rows in _rows(image, 1):
        largest = max(largest, float(_samples(rows).max(initial=0.0)))
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((top for top in ranges if largest <= top), largest)


def _samples(image: Image.Image) -> npt.NDArray[np.float64]:
    samples = np.asarray(image)
    return np.where(np.isfinite(samples), samples, 0).astype(np.float64)


def _scaled(image: Image.Image, top: float, inverted: bool) -> Image.Image:
    scaled = np.clip(_samples(image) * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(255 - scaled if inverted else scaled)
