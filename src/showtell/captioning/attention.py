"""Where a decoder looked for each word: maps over the picture, from the step graph's attention.

Input: a decoder over grid cells, embeddings, and the sentences that a search found. Output: for each word a map `(rows,
cols)` that sums to 1, and pictures overlaid with such a map. The sentences go through the decoder once more, so that no
search has to keep maps of every sentence that it tries.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from showtell.errors import InputError
from showtell.search import Floats, State, StepDecoder

_SHADE = 0.75  # how dark the picture becomes where the attention is 0


class LookingDecoder(StepDecoder, Protocol):
    """A decoder with attention over `L` cells."""

    def look(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State, Floats]:
        """Take a step; also return its attention, `float32 (N, L)`."""
        ...


def attention_maps(
    decoder: LookingDecoder, embeddings: Floats, sentences: Sequence[Sequence[int]], start: int
) -> list[Floats]:
    """Where the decoder looked for each word of each sentence.

    Arguments:
        decoder: a decoder with attention over grid cells.
        embeddings: `float32 (N, L, D)`, one for each sentence; the cells are the rows of a square, one after another.
        sentences: ids of each sentence's words, without START and END.
        start: id of START.

    Returns:
        For each sentence `float32 (words, rows, cols)`; each word's map is at least 0 and sums to 1.

    Raises:
        InputError: the cells do not form a square.
    """
    side = math.isqrt(embeddings.shape[1])
    if side * side != embeddings.shape[1]:
        raise InputError(f"{embeddings.shape[1]} grid cells do not form a square, so their positions are unknown")
    longest = max(map(len, sentences), default=0)
    ids = np.full((len(sentences), longest + 1), start, np.int64)
    for row, sentence in zip(ids, sentences, strict=True):
        row[1 : len(sentence) + 1] = sentence
    maps = np.empty((len(sentences), longest, side, side), np.float32)
    constants, state = decoder.start(embeddings)
    for t in range(longest):
        _, state, attention = decoder.look(ids[:, t], constants, state)
        maps[:, t] = attention.reshape(-1, side, side)
    return [attended[: len(sentence)] for attended, sentence in zip(maps, sentences, strict=True)]


def overlay(picture: Image.Image, attention: Floats) -> Image.Image:
    """Darken the picture except where the decoder looked most.

    Arguments:
        picture: the square that the encoder saw (see `showtell.images.preprocessing.square`), or any picture that the
            map covers.
        attention: `float32 (rows, cols)`, at least 0.
    """
    levels = np.uint8(255 * attention / max(float(attention.max()), 1e-12))
    light = Image.fromarray(levels).resize(picture.size, Image.Resampling.BICUBIC)
    colours = picture.convert("RGB")
    dark = Image.blend(colours, Image.new("RGB", picture.size), _SHADE)
    return Image.composite(colours, dark, light)
