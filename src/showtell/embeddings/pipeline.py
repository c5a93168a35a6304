"""Raw pictures -> decoded squares or embeddings, in threads and in order; and batches that overlap with reading.

The read-ahead of a stream is bounded in pictures and in bytes. Pillow releases the interpreter lock while it decodes
and resizes, and ONNX Runtime while a network runs, so threads suffice.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from showtell.data.sources.base import RawPicture
from showtell.encoders.runtime import Encoder, EncoderOutput
from showtell.errors import PictureError
from showtell.images.decode import DecodeOptions, Picture
from showtell.images.preprocessing import Preprocessing, fitted
from showtell.onnx_graphs.session import available_cores

Item = TypeVar("Item")
Done = TypeVar("Done")

_BYTES_AHEAD = 256 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture ready for an encoder: `square` is `uint8 (S, S, 3)`, or None if `error` says why there is none.

    The `name` is empty if the picture came without one.
    """

    name: str
    square: npt.NDArray[np.uint8] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedded picture: `embedding` is `float32 (D,)` or `(L, D)`, or None if `error` says why there is none.

    `source` is the item of the stream, or the `source` of a `RawPicture`.
    """

    name: str
    embedding: npt.NDArray[np.float32] | None
    error: str = ""
    source: object = None


def prepare(picture: object, preprocessing: Preprocessing) -> Prepared:
    """Decode one picture and make it square; anything unreadable becomes a `Prepared` with an error."""
    name = _name_of(picture)
    if isinstance(picture, RawPicture):
        if picture.error:
            return Prepared(name, None, picture.error)
        options, picture = picture.decoding, picture.data
    else:
        options = DecodeOptions()
    try:
        return Prepared(name, fitted(cast(Picture, picture), preprocessing, options))
    except PictureError as error:
        return Prepared(name, None, str(error).removeprefix(f"{name}: "))
    except MemoryError:
        return Prepared(name, None, "the picture needs more memory than there is")


def _name_of(picture: object) -> str:
    if isinstance(picture, RawPicture):
        return picture.name
    if isinstance(picture, (str, PathLike)):
        return str(picture)
    name = getattr(picture, "name", "") if hasattr(picture, "read") else ""  # a socket's name is a number
    return name if isinstance(name, str) else ""


def prepared(
    pictures: Iterable[RawPicture | Picture],
    preprocessing: Preprocessing,
    *,
    ahead: int = 64,
    workers: int | None = None,
) -> Generator[Prepared, None, None]:
    """Prepare a stream of pictures; arguments and errors as for `in_order`."""
    return in_order(pictures, partial(prepare, preprocessing=preprocessing), ahead=ahead, workers=workers)


def embedded(
    pictures: Iterable[RawPicture | Picture],
    encoder: Encoder,
    output: EncoderOutput,
    *,
    ahead: int = 64,
    workers: int | None = None,
) -> Generator[Embedded, None, None]:
    """Prepare and embed a stream of pictures, one picture per thread; arguments and errors as for `in_order`."""

    def embed(picture: RawPicture | Picture) -> Embedded:
        ready = prepare(picture, encoder.info.preprocessing)
        found = None if ready.square is None else encoder(ready.square[None], output)[0]
        source = picture.source if isinstance(picture, RawPicture) else picture
        return Embedded(ready.name, found, ready.error, source)

    return in_order(pictures, embed, ahead=ahead, workers=workers)


def in_order(
    pictures: Iterable[Item], work: Callable[[Item], Done], *, ahead: int = 64, workers: int | None = None
) -> Generator[Done, None, None]:
    """Apply `work` to a stream of pictures in threads, and yield its results in the stream's order.

    Arguments:
        pictures: the stream; items may be of any type.
        work: applied to each item; it must not raise.
        ahead: how many pictures may be read ahead of the last result.
        workers: threads; None for one per available core.

    At most 256 MiB are read ahead, or a single larger picture. If the stream fails (an archive that ends early), the
    results of everything read before it come first. Closing the generator stops reading and decoding.
    """
    pending: deque[tuple[Future[Done], int]] = deque()
    waiting = 0  # bytes
    failure: Exception | None = None
    stream = iter(pictures)
    pool = ThreadPoolExecutor(workers or available_cores(), thread_name_prefix="decode")
    try:
        while True:
            try:
                picture = next(stream)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            size = _bytes_of(picture)
            pending.append((pool.submit(work, picture), size))
            del picture  # or its bytes would be held while the next one is read
            waiting += size
            while len(pending) > ahead or (waiting > _BYTES_AHEAD and pending):
                done, size = pending.popleft()
                yield done.result()
                waiting -= size
        while pending:
            yield pending.popleft()[0].result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if isinstance(stream, Generator):
            stream.close()


def _bytes_of(picture: object) -> int:
    """Bytes of memory that a picture takes while it waits to be decoded."""
    if isinstance(picture, RawPicture):
        return len(picture.data)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return memoryview(picture).nbytes
    if isinstance(picture, Image.Image):
        return 4 * picture.width * picture.height
    size = getattr(picture, "nbytes", 0)
    return size if isinstance(size, int) else 0


def in_batches(
    stream: Generator[Item, None, None],
    work: Callable[[list[Item]], Iterable[Done]],
    *,
    size: int,
    workers: int | None = None,
) -> Generator[Done, None, None]:
    """Apply `work` to batches of a stream in threads, and yield the results of each in the stream's order.

    Arguments:
        stream: read in the caller's thread, and closed at the end.
        work: gets `size` items; the last batch may be smaller.
        size: items of a batch.
        workers: threads, and the most batches in flight; None for one per available core.

    If the stream fails, the results of everything read before it come first.
    """
    pending: deque[Future[Iterable[Done]]] = deque()
    failure: Exception | None = None
    workers = workers or available_cores()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batch")
    with closing(stream):
        try:
            while failure is None:
                batch, failure = _gathered(stream, size)
                if not batch:
                    break
                pending.append(pool.submit(work, batch))
                while pending and (pending[0].done() or len(pending) > workers):
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
            if failure is not None:
                raise failure
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _gathered(stream: Generator[Item, None, None], size: int) -> tuple[list[Item], Exception | None]:
    """The next `size` items, fewer if the stream ends or fails, and its error if it fails."""
    batch: list[Item] = []
    try:
        for item in stream:
            batch.append(item)
            if len(batch) == size:
                break
    except Exception as error:
        return batch, error
    return batch, None
