"""The embeddings for a training step: of the pictures or, at random, of their mirror images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from showtell.embeddings.store import EmbeddingStore
from showtell.text import Vocabulary, tokenize

_SIDED = frozenset({"left", "lefthand", "leftmost", "right", "righthand", "rightmost"})


class AugmentedEmbeddings:
    """A store of pictures and, if there is one, the store of their mirror images."""

    def __init__(self, store: EmbeddingStore, mirrored: EmbeddingStore | None = None) -> None:
        self.store, self.mirrored = store, mirrored
        self.rows = store.rows
        if mirrored is not None:
            self._partners = np.array([mirrored.rows.get(name, -1) for name in store.names])

    def take(
        self,
        rows: Sequence[int] | npt.NDArray[Any],
        seed: int,
        *,
        as_is: Sequence[bool] | npt.NDArray[np.bool_] = (),
        shard: slice = slice(None),
    ) -> torch.Tensor:
        """The embeddings of `rows[shard]`, `float32 (n, *shape)`; half of them are mirrored if there are mirror images.

        Arguments:
            rows: the rows of the pictures in the store.
            seed: seed of the random choice.
            as_is: true for rows that must not be mirrored; empty if all may be.
            shard: the rows to read; the choice of mirrored ones does not depend on it.
        """
        taken = self.store.take(rows[shard])
        if self.mirrored is not None:
            partners = self._partners[np.asarray(rows, np.int64)]
            swap = (np.random.default_rng(seed).random(len(rows)) < 0.5) & (partners >= 0)
            if len(as_is):
                swap &= ~np.asarray(as_is)
            partners, swap = partners[shard], swap[shard]
            taken[swap] = self.mirrored.take(partners[swap])
        return torch.from_numpy(taken)


def is_sided(caption: str) -> bool:
    """Whether a caption mentions left or right, which mirroring would make wrong."""
    return not _SIDED.isdisjoint(tokenize(caption))


def sided_ids(words: Vocabulary) -> list[int]:
    """The ids of the words that `is_sided` looks for."""
    return [words.ids[word] for word in sorted(_SIDED) if word in words.ids]
