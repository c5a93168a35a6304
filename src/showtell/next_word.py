"""How well a bundle's decoder foretells the next word of true captions, as the course notebook printed it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.search import Floats, StepDecoder
from showtell.text import Vocabulary, pad_batch


@dataclass(frozen=True, slots=True)
class NextWords:
    """Teacher-forced figures of a batch of captions.

    `losses` are the cross-entropies in nats of every word that was to be foretold, END included, `correct` says whether
    it was the likeliest; `predicted` and `true` are the sentences side by side, each predicted word being the likeliest
    after the true words before it.
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
        """Share of words that were the likeliest."""
        return float(self.correct.mean())


def next_words(
    decoder: StepDecoder, embeddings: Floats, captions: Sequence[str], vocabulary: Vocabulary, max_length: int = 20
) -> NextWords:
    """Feed true captions to a decoder word by word and compare what it expects with what comes.

    Arguments:
        decoder: an exported decoder, or one in training.
        embeddings: `float32 (B, D)` or `(B, L, D)`, one for each caption.
        captions: one sentence for each embedding.
        vocabulary: the decoder's; words that it lacks count as UNK, and are hard to foretell.
        max_length: ids of a caption that are kept, START included.
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


def _words(ids: npt.NDArray[np.int64], vocabulary: Vocabulary) -> str:
    """Every entry as it stands, END and UNK included: nothing is hidden when two sentences are compared."""
    return " ".join(vocabulary.entries[i] for i in ids)
