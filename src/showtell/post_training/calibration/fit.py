"""Embeddings of pictures and people's captions -> a `Calibration` of a decoder, with figures of how good it is."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.captioning.confidence import (
    Calibration,
    OutOfDistribution,
    expected_calibration_error,
    find_temperature,
    fit_quality,
    held_out_confidence,
    reliability,
)
from showtell.captioning.confidence.calibration import features
from showtell.captioning.confidence.sentence_confidence import Agreement, sentence_log_probs
from showtell.captioning.confidence.temperature import likeliest
from showtell.evaluation.correlation import rank_correlation
from showtell.evaluation.human_baseline import SHARE, HumanBaseline, human_baseline
from showtell.post_training.calibration.words import OwnWords, PredictedWords, Take, own_words, predict
from showtell.progress import bar
from showtell.search import Floats, SearchOptions, StepDecoder, search
from showtell.text import TokenVocabulary

FEWEST_PICTURES = 50
"""The fewest pictures with two or more captions for which a confidence is fitted."""

WORD_BINS = 15  # bins of the calibration error of words, as in Guo et al. 2017
_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationSet:
    """Pictures that the model was not trained on. `take` gives the embeddings of rows, `float32 (n, ...)`; `references`
    are people's captions by picture name, in the order of the rows.
    """

    take: Take
    references: Mapping[str, Sequence[str]]

    def pieces(self) -> Iterable[Floats]:
        """All embeddings, some at a time."""
        for begin in range(0, len(self.references), _AT_ONCE):
            yield self.take(range(begin, min(begin + _AT_ONCE, len(self.references))))


def fit_calibration(
    decoder: StepDecoder,
    vocabulary: TokenVocabulary,
    options: SearchOptions,
    known: CalibrationSet,
    ood: OutOfDistribution | None = None,
    agreement: Agreement | None = None,
    *,
    show: bool = True,
) -> Calibration:
    """Fit temperature and confidence.

    Arguments:
        decoder: an exported decoder, or one in training that is in evaluation mode.
        vocabulary: the decoder's.
        options: the model's default search options.
        known: the pictures to fit on.
        ood: from `fit_out_of_distribution`. None if the embeddings of the training pictures are not available; then
            no picture counts as unfamiliar, and the confidence does not depend on the picture's place among them.
        agreement: compares captions with tags, if the model has calibrated tags.
        show: show progress on stderr.
    """
    references = list(known.references.values())
    predicted = predict(decoder, known.take, references, vocabulary, show)
    temperature = find_temperature(predicted.log_probs, predicted.words)
    unfitted = Calibration(temperature, out_of_distribution=ood)
    generated = _captioned(decoder, vocabulary, options, known, unfitted, agreement, show)
    found = human_baseline(generated.captions, known.references)
    figures: dict[str, Any] = {"pictures": len(references), **_figures_of_words(predicted), **generated.figures}
    quality = None
    if found.judged.sum() >= FEWEST_PICTURES:
        quality = fit_quality(generated.features[found.judged], found.model[found.judged], found.good[found.judged])
        figures |= _figures_of_confidence(generated, found)
    if ood:
        figures["familiar"] = _figures_of_unfamiliar(ood, known, found)
    return Calibration(temperature, quality, ood, figures, tags=bool(quality and agreement))


@dataclass(frozen=True, slots=True, eq=False)
class _GeneratedCaptions:
    """The model's captions with their scores `(N,)` and features `(N, F)`, and the calibration of their words."""

    captions: list[str]
    scores: npt.NDArray[np.float64]
    features: npt.NDArray[np.float64]
    figures: dict[str, Any]


def _captioned(
    decoder: StepDecoder,
    vocabulary: TokenVocabulary,
    options: SearchOptions,
    known: CalibrationSet,
    calibration: Calibration,
    agreement: Agreement | None,
    show: bool,
) -> _GeneratedCaptions:
    captions: list[str] = []
    scores: list[float] = []
    rows: list[npt.NDArray[np.float64]] = []
    own: dict[str, list[OwnWords]] = {"own_words_before": [], "own_words_after": []}
    references = list(known.references.values())
    with bar("captioning", len(references), "pictures", show=show) as tick:
        for piece in known.pieces():
            begin = len(captions)
            best = [hypotheses[0] for hypotheses in search(decoder, piece, vocabulary, options, first=begin)]
            sentences = [hypothesis.tokens for hypothesis in best]
            here = references[begin : begin + len(best)]
            captions += [vocabulary.spaced(vocabulary.decode(sentence)) for sentence in sentences]
            scores += [hypothesis.score for hypothesis in best]
            for name, temperature in (("own_words_before", 1.0), ("own_words_after", calibration.temperature)):
                log_probs = sentence_log_probs(decoder, piece, sentences, vocabulary, temperature)
                own[name].append(own_words(log_probs, sentences, here, vocabulary))
            means = np.array([float(one.mean()) for one in log_probs])
            words = [[word for word, _ in vocabulary.words(sentence)] for sentence in sentences]
            agrees = agreement(piece, words) if agreement else None
            rows.append(features(means, piece, calibration.out_of_distribution, agrees))
            tick(len(best))
    figures = {
        name: _stated(np.concatenate([one.stated for one in of]), np.concatenate([one.true for one in of]))
        for name, of in own.items()
    }
    return _GeneratedCaptions(captions, np.array(scores), np.concatenate(rows), figures)


def _figures_of_words(predicted: PredictedWords) -> dict[str, Any]:
    """Whether the likeliest word was the true one, before and after calibration. Each half of the pictures is measured
    at the temperature of the other half.
    """
    right = predicted.log_probs.argmax(axis=1) == predicted.words
    odd = predicted.rows % 2 == 1
    before = likeliest(predicted.log_probs, 1.0)
    after = before.copy()
    for half in (odd, ~odd):
        if half.any() and not half.all():
            temperature = find_temperature(predicted.log_probs[~half], predicted.words[~half])
            after[half] = likeliest(predicted.log_probs[half], temperature)
    return {"words": len(right), "words_before": _stated(before, right), "words_after": _stated(after, right)}


def _figures_of_confidence(generated: _GeneratedCaptions, found: HumanBaseline) -> dict[str, Any]:
    """Rank correlations with CIDEr-D, and the reliability of the confidence, for captions left out of the fit."""
    judged = found.judged
    model, good = found.model[judged], found.good[judged]
    confidence = held_out_confidence(generated.features[judged], model, good)
    return {
        "share_of_people": SHARE,
        "judged": int(judged.sum()),
        "rank_correlation_before": rank_correlation(generated.scores[judged], model),
        "rank_correlation": rank_correlation(confidence, model),
        "confidence": _stated(confidence, good, 10),
        "reliability": [dataclasses.asdict(one) for one in reliability(confidence, good)],
    }


def _figures_of_unfamiliar(ood: OutOfDistribution, known: CalibrationSet, found: HumanBaseline) -> dict[str, Any]:
    """The share of unfamiliar pictures, and the scores of captions of both kinds."""
    strange = np.concatenate([ood.outside(piece) for piece in known.pieces()]) > ood.bound
    means = {
        name: float(found.model[those].mean()) if those.any() else None
        for name, those in (("cider_d_unfamiliar", strange), ("cider_d_familiar", ~strange))
    }
    return {"bound": ood.bound, "unfamiliar": float(strange.mean()), **means}


def _stated(stated: npt.NDArray[Any], true: npt.NDArray[np.bool_], bins: int = WORD_BINS) -> dict[str, Any]:
    """The number of predictions, their mean probability, the share that came true, and the calibration error."""
    if not len(stated):
        return {"count": 0, "stated": None, "true": None, "ece": None}
    error = expected_calibration_error(stated, true, bins)
    return {"count": len(stated), "stated": float(stated.mean()), "true": float(true.mean()), "ece": error}
