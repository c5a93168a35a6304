"""Small decoders of every kind."""

import numpy as np
import torch

from showtell.decoders.attention import AttentionOptions
from showtell.decoders.registry import build
from showtell.decoders.show_and_tell import ShowAndTellOptions
from showtell.decoders.transformer import TransformerOptions
from showtell.text import SPECIALS, Vocabulary

WORDS = ("a", "ball", "big", "blue", "dog", "grass", "in", "jumps", "man", "on", "red", "sits", "snow", "the")


VOCABULARY = Vocabulary(tuple(sorted([*WORDS, *SPECIALS])))


POOLED, GRID = (8,), (16, 8)
CASES = {
    "show_and_tell": (ShowAndTellOptions(hidden=16, word=12, picture="every_step"), POOLED),
    "attention": (AttentionOptions(hidden=16, word=16, cell=14, attention=10), GRID),
    "attention, projected": (
        AttentionOptions(hidden=16, word=12, cell=14, attention=10, projection=12, standardise=False),
        GRID,
    ),
    "transformer": (TransformerOptions(hidden=16, layers=2, heads=4, feed_forward=24), GRID),
    "transformer, untied": (TransformerOptions(hidden=12, layers=1, heads=2, feed_forward=20, tie_words=False), GRID),
}


def built(case, seed=0):
    options, shape = CASES[case]
    torch.manual_seed(seed)
    decoder = build(case.partition(",")[0], options, shape, len(VOCABULARY)).eval()
    decoder.standardise_by([torch.randn(20, *shape) * 2 + 1])
    return decoder, shape


def a_batch(shape, rows=5, length=7):
    embeddings = torch.from_numpy(np.random.default_rng(0).normal(1, 2, (rows, *shape)).astype(np.float32))
    tokens = np.random.default_rng(1).integers(4, len(VOCABULARY), (rows, length))
    tokens[:, 0] = VOCABULARY.start
    return embeddings, torch.from_numpy(tokens)
