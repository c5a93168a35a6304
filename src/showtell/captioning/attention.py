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
from showtell.search.steps import start_sentences
from showtell.text import TokenVocabulary

_SHADE = 0.75  # how dark the picture becomes where the attention is 0


class LookingDecoder(StepDecoder, Protocol):
    """A decoder with attention over `L` cells."""

    def look(self, tokens: npt.NDArray[np.int64], constants: State, state: State) -> tuple[Floats, State, Floats]:
        """Take a step; also return its attention, `float32 (N, L)`."""
        ...


def attention_maps(
    decoder: LookingDecoder, embeddings: Floats, sentences: Sequence[Sequence[int]], vocabulary: TokenVocabulary
) -> list[Floats]:
    """Where the decoder looked for each word of each sentence.

    Arguments:
        decoder: a decoder with attention over grid cells.
        embeddings: `float32 (N, L, D)`, one for each sentence.
        sentences: ids of each sentence's words, without START and END.
        vocabulary: the decoder's.

    Returns:
        For each sentence `float32 (ids, rows, cols)`; each map is at least 0 and sums to 1. The cells to which the
        decoder attends are the rows of a square, one after another.

    Raises:
        InputError: the cells do not form a square.
    """
    longest = max(map(len, sentences), default=0)
    constants, state, tokens = start_sentences(decoder, embeddings, vocabulary)
    ids = np.full((len(sentences), longest + 1), vocabulary.end, np.int64)
    ids[:, 0] = tokens
    for row, sentence in zip(ids, sentences, strict=True):
        row[1 : len(sentence) + 1] = sentence
    maps = np.empty((len(sentences), longest, 0, 0), np.float32)
    for t in range(longest):
        _, state, attention = decoder.look(ids[:, t], constants, state)
        side = math.isqrt(attention.shape[1])
        if side * side != attention.shape[1]:
            raise InputError(f"{attention.shape[1]} grid cells do not form a square, so their positions are unknown")
        if not t:
            maps = np.empty((len(sentences), longest, side, side), np.float32)
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
