"""Embedding stores: folders of Arrow IPC shards with a manifest. A killed run loses no finished shard.

    STORE/
      shard-00000.arrow   columns name (string) and embedding (fixed-size list of float16); memory-mapped when read
      rejects.jsonl       pictures that could not be read, with the reason
      store.json          encoder, preprocessing, output, shape, counts and the shards' SHA-256; written last

A shard is written to a temporary file and renamed. Its schema metadata contain what made it and its rejects, so a store
without a manifest can be resumed from its shards alone.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.encoders.runtime import EncoderInfo, EncoderOutput
from showtell.errors import OutputError, StoreError, require
from showtell.files import json_bytes, read_json, remove_unfinished, sha256_file, write_beside, write_bytes, write_json

require("pyarrow", extra="embed", what="an embedding store")
import pyarrow as pa

FORMAT = 1
MANIFEST = "store.json"
REJECTS = "rejects.jsonl"


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """What all embeddings of a store have in common; `mirrored` ones are of pictures with left and right exchanged."""

    encoder: EncoderInfo
    output: EncoderOutput
    mirrored: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one embedding: `(D,)` or `(L, D)`."""
        return self.encoder.shape(self.output)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        value = {"encoder": self.encoder.to_json(), "output": self.output, "shape": list(self.shape)}
        return value | ({"mirrored": True} if self.mirrored else {})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "StoreSpec":
        """The inverse of `to_json`."""
        return cls(EncoderInfo.from_json(value["encoder"]), value["output"], value.get("mirrored", False))

    def require_same(self, other: "StoreSpec", where: Path) -> None:
        """Raise a `StoreError` if the store at `where`, made with `other`, differs from this spec, and say how."""
        mine, theirs = self.encoder, other.encoder
        differing = [
            f"{what} {was} there, {wanted} now"
            for what, was, wanted in (
                ("encoder", theirs.name, mine.name),
                ("encoder fingerprint", theirs.fingerprint[:12], mine.fingerprint[:12]),
                ("preprocessing", theirs.preprocessing, mine.preprocessing),
                ("output", other.output, self.output),
                ("mirrored", other.mirrored, self.mirrored),
            )
            if was != wanted
        ]
        if differing:
            raise StoreError(f"{where}: made otherwise ({'; '.join(differing)}): choose another folder or delete it")


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished shard, opened: `embeddings` is a zero-copy view of the mapped file, `float16 (n, *shape)`."""

    file: str
    names: tuple[str, ...]
    embeddings: npt.NDArray[np.float16]
    rejects: tuple[tuple[str, str], ...]
    spec: StoreSpec


class EmbeddingStore:
    """A finished store, open for reading and memory-mapped; only `take` copies."""

    def __init__(self, folder: str | Path) -> None:
        """Open the store in `folder`.

        Raises:
            StoreError: there is no manifest, it has another format version, or the shards do not agree with it.
        """
        self.folder = Path(folder)
        manifest_path = self.folder / MANIFEST
        if not manifest_path.exists():
            raise StoreError(f"{self.folder}: not a finished embedding store (no {MANIFEST}): run showtell embed again")
        self.manifest = read_json(manifest_path)
        try:
            if self.manifest["format"] != FORMAT:
                raise StoreError(f"{manifest_path}: format {self.manifest['format']}, this release reads {FORMAT}")
            self.spec = StoreSpec.from_json(self.manifest)
            self._shards = [read_shard(self.folder / entry["file"]) for entry in self.manifest["shards"]]
            counts = [entry["count"] for entry in self.manifest["shards"]]
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{manifest_path}: not a manifest of this release ({error!r})") from error
        for shard, count in zip(self._shards, counts, strict=True):
            if len(shard.names) != count:
                raise StoreError(f"{self.folder / shard.file}: holds {len(shard.names)} pictures, not {count}")
        self.names: tuple[str, ...] = tuple(name for shard in self._shards for name in shard.names)
        self._starts = np.cumsum([0, *counts])
        self.rows = {name: row for row, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        for shard in self._shards:
            yield from zip(shard.names, shard.embeddings, strict=True)

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """The embeddings of `rows`, in that order: `float32 (len(rows), *shape)`."""
        wanted = np.asarray(rows, dtype=np.int64)
        taken = np.empty((len(wanted), *self.spec.shape), np.float32)
        shards = np.searchsorted(self._starts, wanted, side="right") - 1
        for i in np.unique(shards):
            here = shards == i
            taken[here] = self._shards[i].embeddings[wanted[here] - self._starts[i]]
        return taken

    def verify(self) -> None:
        """Check every shard against its SHA-256; a `StoreError` names the first that differs."""
        for entry in self.manifest["shards"]:
            if sha256_file(self.folder / entry["file"]) != entry["sha256"]:
                raise StoreError(
                    f"{self.folder / entry['file']}: damaged (SHA-256 differs): delete the store and embed again"
                )


class StoreWriter:
    """Fills a store shard by shard, resuming from the shards that the folder holds."""

    def __init__(self, folder: Path, spec: StoreSpec) -> None:
        """Open or begin the store in `folder`.

        Raises:
            StoreError: the folder holds a damaged shard, or shards made with another spec.
            OutputError: the folder cannot be made.
        """
        self.folder, self.spec = folder, spec
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(folder, error) from error
        remove_unfinished(folder)
        self._shards: list[dict[str, Any]] = []
        self._rejects: list[tuple[str, str]] = []
        self.done: set[str] = set()
        for path in sorted(folder.glob("shard-*.arrow")):
            shard = read_shard(path)
            spec.require_same(shard.spec, folder)
            self._note(path, shard.names, shard.rejects)

    def write(
        self, names: Sequence[str], embeddings: npt.NDArray[np.float16], rejects: Sequence[tuple[str, str]]
    ) -> None:
        """Write one finished shard: `embeddings` is `float16 (len(names), *shape)`, `rejects` are (name, reason)."""
        path = write_shard(self.folder, next(self.free_numbers()), self.spec, names, embeddings, rejects)
        self._note(path, names, rejects)

    def finish(self) -> None:
        """Write the list of rejects and, last, the manifest."""
        lines = [
            json.dumps({"name": name, "error": reason}, ensure_ascii=False) + "\n" for name, reason in self._rejects
        ]
        write_bytes(self.folder / REJECTS, "".join(lines).encode())
        manifest = {
            "format": FORMAT,
            **self.spec.to_json(),
            "count": sum(shard["count"] for shard in self._shards),
            "rejects": len(self._rejects),
            "shards": sorted(self._shards, key=lambda shard: shard["file"]),
        }
        path = self.folder / MANIFEST
        if not path.exists() or path.read_bytes() != json_bytes(manifest):
            write_json(path, manifest)

    def free_numbers(self) -> Iterator[int]:
        """Numbers that no shard has yet, ascending; shards written by several workers may leave gaps."""
        taken = {shard["file"] for shard in self._shards}
        return (number for number in itertools.count() if _shard_name(number) not in taken)

    @property
    def rejects(self) -> list[tuple[str, str]]:
        """(name, reason) of every picture that could not be read, in all runs."""
        return list(self._rejects)

    def _note(self, path: Path, names: Sequence[str], rejects: Sequence[tuple[str, str]]) -> None:
        self.done.update(names, (name for name, _ in rejects))
        self._rejects += rejects
        self._shards.append({"file": path.name, "count": len(names), "sha256": sha256_file(path)})


def write_shard(
    folder: Path,
    number: int,
    spec: StoreSpec,
    names: Sequence[str],
    embeddings: npt.NDArray[np.float16],
    rejects: Sequence[tuple[str, str]],
) -> Path:
    """Write shard `number`: `embeddings` is `float16 (len(names), *shape)`, `rejects` are (name, reason)."""
    path = folder / _shard_name(number)
    length = int(np.prod(spec.shape))
    values = pa.array(np.ascontiguousarray(embeddings, dtype=np.float16).reshape(-1), type=pa.float16())
    metadata = {"spec": json.dumps(spec.to_json()), "rejects": json.dumps(list(rejects), ensure_ascii=False)}
    table = pa.table(
        {"name": pa.array(names, pa.string()), "embedding": pa.FixedSizeListArray.from_arrays(values, length)}
    ).replace_schema_metadata(metadata)
    with write_beside(path) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return path


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}.arrow"


def read_shard(path: Path) -> Shard:
    """Memory-map one shard; a `StoreError` if it is missing or damaged."""
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all().combine_chunks()
        metadata = table.schema.metadata
        spec = StoreSpec.from_json(json.loads(metadata[b"spec"]))
        rejects = tuple((name, reason) for name, reason in json.loads(metadata[b"rejects"]))
        names = tuple(table.column("name").to_pylist())
        column = table.column("embedding")
        flat = column.chunk(0).flatten().to_numpy(zero_copy_only=True) if len(names) else np.empty(0, np.float16)
        embeddings = flat.reshape(len(names), *spec.shape)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"{path}: damaged shard ({reason}): delete it and run showtell embed again") from error
    return Shard(path.name, names, embeddings, rejects, spec)
