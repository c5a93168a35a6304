"""Raw pictures -> decoded squares, in order, with decoding spread over threads and a bound on what is in flight.

Pillow releases the interpreter's lock while it decodes and resizes, so threads are enough; the consumer (a network
running in ONNX Runtime, which releases it too) works while the next pictures are prepared.
"""

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from showtell.data.images import RawPicture
from showtell.encoders.runtime import available_cores
from showtell.errors import PictureError, ShowtellError
from showtell.image import Picture, Preprocessing, decode, square

Item = TypeVar("Item")
Done = TypeVar("Done")


class Pictures(Protocol):
    """Where pictures come from: files (`data.images.PictureSource`) or code (`data.shapes.Shapes`)."""

    def names(self) -> list[str]:
        """Every picture's name, in reading order."""
        ...

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one, without those named in `skip`."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture ready for an encoder: `square` is `uint8 (S, S, 3)`, or None where `error` says why there is none.

    The `name` is empty where the picture came without one.
    """

    name: str
    square: npt.NDArray[np.uint8] | None
    error: str = ""


def prepare(picture: RawPicture | Picture, preprocessing: Preprocessing) -> Prepared:
    """Decode and fit one picture; one that cannot be read becomes a `Prepared` with its error."""
    if isinstance(picture, RawPicture):
        if picture.error:
            return Prepared(picture.name, None, picture.error)
        name = picture.name
    else:
        name = str(picture) if isinstance(picture, (str, PathLike)) else ""
    try:
        image = decode(picture.data if isinstance(picture, RawPicture) else picture)
        return Prepared(name, square(image, preprocessing))
    except PictureError as error:
        return Prepared(name, None, str(error).removeprefix(f"{name}: "))


def prepared(
    pictures: Iterable[RawPicture | Picture],
    preprocessing: Preprocessing,
    *,
    ahead: int = 64,
    workers: int | None = None,
) -> Generator[Prepared, None, None]:
    """Prepare a stream of pictures; arguments and failures as for `in_order`."""
    return in_order(pictures, partial(prepare, preprocessing=preprocessing), ahead=ahead, workers=workers)


def in_order(
    pictures: Iterable[Item], work: Callable[[Item], Done], *, ahead: int = 64, workers: int | None = None
) -> Generator[Done, None, None]:
    """Do `work` on a stream of pictures in threads, yielding what it returns in the stream's order.

    Arguments:
        pictures: the stream; it is read only as far as `ahead` pictures before the one that was yielded last.
        work: what is done with each; it must not raise.
        ahead: pictures in flight, which bounds memory.
        workers: threads; None for one per available core.

    When the stream itself fails with a `ShowtellError` (an archive that ends early), everything read before is yielded
    first. Closing the generator stops reading and decoding.
    """
    pending: deque[Future[Done]] = deque()
    failure: ShowtellError | None = None
    stream = iter(pictures)
    pool = ThreadPoolExecutor(workers or available_cores(), thread_name_prefix="decode")
    try:
        while failure is None:
            try:
                picture = next(stream, None)
            except ShowtellError as error:
                failure = error
                break
            if picture is None:
                break
            pending.append(pool.submit(work, picture))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if isinstance(stream, Generator):
            stream.close()
