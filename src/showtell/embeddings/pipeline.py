"""Raw pictures -> decoded squares or embeddings, in order, with the work spread over threads and a bound on what is in
flight; and batches of these, worked on while the next ones gather.

Pillow releases the interpreter's lock while it decodes and resizes, and ONNX Runtime while a network runs, so threads
are enough.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from showtell.data.sources.base import RawPicture
from showtell.encoders.runtime import Encoder, EncoderOutput
from showtell.errors import PictureError, ShowtellError
from showtell.images.decode import Picture
from showtell.images.preprocessing import Preprocessing, fitted
from showtell.onnx_session import available_cores

Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture ready for an encoder: `square` is `uint8 (S, S, 3)`, or None where `error` says why there is none.

    The `name` is empty where the picture came without one.
    """

    name: str
    square: npt.NDArray[np.uint8] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture that an encoder has seen: `embedding` is `float32 (D,)` or `(L, D)`, or None where `error` says why."""

    name: str
    embedding: npt.NDArray[np.float32] | None
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
        data = picture.data if isinstance(picture, RawPicture) else picture
        return Prepared(name, fitted(data, preprocessing))
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


def embedded(
    pictures: Iterable[RawPicture | Picture],
    encoder: Encoder,
    output: EncoderOutput,
    *,
    ahead: int = 64,
    workers: int | None = None,
) -> Generator[Embedded, None, None]:
    """Prepare and embed a stream of pictures, one picture a thread; arguments and failures as for `in_order`."""

    def embed(picture: RawPicture | Picture) -> Embedded:
        ready = prepare(picture, encoder.info.preprocessing)
        found = None if ready.square is None else encoder(ready.square[None], output)[0]
        return Embedded(ready.name, found, ready.error)

    return in_order(pictures, embed, ahead=ahead, workers=workers)


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


def in_batches(
    stream: Generator[Item, None, None],
    work: Callable[[list[Item]], Iterable[Done]],
    *,
    size: int,
    workers: int | None = None,
) -> Generator[Done, None, None]:
    """Do `work` on batches of a stream in threads, yielding what it returns for each in the stream's order.

    Arguments:
        stream: read in the thread of whoever asks for results, and closed in the end.
        work: gets `size` items, or what is left at the end.
        size: items of a batch.
        workers: threads, and batches that are waited for at most; None for one per available core.

    When the stream fails with a `ShowtellError`, what was read before is worked on first.
    """
    pending: deque[Future[Iterable[Done]]] = deque()
    failure: ShowtellError | None = None
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


def _gathered(stream: Generator[Item, None, None], size: int) -> tuple[list[Item], ShowtellError | None]:
    """The next `size` items, or those before the stream's end or failure, and that failure."""
    batch: list[Item] = []
    try:
        for item in stream:
            batch.append(item)
            if len(batch) == size:
                break
    except ShowtellError as error:
        return batch, error
    return batch, None
