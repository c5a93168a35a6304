"""Pictures -> their embeddings, each computed once and held in memory, or in a store that later runs share."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.data.sources.base import Pictures
from showtell.embeddings.pipeline import Prepared, prepared
from showtell.encoders.runtime import Encoder, EncoderOutput
from showtell.errors import InputError
from showtell.progress import bar
from showtell.search import Floats

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class CachedEmbeddings:
    """Embeddings of pictures. `take(rows)` gives those of `names` at `rows`: `float32 (R, D)` or `(R, L, D)`.

    `unreadable` has (name, reason) of each picture that could not be decoded.
    """

    names: tuple[str, ...]
    take: Callable[[Sequence[int]], Floats]
    unreadable: tuple[tuple[str, str], ...]


def embedded(
    encoder: Encoder,
    output: EncoderOutput,
    pictures: Pictures,
    wanted: Collection[str],
    store: Path | None = None,
    *,
    show: bool = True,
) -> CachedEmbeddings:
    """Embed the `wanted` pictures, in reading order.

    Arguments:
        encoder: a session of the encoder.
        output: the encoder's output, `pooled` or `grid`.
        pictures: the source that they are read from.
        wanted: names of pictures.
        store: the folder of a store, which is read first and gets the missing embeddings; None holds all in memory.
        show: show progress on stderr.

    Raises:
        StoreError: the store was made with another encoder or preprocessing.
        InputError: no picture can be read.
    """
    done = (
        _from_store(encoder, output, pictures, wanted, store, show)
        if store
        else _now(encoder, output, pictures, wanted, show)
    )
    if not done.names:
        raise InputError(f"{pictures}: none of {len(wanted)} pictures could be read ({done.unreadable[0][1]})")
    return done


def _from_store(
    encoder: Encoder, output: EncoderOutput, pictures: Pictures, wanted: Collection[str], folder: Path, show: bool
) -> CachedEmbeddings:
    from showtell.embeddings.embed import (  # here, because stores need an extra that evaluation does not
        EmbedOptions,
        embed,
    )

    options = EmbedOptions(output=output)
    result = embed(pictures, encoder, folder, options, only=wanted, show=show)
    store = result.store
    names = tuple(name for name in pictures.names() if name in wanted and name in store.rows)
    rows = np.array([store.rows[name] for name in names], np.int64)
    unreadable = tuple((name, reason) for name, reason in result.rejects if name in wanted)
    return CachedEmbeddings(names, lambda chosen: store.take(rows[np.asarray(chosen, np.int64)]), unreadable)


def _now(
    encoder: Encoder, output: EncoderOutput, pictures: Pictures, wanted: Collection[str], show: bool
) -> CachedEmbeddings:
    names: list[str] = []
    embeddings: list[Floats] = []
    unreadable: list[tuple[str, str]] = []
    batch: list[Prepared] = []
    raw = pictures.read(skip=set(pictures.names()) - set(wanted))

    def finish() -> None:
        if batch:
            embeddings.append(encoder(np.stack([p.square for p in batch if p.square is not None]), output))
            names.extend(picture.name for picture in batch)
            batch.clear()

    with bar("embedding", len(wanted), "pictures", show=show) as tick:
        for picture in prepared(raw, encoder.info.preprocessing):
            if picture.square is None:
                unreadable.append((picture.name, picture.error))
            else:
                batch.append(picture)
            if len(batch) == _AT_ONCE:
                finish()
            tick(1)
        finish()
    everything = np.concatenate(embeddings) if embeddings else np.empty((0, 1), np.float32)
    return CachedEmbeddings(tuple(names), lambda chosen: everything[np.asarray(chosen, np.int64)], tuple(unreadable))
