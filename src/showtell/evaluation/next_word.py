"""A decoder, embeddings and true captions -> how well the decoder predicts each next word (teacher forcing)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.captioning.captioner import Captioner
from showtell.data.sources.base import Pictures
from showtell.embeddings.pipeline import prepared
from showtell.errors import InputError
from showtell.search import Floats, StepDecoder
from showtell.text import TokenVocabulary, pad_batch


@dataclass(frozen=True, slots=True)
class NextWords:
    """Teacher-forced figures of a batch of captions.

    `losses` are the cross-entropies in nats of all N words, END included, `float64 (N,)`. `correct` says whether each
    was the likeliest, `bool (N,)`. `predicted` and `true` are the sentences side by side: each predicted word is the
    likeliest after the true words before it.
    """

    losses: npt.NDArray[np.float64]
    correct: npt.NDArray[np.bool_]
    predicted: tuple[str, ...]
    true: tuple[str, ...]

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats per word; its exponential is the perplexity."""
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        """Share of words that were the likeliest, from 0 to 1."""
        return float(self.correct.mean())


def next_words(
    decoder: StepDecoder, embeddings: Floats, captions: Sequence[str], vocabulary: TokenVocabulary, max_length: int = 20
) -> NextWords:
    """Feed true captions to a decoder word by word, and compare its predictions with the words that follow.

    Arguments:
        decoder: an exported decoder, or one in training.
        embeddings: `float32 (B, D)` or `(B, L, D)`, one for each caption.
        captions: one sentence for each embedding.
        vocabulary: the decoder's; unknown words count as UNK, which is hard to predict.
        max_length: ids of a caption that are used, START included.
    """
    ids = pad_batch([vocabulary.encode(caption) for caption in captions], vocabulary.pad, max_length)
    constants, state = decoder.start(embeddings)
    losses, correct = np.zeros(ids[:, 1:].shape), np.zeros(ids[:, 1:].shape, bool)
    likeliest = np.zeros_like(ids[:, 1:])
    for t in range(ids.shape[1] - 1):
        logits, state = decoder.step(ids[:, t], constants, state)
        logits = logits.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        wanted = ids[:, t + 1]
        losses[:, t] = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(ids)), wanted]
        likeliest[:, t] = logits.argmax(axis=1)
        correct[:, t] = likeliest[:, t] == wanted
    there = ids[:, 1:] != vocabulary.pad
    predicted = tuple(_words(row[kept], vocabulary) for row, kept in zip(likeliest, there, strict=True))
    true = tuple(_words(row[kept], vocabulary) for row, kept in zip(ids[:, 1:], there, strict=True))
    return NextWords(losses[there], correct[there], predicted, true)


def _words(ids: npt.NDArray[np.int64], vocabulary: TokenVocabulary) -> str:
    """The words of all ids, END and UNK included, so that two sentences can be compared word by word."""
    return " ".join(vocabulary.entries[i] for i in ids)


_PICTURES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Check:
    """The result for a batch: `names` of the pictures, in the order of the sentences in `words`, and (name, reason) of
    each picture that could not be read.
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
    """Draw a batch of different pictures with one caption each, and let the model predict the captions.

    Arguments:
        captioner: the model.
        source: where the pictures come from.
        captions: captions by picture name; only these pictures are drawn.
        batch_size: pictures in the batch; fewer if there are fewer.
        seed: of the draw.
        max_length: ids of a caption that are used, START included.

    Raises:
        InputError: there are no captions, or no picture of the batch can be read.
    """
    if not captions:
        raise InputError(f"{source}: no picture has captions to check")
    rng = np.random.default_rng(seed)
    names = sorted(captions)  # so that the draw does not depend on the reading order
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
    words = next_words(captioner.generator.decoder, embeddings, chosen, captioner.bundle.vocabulary, max_length)
    return Check(tuple(squares), words, unreadable)
