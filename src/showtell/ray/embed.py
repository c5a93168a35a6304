"""Pictures -> embedding store, shard by shard on a cluster: `showtell.embeddings.embed` with many workers.

A piece is a shard: its number and its pictures. A worker writes the shard to a temporary file and renames it, so a
shard that is done twice is the same. If a worker or the driver fails, some shards are missing, and the next run fills
them in. With the same options, the store is byte for byte the one that a single process writes.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, EmbedResult, fill, finish
from showtell.embeddings.store import StoreSpec, StoreWriter, write_shard
from showtell.encoders.runtime import Encoder
from showtell.errors import InputError, ShowtellError
from showtell.files import held
from showtell.images.preprocessing import ResizeMode
from showtell.progress import bar
from showtell.ray.cluster import cluster, on_actors


def embed_on(
    address: str,
    source: PictureSource,
    graph: bytes,
    folder: str | Path,
    options: EmbedOptions,
    *,
    resize: ResizeMode | None = None,
    cores: int = 1,
    show: bool = True,
) -> EmbedResult:
    """Embed every picture of `source` on a cluster, and resume from the shards in the folder.

    Arguments:
        address: the cluster, as for `showtell.ray.cluster`.
        source: the pictures; every machine reads them at the same paths.
        graph: the encoder (see `showtell.encoders.encoder_graph`).
        folder: the store; every machine writes to it at the same path.
        options: as for `showtell.embeddings.embed.embed`; `workers` is ignored, as a worker decodes with one thread per
            core.
        resize: how pictures are made square, instead of the encoder's own way.
        cores: cores of one worker; as many workers run as fit.
        show: show progress on stderr.

    Raises:
        StoreError: the folder has a store of another encoder, preprocessing or output.
        InputError: another run works in the folder, the source cannot be read or has no readable picture, or there is
            no such cluster.
        ShowtellError: the cluster failed; finished shards are kept.
    """
    folder = Path(folder).absolute()
    spec = StoreSpec(Encoder(graph, resize=resize, threads=cores).info, options.output, options.mirrored)
    names = source.names()
    todo = set(names) - StoreWriter(folder, spec).done
    with held(folder) if todo else contextlib.nullcontext():  # as in one process
        writer = StoreWriter(folder, spec)
        already = sum(name in writer.done for name in names)
        numbered = zip(source.split(options.shard_size, skip=writer.done), writer.free_numbers(), strict=False)
        pieces = [{"piece": piece, "number": number} for piece, number in numbered]
        arguments = (graph, resize, str(folder), replace(options, workers=cores), cores)
        added, failures = 0, []
        with cluster(address), bar("embedding", len(names), "pictures", done=already, show=show) as tick:
            for done in on_actors(pieces, _Embedder, arguments, cores):
                added += done["added"]
                tick(done["met"])
                failures += [done["error"]] if done["error"] else []
        if failures or source.broken:
            raise InputError(next(iter(failures), source.broken))
        return finish(StoreWriter(folder, spec), source, added, already)


class _Embedder:
    """Writes shards on one worker."""

    def __init__(self, graph: bytes, resize: ResizeMode | None, folder: str, options: EmbedOptions, cores: int) -> None:
        self.encoder = Encoder(graph, resize=resize, threads=cores)
        self.folder, self.options = Path(folder), options
        self.spec = StoreSpec(self.encoder.info, options.output, options.mirrored)

    def __call__(self, work: dict[str, Any]) -> dict[str, Any]:
        piece: PictureSource = work["piece"]
        shard = _OneShard(self.folder, int(work["number"]), self.spec)
        error, added = "", 0
        try:
            added = fill(piece.read(), self.encoder, shard, self.options)
        except ShowtellError as failure:  # a truncated archive: the pictures before are in the shard
            error = str(failure)
        return {"added": added, "met": len(piece.names()), "error": error}


class _OneShard:
    """Writes the one shard of a piece."""

    def __init__(self, folder: Path, number: int, spec: StoreSpec) -> None:
        self.folder, self.number, self.spec = folder, number, spec

    def write(
        self, names: Sequence[str], embeddings: npt.NDArray[np.float16], rejects: Sequence[tuple[str, str]]
    ) -> None:
        write_shard(self.folder, self.number, self.spec, names, embeddings, rejects)
