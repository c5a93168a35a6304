"""Sentences that a search has found -> calibrated probabilities, the confidence of each, and unfamiliar pictures.

The calibrated probability of a word depends on the probabilities of all other words. A search with a
`calibration_temperature` records it on the way. A sentence without such a record goes through the decoder once more: it
was changed after the search, rules cut it short, or the search had no temperature. The result is the same either way,
for every search and rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from showtell.captioning.confidence.calibration import Calibration
from showtell.search import Floats, Hypothesis, StepDecoder
from showtell.search.steps import log_probabilities, start_sentences
from showtell.text import TokenVocabulary


@dataclass(frozen=True, slots=True)
class SentenceConfidence:
    """For one sentence: the calibrated log-probability of each word; the confidence in [0, 1], if the calibration has
    one; and whether the picture is unfamiliar, if the calibration can tell.
    """

    log_probs: tuple[float, ...]
    confidence: float | None
    unfamiliar: bool | None


class Agreement(Protocol):
    """How well sentences agree with their pictures' tags: `showtell.captioning.tags.agreement.TagAgreement`."""

    def __call__(
        self,
        embeddings: Floats,
        sentences: Sequence[Sequence[str]],
        probabilities: npt.NDArray[np.float64] | None = None,
    ) -> npt.NDArray[np.float64]: ...


class ConfidenceEstimator:
    """Estimates the confidence of a decoder's sentences."""

    def __init__(
        self,
        calibration: Calibration,
        decoder: StepDecoder,
        vocabulary: TokenVocabulary,
        agreement: Agreement | None = None,
    ) -> None:
        """Keep the parts; `agreement` is for a calibration with `tags`, which has no confidence without it."""
        self.calibration, self.decoder, self.vocabulary = calibration, decoder, vocabulary
        self.agreement = agreement if calibration.tags and calibration.quality else None

    @property
    def temperature(self) -> float:
        """The `calibration_temperature` of a search whose sentences go to this estimator."""
        return self.calibration.temperature

    def __call__(
        self,
        embeddings: Floats,
        found: Sequence[Sequence[Hypothesis]],
        *,
        words: Sequence[Sequence[Sequence[str]]] | None = None,
        tags: npt.NDArray[np.float64] | None = None,
    ) -> list[list[SentenceConfidence]]:
        """Estimate the confidence of every sentence of every picture.

        Arguments:
            embeddings: `float32 (B, D)` or `(B, L, D)`.
            found: the sentences of each picture, from `showtell.search.search`. Their `calibrated_log_probs`, if any,
                must be at this estimator's temperature.
            words: the words of each sentence as people read them, if they are not those of its tokens.
            tags: the probability of every tag, `float64 (B, names)`, if it is known already.
        """
        of = np.repeat(np.arange(len(found)), [len(hypotheses) for hypotheses in found])
        sentences = [hypothesis for hypotheses in found for hypothesis in hypotheses]
        log_probs = [np.array(sentence.calibrated_log_probs, np.float32) for sentence in sentences]
        if unread := [i for i, sentence in enumerate(sentences) if not sentence.calibrated_log_probs]:
            tokens = [sentences[i].tokens for i in unread]
            read = sentence_log_probs(self.decoder, embeddings[of[unread]], tokens, self.vocabulary, self.temperature)
            for i, one in zip(unread, read, strict=True):
                log_probs[i] = one
        means = np.array([one.mean() for one in log_probs])
        agreement = None
        if self.agreement:
            if words is None:
                said = [[word for word, _ in self.vocabulary.words(sentence.tokens)] for sentence in sentences]
            else:
                said = [list(one) for of_picture in words for one in of_picture]
            agreement = self.agreement(embeddings[of], said, None if tags is None else tags[of])
        confidence = self.calibration.confidence(means, embeddings[of], agreement)
        unfamiliar = self.calibration.unfamiliar(embeddings)
        estimates = iter(
            SentenceConfidence(tuple(log_probs[i][:-1].tolist()), confidence[i], unfamiliar[of[i]])
            for i in range(len(sentences))
        )
        return [[next(estimates) for _ in hypotheses] for hypotheses in found]


def sentence_log_probs(
    decoder: StepDecoder,
    embeddings: Floats,
    sentences: Sequence[Sequence[int]],
    vocabulary: TokenVocabulary,
    temperature: float = 1.0,
) -> list[npt.NDArray[np.float32]]:
    """Log-probabilities, at a temperature, of the words of sentences and of END after them.

    Arguments:
        decoder: gives the next word's logits.
        embeddings: `float32 (N, D)` or `(N, L, D)`, one for each sentence.
        sentences: ids of each sentence's words, without START and END.
        vocabulary: the decoder's.
        temperature: logits are divided by it.

    Returns:
        For each sentence `float32 (words + 1,)`. A sentence that was cut short has its END too, an unlikely one.
    """
    lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    ids = np.full((len(sentences), int(lengths.max(initial=0)) + 2), vocabulary.end, np.int64)
    constants, state, ids[:, 0] = start_sentences(decoder, embeddings, vocabulary)
    for row, sentence in zip(ids, sentences, strict=True):
        row[1 : len(sentence) + 1] = sentence
    log_probs = np.empty((len(sentences), ids.shape[1] - 1), np.float32)
    for t in range(ids.shape[1] - 1):
        logits, state = decoder.step(ids[:, t], constants, state)
        ahead = log_probabilities(logits / np.float32(temperature), vocabulary, first_word=t == 0)
        log_probs[:, t] = ahead[np.arange(len(ids)), ids[:, t + 1]]
    return [row[: length + 1] for row, length in zip(log_probs, lengths, strict=True)]
