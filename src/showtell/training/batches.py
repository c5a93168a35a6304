"""Captions of pictures -> padded batches, which depend only on seed and epoch.

The batches of an epoch are a function of (seed, epoch), so a run that resumes within an epoch gets the same ones.
`CaptionBatches` goes through every caption in batches of similar length. `PictureBatches` samples different pictures
with one caption each, as the course notebook did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.text import Vocabulary, pad_batch
from showtell.training.sampling import Sampling

_BATCHES_PER_POOL = 50  # sorted by length within a pool: little padding, yet batches differ from epoch to epoch


@dataclass(frozen=True, slots=True)
class Batch:
    """`rows` are the pictures' in the store, `int64 (B,)`; `tokens` their captions' ids, `int64 (B, T)`, padded."""

    rows: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


class Batches(Protocol):
    """What the training loop needs from either kind."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, number: int) -> list[Batch]:
        """The batches of epoch `number`, in order."""
        ...


class CaptionBatches:
    """Every caption of every picture once per epoch, in length-bucketed batches."""

    def __init__(
        self,
        captions: Mapping[str, Sequence[str]],
        rows: Mapping[str, int],
        vocabulary: Vocabulary,
        *,
        batch_size: int,
        max_length: int,
        seed: int,
        sampling: Sampling | None = None,
    ) -> None:
        """Encode the captions.

        Arguments:
            captions: captions by picture name.
            rows: row in the store by picture name.
            vocabulary: turns captions into ids.
            batch_size: captions in a batch; the last of an epoch may be smaller.
            max_length: the largest number of ids of a caption, START included; longer ones are cut.
            seed: seed of the shuffling.
            sampling: how often each picture and caption is used in an epoch; None for once.
        """
        if batch_size < 1 or max_length < 2:
            raise InputError("batches need at least 1 caption of at least 2 ids")
        pairs = [
            (rows[name], vocabulary.encode(caption)[:max_length]) for name in captions for caption in captions[name]
        ]
        if not pairs:
            raise InputError("there are no captions to make batches of")
        self._rows = np.array([row for row, _ in pairs], np.int64)
        self._sampling = sampling if sampling and not sampling.plain else None
        self._counts = {name: len(texts) for name, texts in captions.items()}
        starts = np.cumsum([0, *self._counts.values()])
        self._first = dict(zip(captions, starts.tolist(), strict=False))  # number of each picture's first caption
        self._ids = [ids for _, ids in pairs]
        self._lengths = np.array([len(ids) for ids in self._ids])
        self._pad = vocabulary.pad
        self._batch_size = batch_size
        self._seed = seed
        self._steps = -(-len(self._used(np.random.default_rng(0))) // self._batch_size)  # every step asks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._steps

    def epoch(self, number: int) -> list[Batch]:
        """The batches of epoch `number`, in order."""
        rng = np.random.default_rng([self._seed, number])
        met = self._used(rng)
        order = met[rng.permutation(len(met))]
        pool = self._batch_size * _BATCHES_PER_POOL
        batches = []
        for begin in range(0, len(order), pool):
            part = order[begin : begin + pool]
            part = part[np.argsort(self._lengths[part], kind="stable")]
            batches += [part[i : i + self._batch_size] for i in range(0, len(part), self._batch_size)]
        return [self._batch(batches[i]) for i in rng.permutation(len(batches))]

    def _used(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The numbers of the captions that an epoch uses."""
        if self._sampling is None:
            return np.arange(len(self._ids))
        return np.array([self._first[name] + i for name, i in self._sampling.captions(self._counts, rng)], np.int64)

    def in_order(self) -> list[Batch]:
        """All captions once, shortest first, for a validation loss."""
        order = np.argsort(self._lengths, kind="stable")
        return [self._batch(order[i : i + self._batch_size]) for i in range(0, len(order), self._batch_size)]

    def _batch(self, chosen: npt.NDArray[np.int64]) -> Batch:
        return Batch(self._rows[chosen], pad_batch([self._ids[i] for i in chosen], self._pad))


class PictureBatches:
    """Batches of different random pictures, each with one random caption; `steps` of them make an epoch."""

    def __init__(
        self,
        captions: Mapping[str, Sequence[str]],
        rows: Mapping[str, int],
        vocabulary: Vocabulary,
        *,
        batch_size: int,
        max_length: int,
        seed: int,
        steps: int,
        sampling: Sampling | None = None,
    ) -> None:
        """Encode the captions; arguments as for `CaptionBatches`, and the number of batches in an epoch.

        Raises:
            InputError: there are fewer pictures than a batch needs.
        """
        if len(captions) < batch_size:
            raise InputError(f"{len(captions)} pictures do not fill a batch of {batch_size}: lower batch_size")
        self._rows = np.array([rows[name] for name in captions], np.int64)
        self._ids = [[vocabulary.encode(caption)[:max_length] for caption in texts] for texts in captions.values()]
        self._pad, self._batch_size, self._seed, self._steps = vocabulary.pad, batch_size, seed, steps
        self._chances = sampling.chances(list(captions)) if sampling and not sampling.plain else None

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._steps

    def epoch(self, number: int) -> list[Batch]:
        """The batches of epoch `number`."""
        rng = np.random.default_rng([self._seed, number])
        return [self._draw(rng) for _ in range(self._steps)]

    def _draw(self, rng: np.random.Generator) -> Batch:
        pictures = rng.choice(len(self._rows), self._batch_size, replace=False, p=self._chances)
        ids = [self._ids[picture][rng.integers(len(self._ids[picture]))] for picture in pictures]
        return Batch(self._rows[pictures], pad_batch(ids, self._pad))


class NameBatches:
    """The names of an epoch's pictures in random order, in batches; the last may be smaller."""

    def __init__(self, names: Sequence[str], batch_size: int, seed: int, sampling: Sampling | None = None) -> None:
        """An epoch uses each of the `names` once, or as often as `sampling` says."""
        self._names, self._batch_size, self._seed = list(names), batch_size, seed
        self._sampling = sampling if sampling and not sampling.plain else None
        self._steps = -(-len(self._used(np.random.default_rng(0))) // self._batch_size)  # every step asks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._steps

    def epoch(self, number: int) -> list[list[str]]:
        """The batches of epoch `number`."""
        rng = np.random.default_rng([self._seed, number])
        names = self._used(rng)
        order = rng.permutation(len(names))
        size = self._batch_size
        return [[names[i] for i in order[begin : begin + size]] for begin in range(0, len(names), size)]

    def _used(self, rng: np.random.Generator) -> list[str]:
        return self._sampling.pictures(rng) if self._sampling else self._names
