"""Captions without pictures -> batches whose embeddings are those of real pictures, moved to where the words point.

A ridge regression over the training pictures says by how much each word in a picture's captions moves its embedding.
A caption without a picture is given the embedding of a random training picture, less what that picture's own words
add, plus what its words add. So the embedding keeps the variety of real ones, and the decoder learns words and phrases
that no training picture has. The idea is that of text-only training in a shared space of pictures and texts (Nukrai,
Mokady and Globerson 2022, arXiv:2211.00575), with a linear map in place of CLIP's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from showtell.data.captions.caption_set import read_captions
from showtell.embeddings.store import EmbeddingStore
from showtell.text import Vocabulary
from showtell.training.batches import CaptionBatches
from showtell.training.recipe import TextOptions, TrainingOptions

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Captions without pictures: their ids, `int64 (B, T)`, padded, and the numbers of their groups, `int64 (B,)`."""

    groups: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.groups)


def read_texts(options: TextOptions, root: Path) -> list[tuple[str, ...]]:
    """The captions of every file, grouped as the files group them by the pictures that they once belonged to.

    Raises:
        InputError: a file is missing or cannot be read as captions.
    """
    return [tuple(texts) for path in options.captions for texts in read_captions(root / path).captions.values()]


class TextOnly:
    """The captions without pictures of a run, and the embeddings that they are given."""

    def __init__(
        self,
        options: TextOptions,
        training: TrainingOptions,
        texts: Sequence[Sequence[str]],
        captions: Mapping[str, Sequence[str]],
        store: EmbeddingStore,
        words: Vocabulary,
    ) -> None:
        """Fit the regression.

        Arguments:
            options: how many of the captions an epoch meets, and the regression's penalty.
            training: the size of batches, and the seed.
            texts: groups of captions without pictures.
            captions: the training captions by picture name.
            store: the embeddings of the training pictures.
            words: the decoder's vocabulary.
        """
        self.words, self.store = words, store
        names = {str(number): tuple(group) for number, group in enumerate(texts)}
        self.batches = CaptionBatches(
            names,
            {name: int(name) for name in names},
            words,
            batch_size=training.batch_size,
            max_length=training.max_length,
            seed=training.seed,
        )
        self.share = options.share
        self.groups = [self._bag(group) for group in texts]
        self.rows = np.array([store.rows[name] for name in captions], np.int64)
        self.bags = [self._bag(group) for group in captions.values()]
        self.moves = self._fit(options.ridge, [len(group) for group in captions.values()])

    def steps_beside(self, steps: int) -> int:
        """How many batches an epoch meets beside `steps` batches of pictures."""
        return round(self.share * steps)

    def epoch(self, number: int, steps: int) -> list[TextBatch]:
        """The batches of epoch `number`, as many as `share` says beside `steps` batches of pictures."""
        wanted, whole = self.steps_beside(steps), len(self.batches)
        first = number * wanted
        rounds = {k: self.batches.epoch(k) for k in range(first // whole, (first + wanted - 1) // whole + 1)}
        chosen = [rounds[i // whole][i % whole] for i in range(first, first + wanted)]
        return [TextBatch(batch.rows, batch.tokens) for batch in chosen]

    def embeddings(self, groups: npt.NDArray[np.int64], seed: int) -> torch.Tensor:
        """Embeddings for captions of these groups, `float32 (B, D)` or `(B, L, D)`; `seed` chooses the pictures."""
        drawn = np.random.default_rng(seed).integers(len(self.rows), size=len(groups))
        taken = self.store.take(self.rows[drawn])
        moved = [self._sum(self.groups[g]) - self._sum(self.bags[i]) for g, i in zip(groups, drawn, strict=True)]
        by = np.stack(moved)
        return torch.from_numpy(taken + (by[:, None] if taken.ndim == 3 else by))

    def _sum(self, bag: Mapping[int, float]) -> npt.NDArray[np.float32]:
        """By how much the words of a bag move the pooled embedding, `float32 (D,)`."""
        return np.array([*bag.values()], np.float32) @ self.moves[[*bag]]

    def _fit(self, ridge: float, counts: Sequence[int]) -> npt.NDArray[np.float32]:
        """By how much each word moves the pooled embedding, `float32 (V, D)`."""
        size, width = len(self.words), self.store.spec.shape[-1]
        products: npt.NDArray[Any] = np.eye(size) * ridge
        sums, weighed, total = np.zeros((size, width)), np.zeros(size), np.zeros(width)
        for begin in range(0, len(self.rows), _ROWS_AT_ONCE):
            here = range(begin, min(begin + _ROWS_AT_ONCE, len(self.rows)))
            weights = np.sqrt(np.array([counts[i] for i in here], np.float32))[:, None]
            bags = np.stack([self._dense(self.bags[i]) for i in here]) * weights
            pooled = self._pooled(self.rows[here.start : here.stop])
            products += bags.T @ bags
            sums += bags.T @ (pooled * weights)
            weighed += (bags.T @ weights)[:, 0]
            total += pooled.sum(0)
        sums -= np.outer(weighed, total / len(self.rows))  # as if the mean embedding had been taken off each first
        solved: npt.NDArray[np.float32] = np.linalg.solve(products, sums).astype(np.float32)
        return solved

    def _pooled(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        taken = self.store.take(rows)
        pooled: npt.NDArray[np.float32] = taken.mean(1) if taken.ndim == 3 else taken
        return pooled

    def _bag(self, group: Sequence[str]) -> dict[int, float]:
        """The share of a group's captions that have each word."""
        counts: dict[int, float] = {}
        for caption in group:
            for word in {*self.words.encode(caption)} - {self.words.unk}:
                counts[word] = counts.get(word, 0.0) + 1 / len(group)
        return counts

    def _dense(self, bag: Mapping[int, float]) -> npt.NDArray[np.float32]:
        row = np.zeros(len(self.words), np.float32)
        row[list(bag)] = list(bag.values())
        return row
