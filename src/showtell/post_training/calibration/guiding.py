"""Tests whether guiding by tags harms captions of pictures like the training pictures: it captions both ways."""

from typing import Any

import numpy as np

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Calibration, ConfidenceEstimator
from showtell.captioning.tags import Tagger
from showtell.captioning.tags.agreement import TagAgreement
from showtell.captioning.tags.guide import TagGuide
from showtell.metrics import score
from showtell.metrics.bootstrap import mean_interval
from showtell.post_training.calibration.fit import CalibrationSet
from showtell.progress import bar
from showtell.search import search
from showtell.text import Vocabulary

HARM = 0.003
"""The loss of CIDEr-D (0 to 10) on the calibration pictures up to which guiding is on by default."""


def try_guiding(
    captioner: Captioner, calibration: Calibration, tagger: Tagger, known: CalibrationSet, *, show: bool = True
) -> dict[str, Any]:
    """Caption pictures with the model's own search, plain and guided.

    Arguments:
        captioner: the model.
        calibration: calibration of its confidence.
        tagger: its calibrated tagger.
        known: the pictures with people's captions.
        show: show progress on stderr.

    Returns:
        `guided`, the share of pictures with another caption; `cider_d_plain` and `cider_d_guided`; and the `difference`
        of these with the 95% interval of its bootstrap, `low` to `high`.
    """
    vocabulary = captioner.bundle.vocabulary
    assert isinstance(vocabulary, Vocabulary)  # other models have no tags
    guide = TagGuide(captioner.generator.decoder, vocabulary, tagger.names)
    estimator = ConfidenceEstimator(calibration, captioner.generator.decoder, vocabulary, TagAgreement(tagger))
    plain: list[str] = []
    guided: list[str] = []
    with bar("guiding", len(known.references), "pictures", show=show) as tick:
        for piece in known.pieces():
            options = captioner.generator.search_defaults
            at = estimator.temperature
            found = search(
                captioner.generator.decoder, piece, vocabulary, options, first=len(plain), calibration_temperature=at
            )
            seen = tagger.scores(piece)
            judged = estimator(piece, [one[:1] for one in found], tags=seen.probabilities)
            renewed = guide(piece, seen, found, [best.confidence for best, *_ in judged], options)
            texts = [vocabulary.decode(best.tokens) for best, *_ in found]
            plain += texts
            guided += [" ".join(renewed[row][0].words) if row in renewed else text for row, text in enumerate(texts)]
            tick(len(piece))
    sums = []
    for texts in (plain, guided):
        scores = score(dict(zip(known.references, texts, strict=True)), known.references, metrics=("CIDEr-D",))
        sums.append(np.array([of["CIDEr-D"] for of in scores.per_picture.values()]))
    difference = sums[1] - sums[0]
    low, high = mean_interval(difference)
    return {
        "guided": float(np.mean([one != other for one, other in zip(plain, guided, strict=True)])),
        "cider_d_plain": float(sums[0].mean()),
        "cider_d_guided": float(sums[1].mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
    }
