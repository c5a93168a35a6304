"""Self-critical training: the decoder draws captions, and those that score above the others become likelier.

REINFORCE on CIDEr-D (Rennie et al. 2017, arXiv:1612.00563). The baseline of a caption is the mean reward of the other
captions drawn for its picture (Luo 2020, arXiv:2003.09971). END counts as a word of captions and references alike, so
that a caption which stops in the middle of a phrase is scored as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from showtell.errors import InputError
from showtell.metrics import CiderD, ptb_tokenize
from showtell.text import END, Vocabulary
from showtell.training.decoders import Decoder


@dataclass(frozen=True, slots=True)
class SelfCriticalOptions:
    """The second stage of training; none where `epochs` is 0.

    An epoch goes through every training picture once, `pictures` of them in a batch, with `samples` captions drawn for
    each. It begins from the best epoch so far, with a new optimiser. `cross_entropy` is the share of the first stage's
    loss that is kept in the gradient.
    """

    epochs: int = 0
    pictures: int = 32
    samples: int = 5
    learning_rate: float = 1e-4
    warmup_steps: int = 0
    cross_entropy: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.pictures < 1 or self.learning_rate <= 0 or self.warmup_steps < 0:
            raise InputError("self-critical training needs at least 1 picture a batch and a positive learning_rate")
        if self.samples < 2:
            raise InputError(f"self-critical training compares at least 2 samples of a picture, not {self.samples}")
        if not 0 <= self.cross_entropy < 1:
            raise InputError(f"cross_entropy must lie in [0, 1), not {self.cross_entropy:g}")


class Reward:
    """CIDEr-D of captions as ids against their pictures' references, END counted as a word."""

    def __init__(self, references: Mapping[str, Sequence[str]], vocabulary: Vocabulary) -> None:
        """Tokenise the references, which also give the document frequencies; `references` by picture name."""
        self._end = vocabulary.end
        self._tokens = [[END] if entry == END else list(ptb_tokenize(entry)) for entry in vocabulary.entries]
        self._cider_d = CiderD(
            {name: [[*ptb_tokenize(caption), END] for caption in captions] for name, captions in references.items()}
        )

    def __call__(self, names: Sequence[str], captions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Rewards `float32 (N,)` of the captions `int64 (N, T)` of pictures `names` (N of them); START comes first.

        A caption that has not come to END within its T ids is scored without it.
        """
        return self._cider_d.score_batch(names, [self._words(row) for row in captions.tolist()]).astype(np.float32)

    def _words(self, ids: list[int]) -> list[str]:
        last = ids.index(self._end) if self._end in ids else len(ids)
        return [token for i in ids[1 : last + 1] for token in self._tokens[i]]


def draw(
    decoder: Decoder,
    embeddings: torch.Tensor,
    vocabulary: Vocabulary,
    *,
    samples: int,
    max_length: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Draw `samples` captions of each picture from the decoder's own probabilities.

    Arguments:
        decoder: in the mode that it is to draw in.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        vocabulary: the decoder's; PAD, START and UNK are never drawn, nor END as a first word.
        samples: captions of each picture, which stand next to each other.
        max_length: words at most; a caption that reaches it has no END.
        generator: of the random numbers.

    Returns:
        `int64 (B * samples, T)`, T at most `max_length + 1`: START, words, END, then PAD, as for teacher forcing.
    """
    with torch.inference_mode():
        count = len(embeddings) * samples
        constants, state = decoder.start_all(embeddings, count)
        drawn = torch.full((count, max_length + 1), vocabulary.pad, device=embeddings.device)
        drawn[:, 0] = vocabulary.start
        alive = torch.arange(count, device=embeddings.device)
        for t in range(1, max_length + 1):
            logits, state = decoder.step(drawn[alive, t - 1], constants, state)
            _forbid(logits, torch.full_like(alive, t - 1), vocabulary)
            words = torch.multinomial(logits.float().softmax(1), 1, generator=generator)[:, 0]
            drawn[alive, t] = words
            going_on = (words != vocabulary.end).nonzero()[:, 0]
            if len(going_on) < len(alive):
                alive = alive[going_on]
                constants = {name: tensor[going_on] for name, tensor in constants.items()}
                state = {name: tensor[going_on] for name, tensor in state.items()}
            if not len(alive):
                break
    return drawn[:, : t + 1].clone()


def log_probabilities(
    decoder: Decoder, embeddings: torch.Tensor, captions: torch.Tensor, vocabulary: Vocabulary
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the decoder thinks of captions, under the distribution that `draw` draws from.

    Arguments:
        decoder: in the mode that it is to be trained in.
        embeddings: `float32 (P, D)` or `(P, L, D)`; there are N / P captions of each, which stand next to each other.
        captions: `int64 (N, T)`, as `draw` returns them.

    Returns:
        the log-probability of each word, END included, `float32 (M,)`, and the caption of each, `int64 (M,)`.
    """
    inputs, targets = captions[:, :-1], captions[:, 1:]
    there = targets != vocabulary.pad
    rows, places = there.nonzero(as_tuple=True)
    logits = decoder.logits(decoder.hidden(embeddings, inputs, there.sum(1))[there]).float()
    _forbid(logits, places, vocabulary)
    return logits.log_softmax(1).gather(1, targets[there][:, None])[:, 0], rows


def advantages(rewards: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each reward less the mean of the other samples of its picture; `(B, samples)` in and out."""
    samples = rewards.shape[1]
    relative: npt.NDArray[np.float32] = (rewards - rewards.mean(axis=1, keepdims=True)) * samples / (samples - 1)
    return relative


def _forbid(logits: torch.Tensor, places: torch.Tensor, vocabulary: Vocabulary) -> None:
    """Put to -inf, in place, what is never written; `places` `(N,)` count the words before each row of logits."""
    logits[:, [vocabulary.pad, vocabulary.start, vocabulary.unk]] = -torch.inf
    logits[places == 0, vocabulary.end] = -torch.inf
