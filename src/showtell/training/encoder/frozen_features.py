"""Pictures -> the inputs of an encoder's first trained layer, stored in a file -> embeddings.

    FOLDER/
      inputs.bin        memory-mapped; a row for each picture, and another for its mirror image if needed inputs.json
      what it was made from, and the names of the pictures stored so far validation.bin    the embeddings of the
      validation pictures, float16, rewritten by each validation

If the encoder has a frozen front, a row is the front's output for a picture: float16, channels last. If all of the
encoder is trained, a row is the square itself, `uint8 (S, S, 3)`, which is mirrored when it is read.
"""

import hashlib
import math
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from showtell.data.sources.base import Pictures
from showtell.embeddings.pipeline import Prepared, prepared
from showtell.errors import InputError
from showtell.files import read_json, write_json
from showtell.images.preprocessing import normalize
from showtell.onnx_graphs.session import open_session
from showtell.progress import bar
from showtell.training.encoder.module import EncoderModule, pictures
from showtell.training.recipe import EncoderOptions, Recipe

_AT_ONCE = 16
_BATCHES_KEPT = 32  # between two records of progress; a killed run loses no more than this


@dataclass(frozen=True, slots=True)
class FrozenEmbeddings:
    """Embeddings in a memory-mapped `float16 (n, *shape)`, and the row of each picture."""

    rows: Mapping[str, int]
    embeddings: npt.NDArray[np.float16]

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """See `showtell.training.validate.EmbeddingSource`."""
        return self.embeddings[np.asarray(rows, np.int64)].astype(np.float32)


class FrozenFeatures:
    """The inputs of an encoder's trained layers for every picture. The file is made when it is first needed."""

    def __init__(
        self,
        folder: Path,
        source: Pictures,
        training: Collection[str],
        validation: Collection[str],
        encoder: EncoderModule,
        options: EncoderOptions,
        *,
        mirrored: bool,
        show: bool = True,
    ) -> None:
        """Record what the file will be made from.

        Arguments:
            folder: the folder for the file.
            source: the pictures.
            training: names of the training pictures.
            validation: names of the validation pictures.
            encoder: the module to train.
            options: the encoder's output, and how pictures are made square.
            mirrored: whether `take` will be asked for mirror images of training pictures.
            show: progress bars on stderr.
        """
        self.folder, self.source, self.encoder, self.show = folder, source, encoder, show
        self.output = options.output
        self.validation = list(validation)
        self.preprocessing = encoder.info.with_resize(options.resize).preprocessing
        self._session = open_session(encoder.front()) if encoder.has_front else None
        wanted = {*training, *validation}
        self._names = [name for name in source.names() if name in wanted]
        # A square is mirrored when it is read. A front's output for a mirrored square is not the mirrored output.
        self._twice = {*training} if mirrored and self._session else set()
        self._rows: dict[tuple[str, bool], int] = {}
        for name in self._names:
            for turned in (False, True) if name in self._twice else (False,):
                self._rows[name, turned] = len(self._rows)

    def take(
        self, names: Sequence[str], mirror: npt.NDArray[np.bool_], parts: npt.NDArray[np.float32] | None = None
    ) -> torch.Tensor:
        """The inputs of the trained layers, `float32 (B, ...)`, on the encoder's device.

        Arguments:
            names: names of the pictures.
            mirror: which pictures to mirror, `(B,)`.
            parts: the crop of each picture, `(B, 4)`, from `boxes`; None for the whole. Crops need an encoder that is
                trained from its first layer on.
        """
        turned = mirror if self._twice else np.zeros_like(mirror)
        rows = np.array([self._rows[name, bool(turn)] for name, turn in zip(names, turned, strict=True)], np.int64)
        taken = self._array[rows]
        if self._session:
            given = torch.from_numpy(taken).to(self.encoder.device).float()
            return given.movedim(-1, 1) if given.ndim == 4 else given
        taken[mirror] = taken[mirror, :, ::-1]
        squares = torch.from_numpy(taken).to(self.encoder.device)
        return pictures(squares if parts is None else cropped(squares, parts), self.preprocessing)

    def embed(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of what `take` gave, `float32 (B, D)` or `(B, L, D)`, and the pooled ones, `float32 (B, D)`."""
        pooled, grid = self.encoder.learn(given)
        embeddings = pooled if self.output == "pooled" else grid
        assert embeddings is not None  # making the store refused encoders without a grid
        return embeddings.float(), pooled.float()

    def validation_embeddings(self) -> FrozenEmbeddings:
        """Embeddings of the validation pictures with the present weights, computed in float32, stored as float16."""
        shape = (len(self.validation), *self.encoder.info.shape(self.output))
        stored = _new_array(self.folder / "validation.bin", np.float16, shape)
        with torch.no_grad(), bar("embedding the validation pictures", len(stored), "pictures", show=self.show) as tick:
            for begin in range(0, len(stored), _AT_ONCE):
                names = self.validation[begin : begin + _AT_ONCE]
                embeddings, _ = self.embed(self.take(names, np.zeros(len(names), bool)))
                stored[begin : begin + len(names)] = embeddings.cpu().numpy()
                tick(len(names))
        return FrozenEmbeddings({name: row for row, name in enumerate(self.validation)}, stored)

    @cached_property
    def _array(self) -> npt.NDArray[Any]:
        """The file, created or completed."""
        side = self.preprocessing.size
        kind: Any = np.float16 if self._session else np.uint8
        shape = self._made(np.zeros((1, side, side, 3), np.uint8)).shape[1:]
        described = self._description(shape)
        path, note = self.folder / "inputs.bin", self.folder / "inputs.json"
        found = read_json(note) if note.exists() and path.exists() else {}
        done = found["names"] if found.get("made_from") == described else []
        shape = (len(self._rows), *shape)
        array = np.memmap(path, kind, "r+", shape=shape) if done else _new_array(path, kind, shape)
        if len(done) < len(self._names):
            self._fill(array, done, note, described)
        return np.memmap(path, kind, "r", shape=shape)

    def _description(self, shape: tuple[int, ...]) -> dict[str, Any]:
        names = "\n".join(f"{name} {turned}" for name, turned in self._rows)
        front = self.encoder.front() if self._session else b""
        return {
            "front": hashlib.sha256(front).hexdigest(),
            "pictures": hashlib.sha256(names.encode()).hexdigest(),
            "preprocessing": self.preprocessing.to_json(),
            "shape": list(shape),
        }

    def _fill(self, array: Any, done: Sequence[str], note: Path, described: dict[str, Any]) -> None:
        names = list(done)
        skip = (set(self.source.names()) - set(self._names)) | set(done)
        stream = prepared(self.source.read(skip=skip), self.preprocessing)
        what = "preparing pictures to train the encoder on"
        batches = iter(lambda: list(islice(stream, _AT_ONCE)), [])
        with closing(stream), bar(what, len(self._names), "pictures", done=len(names), show=self.show) as tick:
            for number, batch in enumerate(batches, 1):
                self._write(array, batch)
                names += [picture.name for picture in batch]
                if number % _BATCHES_KEPT == 0 or len(names) == len(self._names):
                    array.flush()
                    write_json(note, {"made_from": described, "names": names})
                tick(len(batch))
        if len(names) < len(self._names):
            raise InputError(f"{self.source}: {len(self._names) - len(names)} pictures are missing now: restore them")

    def _write(self, array: Any, batch: Sequence[Prepared]) -> None:
        squares = np.stack([_whole(picture) for picture in batch])
        array[[self._rows[picture.name, False] for picture in batch]] = self._made(squares)
        twice = [i for i, picture in enumerate(batch) if picture.name in self._twice]
        if twice:
            array[[self._rows[batch[i].name, True] for i in twice]] = self._made(squares[twice, :, ::-1])

    def _made(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """The rows to store for squares."""
        if not self._session:
            return squares
        (given,) = self._session.run(None, {"picture": normalize(squares, self.preprocessing)})
        stored: npt.NDArray[np.float16] = (np.moveaxis(given, 1, -1) if given.ndim == 4 else given).astype(np.float16)
        return stored


def frozen_features(
    recipe: Recipe,
    graph: bytes,
    folder: Path,
    source: Pictures,
    training: Collection[str],
    validation: Collection[str],
    *,
    show: bool = True,
) -> FrozenFeatures | None:
    """The frozen features of a recipe's encoder, whose float32 graph is `graph`; None if the recipe does not train
    it.
    """
    options = recipe.fine_tune
    if not options.epochs:
        return None
    encoder = EncoderModule(graph, options.first_layer, depthwise=options.depthwise)
    splits = training, validation
    return FrozenFeatures(folder, source, *splits, encoder, recipe.encoder, mirrored=options.mirrored, show=show)


def _new_array(path: Path, kind: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A memory-mapped array in a new file whose disk space is allocated at once.

    With a file that grows as it is written, a full disk would end the process without a message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    size = math.prod(shape) * np.dtype(kind).itemsize
    try:
        with open(path, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:  # macOS and Windows lack it
                file.truncate(size)
    except OSError as error:
        raise InputError(
            f"{path}: {size / 1e9:.1f} GB cannot be written ({error.strerror}): free some space"
        ) from error
    return np.memmap(path, kind, "r+", shape=shape)


def _whole(picture: Prepared) -> npt.NDArray[np.uint8]:
    if picture.square is None:
        raise InputError(f"{picture.name}: was readable before and is not now ({picture.error}): restore it")
    return picture.square


def boxes(count: int, crop: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Random crops, `float32 (count, 4)`: left, top, width and height as shares of the picture, width and height at
    least `crop`.
    """
    sizes = rng.uniform(crop, 1, (count, 2))
    return np.concatenate([rng.uniform(0, 1 - sizes), sizes], axis=1).astype(np.float32)


def cropped(pictures: torch.Tensor, boxes: npt.NDArray[np.float32]) -> torch.Tensor:
    """Crop pictures `uint8 (B, H, W, C)` by `boxes`, and scale the crops bilinearly to the full size: `float32`."""
    channels_first = pictures.permute(0, 3, 1, 2).float()
    left, top, width, height = torch.from_numpy(boxes).to(pictures.device).unbind(1)
    zero = torch.zeros_like(left)
    # affine_grid's coordinates go from -1 to 1 over the picture, whatever its size.
    across = torch.stack([width, zero, 2 * left + width - 1], dim=1)
    down = torch.stack([zero, height, 2 * top + height - 1], dim=1)
    places = functional.affine_grid(torch.stack([across, down], dim=1), [*channels_first.shape], align_corners=False)
    parts = functional.grid_sample(channels_first, places, padding_mode="border", align_corners=False)
    return parts.permute(0, 2, 3, 1)
