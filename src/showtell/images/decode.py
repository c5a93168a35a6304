"""Picture files, arrays, tensors and PIL images -> upright 8-bit RGB images, in bounded time and memory."""

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from os import PathLike
from typing import IO, Any, TypeAlias, TypeVar

import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from showtell.errors import PictureError, one_line
from showtell.images import tiff
from showtell.images.formats import NO_PICTURE, SUFFIXES, formats, what_it_is
from showtell.images.inputs import source_of
from showtell.images.jpeg import is_padded
from showtell.images.memory import ByteBudget
from showtell.images.png import without_texts
from showtell.images.rows import SMALL_GREYS, deep_grey_to_8_bits, reduced_to_rgb, to_rgb, turned

__all__ = ["MAX_PIXELS", "MAX_SIDE", "SUFFIXES", "DecodeOptions", "Decoded", "Picture", "decode"]

Picture: TypeAlias = str | PathLike[str] | bytes | IO[bytes] | Image.Image | npt.NDArray[Any]
"""Anything that can be decoded, tensors and other objects with `__array__` included."""

T = TypeVar("T")

MAX_PIXELS = 150_000_000
MAX_SIDE = 200_000  # Pillow holds a pointer and an allocation for every row, so a thin picture costs far more

_GREYS = 4  # a picture of one byte per pixel that is reduced at once may have this many times the limit of pixels
_DRAFTED = 8  # a JPEG that is decoded at a fraction of its size may have this many times the limit of pixels
_BYTES_OF_PIXEL = 12  # the decoded picture, its RGB, and the part that is cut out
_BUDGET = ByteBudget(2 << 30)  # of all threads that decode at the moment
_CHEAP = 16 << 20  # smaller pictures do not wait for the budget


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """Limits of decoding, and how damaged files are treated.

    Arguments:
        max_pixels: width times height of the largest picture; larger ones are refused before their pixels are read.
            For a JPEG the size counts at which it is decoded. Black-and-white, gray and palette pictures need less
            memory and may have four times as many pixels where a smaller picture suffices.
        lenient: decode as much as there is of truncated files; the rest is gray or black.
        drafts: whether a JPEG may be larger than `max_pixels` if it is decoded at a fraction of its size.
    """

    max_pixels: int = MAX_PIXELS
    lenient: bool = False
    drafts: bool = True

    def __post_init__(self) -> None:
        if self.max_pixels < 1:
            raise PictureError(f"the limit of pixels must be positive, not {self.max_pixels}")


USUAL = DecodeOptions()


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB image, and the upright width and height of the picture in its file, which may be larger."""

    image: Image.Image
    width: int
    height: int


def decode(picture: Picture, options: DecodeOptions = USUAL, *, least: int = 0) -> Image.Image:
    """Decode any picture to an upright 8-bit RGB image.

    Arguments:
        picture: a path, the bytes of a picture file, a file that is open for reading bytes, a PIL image, or an array or
            tensor (see `showtell.images.arrays.image_of`).
        options: limits, and how damaged files are treated.
        least: the side in pixels that suffices (0: the full size). A JPEG may be decoded at a half, a quarter or an
            eighth of its size, in a fraction of the time, while both sides are at least this long. So may other
            pictures of more than 150 million pixels.

    The first frame of an animation is taken, and the first page that is not marked as a thumbnail; EXIF orientation is
    applied, alpha is laid over white, 16-bit and float samples are scaled to 8 bits (floats and 32-bit integers from
    the smallest range that holds them: 1.0, 255, 65,535, or their own largest value).

    Raises:
        PictureError: it is not a picture, is truncated, or exceeds the limits. The message names the path if one was
            given.
    """
    return decode_and(picture, lambda decoded: decoded.image, options, least=least)


def decode_and(picture: Picture, work: Callable[[Decoded], T], options: DecodeOptions = USUAL, *, least: int = 0) -> T:
    """Decode a picture and call `work` on it while the memory budget counts it; otherwise as `decode`."""
    try:
        return _sorted(lambda: _decoded(source_of(picture), work, options, least))
    except PictureError as error:
        if isinstance(picture, (str, PathLike)):
            raise PictureError(f"{picture!s}: {error}") from error
        raise


def _sorted(work: Callable[[], T]) -> T:
    """Call `work`, and turn whatever a decoder raises on bad data into a `PictureError`.

    Pillow's warnings are not caught, because `warnings.catch_warnings` is not safe in the threads that decode.
    """
    try:
        return work()
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(str(error)) from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise PictureError(f"the picture has more pixels than Pillow's limit of {limit:,}") from error
    except MemoryError as error:
        raise PictureError("the picture needs more memory than there is") from error
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error, IndexError, ... on bad data
        raise PictureError(f"the picture is damaged ({one_line(error, 300)})") from error


def _decoded(source: bytes | Image.Image, work: Callable[[Decoded], T], options: DecodeOptions, least: int) -> T:
    if isinstance(source, Image.Image):
        return _loaded(source, work, options, 0)
    if not source:
        raise PictureError("the file is empty")
    try:
        return _from_bytes(source, work, options, least)
    except (PictureError, MemoryError):
        raise
    except Exception:
        for mended in _mended(source, options):
            try:
                return _from_bytes(mended, work, options, least)
            except PictureError:
                raise
            except Exception:  # the first error says what is wrong with the file
                continue
        raise


def _mended(data: bytes, options: DecodeOptions) -> Iterator[bytes]:
    """Repaired versions of bytes that Pillow has refused."""
    if (plain := without_texts(data)) is not data:
        yield plain
    if options.lenient and data.startswith(b"\xff\xd8"):
        yield data + b"\xff\xd9"  # with an end mark, libjpeg decodes what precedes it


def _from_bytes(data: bytes, work: Callable[[Decoded], T], options: DecodeOptions, least: int) -> T:
    if data.startswith(b"\xff\xd8") and is_padded(data):
        raise PictureError("the picture is damaged (no JPEG marker where one is due)")
    if not tiff.is_tiff(data):
        with _opened(data) as image:
            return _loaded(image, work, options, least)
    if tiff.is_raw(data):
        raise PictureError("a raw photo, not a TIFF picture: export it as JPEG from a program that develops raw photos")
    found = tiff.readable(data)
    with ExitStack() as stack:
        try:
            planes = [stack.enter_context(_opened(plane)) for plane in found.planes]
        except UnidentifiedImageError:
            planes = []
        if not planes:
            what = tiff.described(data)
            raise PictureError(f"{what}, which is not read: convert it to 8-bit RGB" if what else NO_PICTURE)
        return _loaded(planes[0], work, options, least, planes[1:], found.inverted)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The image in a file, whose pixels are not read yet; Pillow's own limit of pixels does not apply."""
    file = io.BytesIO(data)
    Image.preinit()
    for format in formats():
        if format not in Image.OPEN:
            Image.init()
        if format not in Image.OPEN:  # this build of Pillow does not read it
            continue
        factory, accepts = Image.OPEN[format]
        if accepts and accepts(data[:16]) is not True:
            continue
        file.seek(0)
        try:
            image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow takes them for another kind of file
            continue
        with image:
            yield image
        return
    raise UnidentifiedImageError(what_it_is(data))


def _loaded(
    image: Image.Image,
    work: Callable[[Decoded], T],
    options: DecodeOptions,
    least: int,
    planes: Sequence[Image.Image] = (),
    inverted: bool = False,
) -> T:
    sides = image.size
    _check(image, options, least)
    cost = image.width * image.height * _BYTES_OF_PIXEL + _coefficients(image, sides)
    with _BUDGET.hold(cost) if cost > _CHEAP else nullcontext():
        for plane in (image, *planes):
            _load(plane, options.lenient)
        whole = _merged([image, *planes]) if planes else image
        if whole.width * whole.height > MAX_PIXELS and least and min(whole.size) >= 2 * least:
            upright = turned(reduced_to_rgb(whole, min(whole.size) // least, inverted), _orientation(whole))
        else:
            upright = to_rgb(_upright(whole), inverted)
        if sides == whole.size:  # neither drafted nor, as TIFF is, set upright while it was loaded
            sides = upright.size if upright.width * upright.height == whole.width * whole.height else sides
        width, height = sides if (sides[0] < sides[1]) == (upright.width < upright.height) else sides[::-1]
        return work(Decoded(upright, width, height))


def _check(image: Image.Image, options: DecodeOptions, least: int) -> None:
    """Refuse a picture that is too large; set a JPEG to be decoded at a fraction of its size where that suffices."""
    width, height = image.size
    if max(width, height) > MAX_SIDE:
        raise PictureError(f"the picture has {width} x {height} pixels, a side of more than {MAX_SIDE:,}")
    generous = 1
    if least:
        if options.drafts:
            generous = _DRAFTED if image.format in ("JPEG", "MPO") else _GREYS if image.mode in SMALL_GREYS else 1
        _check_pixels(width, height, options.max_pixels, generous)
        image.draft(None, (least, least))
        generous = _GREYS if generous > 1 and image.mode in SMALL_GREYS else 1
    if image.width * image.height > generous * options.max_pixels:
        _check_pixels(width, height, options.max_pixels, generous)
    if _coefficients(image, (width, height)) > _BYTES_OF_PIXEL * options.max_pixels:
        raise PictureError(
            f"the picture is a progressive JPEG of {width} x {height} pixels, too many to be put together"
        )


def _check_pixels(width: int, height: int, limit: int, times: int) -> None:
    if width * height > times * limit:
        most = f"{limit:,}" if times == 1 else f"{times} x {limit:,}"
        raise PictureError(f"the picture has {width} x {height} pixels, more than {most}")


def _coefficients(image: Image.Image, sides: tuple[int, int]) -> int:
    """Bytes of coefficients that libjpeg holds for a progressive JPEG of this size, whatever the scale; else 0."""
    if not image.info.get("progressive"):
        return 0
    layers = getattr(image, "layer", [])
    across, down = max((one[1] for one in layers), default=1), max((one[2] for one in layers), default=1)
    return sum(2 * sides[0] * sides[1] * one[1] * one[2] // (across * down) for one in layers)


def _load(image: Image.Image, lenient: bool) -> None:
    tile = getattr(image, "_tile_size", None)
    if tile and getattr(image, "_im", None) is None:
        # Pillow refuses to allocate a TIFF beyond its own limit of pixels; ours has been checked already.
        image.im = Image.core.new(image.mode, tile)  # type: ignore[attr-defined]
    try:
        image.load()
    except (OSError, SyntaxError, ValueError):
        # Before Pillow found the end, it put the rows that it could read into the image.
        if not lenient or not isinstance(image, ImageFile.ImageFile) or getattr(image, "_im", None) is None:
            raise
        image.tile = []
        lowest, highest = image.convert("L").getextrema() if image.mode not in ("I", "F") else image.getextrema()
        if lowest == highest:  # nothing was read
            raise


def _merged(planes: Sequence[Image.Image]) -> Image.Image:
    return Image.merge("RGBA" if len(planes) == 4 else "RGB", [deep_grey_to_8_bits(plane) for plane in planes])


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF raises many things; the picture itself is whole, so it is not turned
        return image


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as in _upright
        return 1
