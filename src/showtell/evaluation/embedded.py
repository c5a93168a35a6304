"""Pictures -> their embeddings, each computed once: kept in memory, or in a store that later runs share."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.captioner import Captioner
from showtell.errors import InputError
from showtell.pipeline import Pictures, Prepared, prepared
from showtell.progress import bar
from showtell.search import Floats

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Embedded:
    """Embeddings of pictures: `take(rows)` gives those of `names` at `rows`, `float32 (len(rows), D)` or `(.., L, D)`.

    `unreadable` are the names and reasons of pictures that could not be decoded.
    """

    names: tuple[str, ...]
    take: Callable[[Sequence[int]], Floats]
    unreadable: tuple[tuple[str, str], ...]


def embedded(
    captioner: Captioner, pictures: Pictures, wanted: Collection[str], store: Path | None, show: bool
) -> Embedded:
    """Embed the `wanted` pictures with the captioner's encoder, in reading order.

    Arguments:
        store: a folder to take embeddings from and to add the missing ones to; None computes all and keeps none.

    Raises:
        StoreError: the store was made with another encoder or preprocessing.
        InputError: no picture can be read.
    """
    done = _from_store(captioner, pictures, wanted, store, show) if store else _now(captioner, pictures, wanted, show)
    if not done.names:
        raise InputError(f"{pictures}: none of {len(wanted)} pictures could be read ({done.unreadable[0][1]})")
    return done


def _from_store(
    captioner: Captioner, pictures: Pictures, wanted: Collection[str], folder: Path, show: bool
) -> Embedded:
    from showtell.embed import EmbedOptions, embed  # here, because stores need an extra that evaluation does not

    options = EmbedOptions(output=captioner.bundle.model["output"])
    result = embed(pictures, captioner.encoder, folder, options, only=wanted, show=show)
    store = result.store
    names = tuple(name for name in pictures.names() if name in wanted and name in store.rows)
    rows = np.array([store.rows[name] for name in names], np.int64)
    unreadable = tuple((name, reason) for name, reason in result.rejects if name in wanted)
    return Embedded(names, lambda chosen: store.take(rows[np.asarray(chosen, np.int64)]), unreadable)


def _now(captioner: Captioner, pictures: Pictures, wanted: Collection[str], show: bool) -> Embedded:
    names: list[str] = []
    embeddings: list[Floats] = []
    unreadable: list[tuple[str, str]] = []
    batch: list[Prepared] = []
    raw = pictures.read(skip=set(pictures.names()) - set(wanted))

    def finish() -> None:
        if batch:
            embeddings.append(captioner.embed(np.stack([p.square for p in batch if p.square is not None])))
            names.extend(picture.name for picture in batch)
            batch.clear()

    with bar("embedding", len(wanted), "pictures", show=show) as tick:
        for picture in prepared(raw, captioner.encoder.info.preprocessing):
            if picture.square is None:
                unreadable.append((picture.name, picture.error))
            else:
                batch.append(picture)
            if len(batch) == _AT_ONCE:
                finish()
            tick(1)
        finish()
    everything = np.concatenate(embeddings) if embeddings else np.empty((0, 1), np.float32)
    return Embedded(tuple(names), lambda chosen: everything[np.asarray(chosen, np.int64)], tuple(unreadable))
