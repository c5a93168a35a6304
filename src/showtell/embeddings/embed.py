"""Pictures -> embedding store: decode in threads, encode in batches, write shard by shard.

A killed run resumes after the last finished shard. Batches never cross the end of a shard, so the finished store is the
same, byte for byte, as that of an uninterrupted run.
"""

import contextlib
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from showtell.data.sources.base import Pictures, RawPicture
from showtell.embeddings.pipeline import Prepared, prepared
from showtell.embeddings.store import EmbeddingStore, StoreSpec, StoreWriter
from showtell.encoders.runtime import Encoder, EncoderOutput
from showtell.errors import InputError, ShowtellError
from showtell.files import held
from showtell.progress import Tick, bar


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How a store is filled.

    `output` is the encoder's output, `pooled` or `grid`. `shard_size` and `batch_size` count pictures, `workers` the
    threads that decode (None: one per available core). `mirrored` exchanges left and right of every picture.
    """

    output: EncoderOutput = "pooled"
    shard_size: int = 1024
    batch_size: int = 16
    workers: int | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.shard_size < 1 or self.batch_size < 1:
            raise InputError("shard size and batch size must be at least 1")


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """A filled store.

    This run `added` so many embeddings, and `already` so many were there. `rejects` has (name, reason) of every picture
    that could not be read, in all runs.
    """

    store: EmbeddingStore
    added: int
    already: int
    rejects: tuple[tuple[str, str], ...]


def embed(
    source: Pictures,
    encoder: Encoder,
    folder: str | Path,
    options: EmbedOptions = EmbedOptions(),
    *,
    only: Collection[str] | None = None,
    show: bool = True,
) -> EmbedResult:
    """Embed every picture of `source` into the store in `folder`, resuming from what the folder holds.

    Arguments:
        source: the pictures.
        encoder: the network, with its preprocessing.
        folder: the store; made when missing.
        options: sizes and threads.
        only: names to embed; None for all.
        show: show progress on stderr.

    Raises:
        InputError: another run works in the folder, or the source cannot be read or holds no readable picture.
        StoreError: the folder holds a store made with another encoder, preprocessing or output.
    """
    folder, spec = Path(folder), StoreSpec(encoder.info, options.output, options.mirrored)
    names = source.names()
    wanted = names if only is None else [name for name in names if name in only]
    todo = set(wanted) - StoreWriter(folder, spec).done
    with held(folder) if todo else contextlib.nullcontext():  # several runs may use a complete store at once
        return _embed(source, encoder, StoreWriter(folder, spec), options, names, wanted, only is None, show)


def _embed(
    source: Pictures,
    encoder: Encoder,
    writer: StoreWriter,
    options: EmbedOptions,
    names: Sequence[str],
    wanted: Sequence[str],
    everything: bool,
    show: bool,
) -> EmbedResult:
    done = [name for name in wanted if name in writer.done]
    skip = writer.done if everything else writer.done | (set(names) - set(wanted))
    what = "embedding mirrored" if options.mirrored else "embedding"
    with bar(what, len(wanted), "pictures", done=len(done), show=show) as tick:
        added = fill(source.read(skip=skip), encoder, writer, options, tick)
    return finish(writer, source, added, len(done))


class ShardWriter(Protocol):
    """Writes finished shards: a `StoreWriter`, or the writer of a single shard."""

    spec: StoreSpec

    def write(
        self, names: Sequence[str], embeddings: npt.NDArray[np.float16], rejects: Sequence[tuple[str, str]]
    ) -> None:
        """Write one finished shard; see `StoreWriter.write`."""
        ...


def fill(
    pictures: Generator[RawPicture, None, None],
    encoder: Encoder,
    writer: ShardWriter,
    options: EmbedOptions,
    tick: Tick = lambda n=1, note="": None,
) -> int:
    """Embed a stream of pictures into shards, and return how many were embedded.

    If the stream fails with a `ShowtellError`, the pictures before it are written first, then the error is raised.
    """
    stream = prepared(pictures, encoder.info.preprocessing, ahead=4 * options.batch_size, workers=options.workers)
    filler = _ShardFiller(encoder, writer, options)
    # Closed even if the network fails or is interrupted, so that no thread continues to read.
    with closing(stream):
        try:
            for picture in stream:
                filler.add(picture, tick)
        except ShowtellError:
            filler.end_shard(tick)
            raise
        filler.end_shard(tick)
    return filler.added


def finish(writer: StoreWriter, source: Pictures, added: int, already: int) -> EmbedResult:
    """Write the manifest of a store whose shards are done; an `InputError` if none of its pictures could be read."""
    writer.finish()
    store = EmbeddingStore(writer.folder)
    if not len(store):
        listed = f"see {writer.folder}/rejects.jsonl"
        raise InputError(f"{source}: none of {len(writer.rejects)} pictures could be read: {listed}")
    return EmbedResult(store, added, already, tuple(writer.rejects))


class _ShardFiller:
    """Gathers pictures into batches and embeddings into shards."""

    def __init__(self, encoder: Encoder, writer: ShardWriter, options: EmbedOptions) -> None:
        self.encoder, self.writer, self.options = encoder, writer, options
        self.added = 0
        self._begin_shard()

    def add(self, picture: Prepared, tick: Tick) -> None:
        if picture.square is None:
            self.rejects.append((picture.name, picture.error))
            tick(1)
        else:
            self.batch.append((picture.name, picture.square))
        if len(self.batch) == self.options.batch_size:
            self._encode(tick)
        if len(self.names) + len(self.batch) + len(self.rejects) == self.options.shard_size:
            self.end_shard(tick)

    def end_shard(self, tick: Tick) -> None:
        self._encode(tick)
        if self.names or self.rejects:
            shape = (0, *self.writer.spec.shape)
            embeddings = np.concatenate(self.embeddings) if self.embeddings else np.empty(shape, np.float16)
            self.writer.write(self.names, embeddings, self.rejects)
        self._begin_shard()

    def _begin_shard(self) -> None:
        self.names: list[str] = []
        self.embeddings: list[npt.NDArray[np.float16]] = []
        self.rejects: list[tuple[str, str]] = []
        self.batch: list[tuple[str, npt.NDArray[np.uint8]]] = []

    def _encode(self, tick: Tick) -> None:
        if not self.batch:
            return
        squares = np.stack([square for _, square in self.batch])
        if self.options.mirrored:
            squares = squares[:, :, ::-1]
        self.embeddings.append(self.encoder(squares, self.options.output).astype(np.float16))
        self.names += [name for name, _ in self.batch]
        self.added += len(self.batch)
        tick(len(self.batch))
        self.batch = []
