"""A model, pictures and captions -> how well it foretells the next word on one random batch.

The course notebook's look at a finished model: 64 different pictures, one random caption of each, the loss and the
share of next words that it got right, with what it expected beside what was said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.captioner import Captioner
from showtell.errors import InputError
from showtell.next_word import NextWords, next_words
from showtell.pipeline import Pictures, prepared

_PICTURES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Check:
    """What was found on a batch: the pictures' `names`, in the order of the sentences in `words`, and which pictures
    could not be read, with the reason.
    """

    names: tuple[str, ...]
    words: NextWords
    unreadable: tuple[tuple[str, str], ...]


def check(
    captioner: Captioner,
    source: Pictures,
    captions: Mapping[str, Sequence[str]],
    *,
    batch_size: int = 64,
    seed: int = 0,
    max_length: int = 20,
) -> Check:
    """Draw a batch of different pictures with one caption each, and let the model foretell the captions.

    Arguments:
        captioner: the model.
        source: where the pictures come from.
        captions: captions by picture name; only these pictures are drawn.
        batch_size: pictures in the batch; fewer where there are not so many.
        seed: of the draw.
        max_length: ids of a caption that are kept, START included.

    Raises:
        InputError: there are no captions, or no picture of the batch can be read.
    """
    if not captions:
        raise InputError(f"{source}: no picture has captions to check")
    rng = np.random.default_rng(seed)
    names = sorted(captions)  # so that the draw does not hang on the order in which pictures are read
    drawn = [names[i] for i in rng.choice(len(names), min(batch_size, len(names)), replace=False)]
    sentences = {name: captions[name][int(rng.integers(len(captions[name])))] for name in drawn}
    raw = source.read(skip=set(source.names()) - set(sentences))
    batch = list(prepared(raw, captioner.encoder.info.preprocessing))
    squares = {picture.name: picture.square for picture in batch if picture.square is not None}
    unreadable = tuple((picture.name, picture.error) for picture in batch if picture.square is None)
    if not squares:
        raise InputError(f"{source}: none of {len(batch)} pictures could be read ({unreadable[0][1]})")
    stacked = np.stack(list(squares.values()))
    parts = [stacked[i : i + _PICTURES_AT_ONCE] for i in range(0, len(stacked), _PICTURES_AT_ONCE)]
    embeddings = np.concatenate([captioner.embed(part) for part in parts])
    chosen = [sentences[name] for name in squares]
    words = next_words(captioner.decoder, embeddings, chosen, captioner.bundle.vocabulary, max_length)
    return Check(tuple(squares), words, unreadable)
