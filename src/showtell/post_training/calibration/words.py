"""The calibration of next-word probabilities: on people's captions read word by word, and on the model's own words.

A decoder gives the probability of each word after the words before it. In a true caption every next word is known, so a
temperature can be fitted to it. For the model's own sentence the next word is known only while a true caption of the
picture starts with the same words; these words check the fit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.progress import bar
from showtell.search import Floats, StepDecoder
from showtell.search.steps import log_probabilities
from showtell.text import TokenVocabulary, pad_batch

MOST_WORDS = 10_000
"""The number of predicted words: their distributions are in memory, and one temperature needs no more."""

_CAPTIONS_AT_ONCE = 128

Take = Callable[[Sequence[int]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class PredictedWords:
    """Distributions `log_probs`, `float32 (N, V)`; the true words, `int64 (N,)`, and the rows of their pictures."""

    log_probs: Floats
    words: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def predict(
    decoder: StepDecoder,
    take: Take,
    references: Sequence[Sequence[str]],
    vocabulary: TokenVocabulary,
    show: bool = True,
) -> PredictedWords:
    """Run a decoder over random true captions until it has predicted about `MOST_WORDS` words.

    Arguments:
        take: gives embeddings of pictures by their rows.
        references: the captions of each row's picture.

    Words outside the vocabulary are left out, as the model gives them no probability.
    """
    every = [(row, vocabulary.encode(text)) for row, texts in enumerate(references) for text in texts]
    order = np.random.default_rng(0).permutation(len(every))
    ends = np.cumsum([len(every[i][1]) - 1 for i in order])
    drawn = [every[i] for i in order[: 1 + int(np.searchsorted(ends, MOST_WORDS))]]
    drawn.sort(key=lambda one: len(one[1]))  # so that little computation goes to padding
    log_probs, words, rows = [], [], []
    with bar("predicting words", len(drawn), "captions", show=show) as tick:
        for begin in range(0, len(drawn), _CAPTIONS_AT_ONCE):
            here, sentences = zip(*drawn[begin : begin + _CAPTIONS_AT_ONCE], strict=True)
            ids = pad_batch(sentences, vocabulary.pad)
            constants, state = decoder.start(take(here))
            for t in range(ids.shape[1] - 1):
                logits, state = decoder.step(ids[:, t], constants, state)
                came = ids[:, t + 1]
                known = (came != vocabulary.pad) & (came != vocabulary.unk)
                log_probs.append(log_probabilities(logits[known], vocabulary, first_word=t == 0))
                words.append(came[known])
                rows.append(np.array(here, np.int64)[known])
            tick(len(here))
    return PredictedWords(np.concatenate(log_probs), np.concatenate(words), np.concatenate(rows))


@dataclass(frozen=True, slots=True, eq=False)
class OwnWords:
    """The model's own words that can be judged: their probabilities, `float64 (N,)`, and whether a person wrote the
    same word, `bool (N,)`.
    """

    stated: npt.NDArray[np.float64]
    true: npt.NDArray[np.bool_]


def own_words(
    log_probs: Sequence[Floats],
    sentences: Sequence[Sequence[int]],
    references: Sequence[Sequence[str]],
    vocabulary: TokenVocabulary,
) -> OwnWords:
    """Judge the words of the model's own sentences, and the END after them.

    A word is judged by every reference that starts with all the words before it, one judgment each.

    Arguments:
        log_probs: log-probabilities of each sentence's words and END, `float32 (words + 1,)`.
        sentences: ids without START and END.
        references: true captions of each sentence's picture.
    """
    stated, right = [], []
    for sentence, own, texts in zip(sentences, log_probs, references, strict=True):
        with_end = [*sentence, vocabulary.end]
        for text in texts:
            for word, true, log_prob in zip(with_end, vocabulary.encode(text)[1:], own, strict=False):
                stated.append(float(np.exp(log_prob)))
                right.append(word == true)
                if word != true:
                    break
    return OwnWords(np.array(stated), np.array(right, np.bool_))
