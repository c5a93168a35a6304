"""The pictures of a data set -> which can be read, their sizes, and which are identical byte for byte."""

import hashlib
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass

from showtell.data.sources.base import Pictures, RawPicture
from showtell.data_check.spread import NumberSummary
from showtell.embeddings.pipeline import in_order
from showtell.errors import PictureError, ShowtellError
from showtell.images.decode import decode_and
from showtell.progress import bar

_LEAST = 512  # roughly the largest side, in pixels, that encoders take


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts about pictures.

    `read` counts the pictures that were decoded as embedding does; `unreadable` has (name, reason) of the others.
    `twins` are groups of names whose files are identical byte for byte. `broken_off` says where an archive ends early.
    Sides are in pixels; `bytes` is the sum over all files.
    """

    read: int
    unreadable: tuple[tuple[str, str], ...]
    short_side: NumberSummary
    long_side: NumberSummary
    square: int
    bytes: int
    twins: tuple[tuple[str, ...], ...]
    broken_off: str


NOTHING_READ = PictureFacts(0, (), NumberSummary.of([]), NumberSummary.of([]), 0, 0, (), "")


@dataclass(frozen=True, slots=True)
class _Examined:
    name: str
    digest: bytes
    bytes: int
    sides: tuple[int, int]
    error: str


def look_at_pictures(source: Pictures, names: Collection[str], *, show: bool = True) -> PictureFacts:
    """Read and decode the pictures `names`; memory holds a digest and two sides of each.

    Arguments:
        source: where the pictures come from.
        names: the pictures to read.
        show: show a progress bar.
    """
    wanted = set(names)
    skip = set(source.names()) - wanted
    first: dict[bytes, str] = {}
    twins: dict[bytes, list[str]] = {}
    unreadable, sides, size, broken_off = [], [], 0, ""
    with (
        closing(in_order(source.read(skip=skip), _examine)) as stream,
        bar("reading", len(wanted), "pictures", show=show) as tick,
    ):
        try:
            for seen in stream:
                size += seen.bytes
                if seen.error:
                    unreadable.append((seen.name, seen.error))
                else:
                    sides.append(seen.sides)
                    if first.setdefault(seen.digest, seen.name) != seen.name:
                        twins.setdefault(seen.digest, [first[seen.digest]]).append(seen.name)
                tick()
        except ShowtellError as error:
            broken_off = str(error)
    return PictureFacts(
        read=len(sides),
        unreadable=tuple(unreadable),
        short_side=NumberSummary.of([min(pair) for pair in sides]),
        long_side=NumberSummary.of([max(pair) for pair in sides]),
        square=sum(width == height for width, height in sides),
        bytes=size,
        twins=tuple(map(tuple, twins.values())),
        broken_off=broken_off,
    )


def _examine(picture: RawPicture) -> _Examined:
    digest = hashlib.blake2b(picture.data, digest_size=16).digest()
    try:
        if picture.error:
            raise PictureError(picture.error)
        sides = decode_and(picture.data, lambda found: (found.width, found.height), picture.decoding, least=_LEAST)
    except PictureError as error:
        return _Examined(picture.name, digest, len(picture.data), (0, 0), str(error))
    return _Examined(picture.name, digest, len(picture.data), sides, "")
