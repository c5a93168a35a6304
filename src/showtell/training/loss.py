"""Cross-entropy of the next word, over the words that are there."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from showtell.training.decoders import Decoder


@dataclass(frozen=True, slots=True)
class NextWord:
    """`loss` is the mean over `count` targets (a scalar tensor); `correct` of them were the likeliest word."""

    loss: torch.Tensor
    correct: int
    count: int


def next_word(
    decoder: Decoder, embeddings: torch.Tensor, tokens: torch.Tensor, pad: int, *, smoothing: float = 0.0
) -> NextWord:
    """Teacher-forced cross-entropy of a batch, in nats, averaged over targets that are not PAD.

    Arguments:
        decoder: reads the captions without their last ids, is asked for them without their first.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        tokens: `int64 (B, T)`, padded with `pad`.
        smoothing: label smoothing (Szegedy et al. 2016): the share of the target spread over all words.
    """
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    there = targets != pad
    hidden = decoder.hidden(embeddings, inputs)
    logits = decoder.logits(hidden[there])  # the output layer is the costliest, so PAD never reaches it
    wanted = targets[there]
    loss = functional.cross_entropy(logits, wanted, label_smoothing=smoothing)
    seen = logits.detach()
    best = seen.amax(1)  # many times as fast as argmax
    correct = int((seen.gather(1, wanted[:, None])[:, 0] == best).sum())
    return NextWord(loss, correct, len(wanted))
