"""Picture bytes -> upright RGB -> square of the encoder's size -> normalized array.

Input: the bytes of a picture file (see `showtell.images.formats`), or a decoded picture. Output: `uint8` squares
`(S, S, 3)`, and from a batch of them the `float32` `(B, 3, S, S)` or `(B, S, S, 3)` that an encoder takes. Nothing here
depends on an encoder; each has its own `Preprocessing`.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from showtell.errors import InputError
from showtell.images.cv2_resize import resize_bilinear_opencv
from showtell.images.decode import USUAL, DecodeOptions, Picture, decode_and

ResizeMode: TypeAlias = Literal["crop", "squash", "pad"]
Interpolation: TypeAlias = Literal["bilinear", "bicubic", "lanczos", "nearest", "bilinear-opencv"]
Channels: TypeAlias = Literal["RGB", "BGR"]
Layout: TypeAlias = Literal["NCHW", "NHWC"]


_LARGEST = 4096  # pixels of a side
_SPARE = 2  # with 1, captions of large photographs change three times as often (benchmarks/jpeg_decoding.py)
_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
_SAMPLING = ("nearest", "bilinear-opencv")  # filters that read a few pixels only, however much a picture shrinks


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes an encoder's input; every store and bundle contains it.

    `size` is the side of the square in pixels. `mean` and `std` are in units of 8-bit pixel values, one for each of
    `channels`: the encoder sees `(pixel - mean) / std`, with the axes of `layout`. `bilinear`, `bicubic` and `lanczos`
    are Pillow's filters, which average over all pixels that shrink into one; `nearest` and `bilinear-opencv`, which
    is `cv2.resize`, do not. With `resized`, the shorter side (`crop`) or
    both (`squash`) are brought to so many pixels first, and then the central square is cut out; 0 cuts first.

    Raises:
        InputError: a name is unknown, or a number is out of range.
    """

    size: int
    resize: ResizeMode = "crop"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)
    channels: Channels = "RGB"
    layout: Layout = "NCHW"
    resized: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (
            ("resize mode", self.resize, ResizeMode),
            ("interpolation", self.interpolation, Interpolation),
            ("channel order", self.channels, Channels),
            ("layout", self.layout, Layout),
        ):
            if value not in get_args(known):
                raise InputError(f"{what} {value!r} is unknown: choose one of {', '.join(get_args(known))}")
        if type(self.size) is not int or not 1 <= self.size <= _LARGEST:
            raise InputError(f"an encoder's input size must lie between 1 and {_LARGEST:,}, not be {self.size!r}")
        if type(self.resized) is not int or (self.resized and not self.size <= self.resized <= _LARGEST):
            raise InputError(f"a side before it is cut must be from {self.size} to {_LARGEST:,}, not {self.resized!r}")
        numbers = (*self.mean, *self.std)
        finite = all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        if len(self.mean) != 3 or len(self.std) != 3 or not finite or not all(self.std):
            raise InputError("mean and std must be three numbers each, and none of std zero")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; `resized` only where it is not 0."""
        further = {"resized": self.resized} if self.resized else {}
        return {
            "size": self.size,
            "resize": self.resize,
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
            "channels": self.channels,
            "layout": self.layout,
            **further,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preprocessing":
        """The inverse of `to_json`; fields that a model of an older release lacks have their defaults."""
        return cls(
            size=int(value["size"]),
            resize=value["resize"],
            interpolation=value["interpolation"],
            mean=tuple(map(float, value["mean"])),  # type: ignore[arg-type]
            std=tuple(map(float, value["std"])),  # type: ignore[arg-type]
            channels=value.get("channels", "RGB"),
            layout=value.get("layout", "NCHW"),
            resized=value.get("resized", 0),
        )


def fitted(picture: Picture, preprocessing: Preprocessing, options: DecodeOptions = USUAL) -> npt.NDArray[np.uint8]:
    """Decode any picture and fit it into the encoder's square, `uint8 (S, S, 3)`; see `decode` and `square`.

    JPEG files more than twice as large as the square are decoded smaller, to at least twice its side. This holds for
    Pillow's filters only, which average over the rest as they do over the whole picture.
    """
    needed = _SPARE * max(preprocessing.size, preprocessing.resized)
    least = 0 if preprocessing.interpolation in _SAMPLING else needed
    return decode_and(picture, lambda decoded: square(decoded.image, preprocessing), options, least=least)


def square(image: Image.Image, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """Fit an RGB image into the encoder's square: `uint8`, `(S, S, 3)`.

    `crop` cuts the longer side at both ends (if the difference is odd, the extra pixel comes off the top or left),
    `squash` scales each side on its own, `pad` scales the longer side to fit and fills the rest with the encoder's mean
    color.
    """
    side = preprocessing.size
    width, height = image.size
    if preprocessing.resized and preprocessing.resize != "pad":
        image = _cut(_resized(image, preprocessing), side)
    elif preprocessing.resize == "crop":
        kept = min(width, height)
        left, top = (width - kept) - (width - kept) // 2, (height - kept) - (height - kept) // 2
        # Crop first: resize(box=...) mixes pixels from outside the box into the border.
        image = _resize(image.crop((left, top, left + kept, top + kept)), side, side, preprocessing.interpolation)
    elif preprocessing.resize == "squash":
        image = _resize(image, side, side, preprocessing.interpolation)
    else:
        colour = preprocessing.mean if preprocessing.channels == "RGB" else preprocessing.mean[::-1]
        fill = tuple(round(min(255.0, max(0.0, value))) for value in colour)
        scale = side / max(width, height)
        inner_size = max(1, round(width * scale)), max(1, round(height * scale))
        inner = _resize(image, *inner_size, preprocessing.interpolation)
        image = Image.new("RGB", (side, side), fill)
        image.paste(inner, ((side - inner.width) // 2, (side - inner.height) // 2))
    return np.asarray(image, dtype=np.uint8)


def _resized(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The picture with its shorter side, or both, of `resized` pixels."""
    wanted, (width, height) = preprocessing.resized, image.size
    if preprocessing.resize == "squash":
        return _resize(image, wanted, wanted, preprocessing.interpolation)
    shorter = min(width, height)
    size = (wanted * width // shorter, wanted * height // shorter)
    return _resize(image, *size, preprocessing.interpolation)


def _cut(image: Image.Image, side: int) -> Image.Image:
    """The central square."""
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def normalize(squares: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> npt.NDArray[np.float32]:
    """Turn squares `uint8 (B, S, S, 3)`, RGB, into the encoder's input: `float32 (B, 3, S, S)` or `(B, S, S, 3)`."""
    along = (1, 3, 1, 1) if preprocessing.layout == "NCHW" else (1, 1, 1, 3)
    scale = (1.0 / np.asarray(preprocessing.std, np.float32)).reshape(along)
    shift = (-np.asarray(preprocessing.mean, np.float32)).reshape(along)
    pixels = squares if preprocessing.channels == "RGB" else squares[..., ::-1]
    if preprocessing.layout == "NCHW":
        pixels = pixels.transpose(0, 3, 1, 2)
    values = np.ascontiguousarray(pixels).astype(np.float32)
    values += shift
    values *= scale
    return values


def _resize(image: Image.Image, width: int, height: int, interpolation: Interpolation) -> Image.Image:
    if interpolation == "bilinear-opencv":
        return Image.fromarray(resize_bilinear_opencv(np.asarray(image), width, height))
    return image.resize((width, height), _RESAMPLING[interpolation])
