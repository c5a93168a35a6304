"""Captions for training steps and metrics, drawn by code."""

import numpy as np

WORDS, PAD, LENGTH = 8769, 1, 20

LENGTHS = {9: 1, 10: 10, 11: 14, 12: 14, 13: 10, 14: 6, 15: 4, 16: 2, 17: 1, 18: 1, 20: 1}
"""Of 64 captions, how many have so many ids, START and END among them: as on COCO val2017, cut at 20."""


def batch_of_ids() -> np.ndarray:
    """`int64 (64, 20)`: 64 captions of the lengths that captions have, padded."""
    rng = np.random.default_rng(0)
    ids = np.full((64, LENGTH), PAD, np.int64)
    lengths = rng.permutation([length for length, count in LENGTHS.items() for _ in range(count)])
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = [2, *rng.integers(4, WORDS, length - 2), 0]
    return ids
