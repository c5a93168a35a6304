"""Pictures and people's captions -> the probability that people mention what the classifier sees.

The target of the fit is whether one of a picture's captions contains the name or another word for it. That is what tags
are for (alt text and search), and it is all that captions can show: a thing that nobody mentions counts as absent. The
classifier was not trained on captions, so the decoder's training pictures are as good as others.

Newton's method is written here, as in `showtell.captioning.confidence.quality`. The offsets of names do not depend on
one another, so a step over all of them is a division instead of a system of equations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.captioning.confidence import expected_calibration_error
from showtell.captioning.confidence.quality import sigmoid
from showtell.captioning.tags import TagCalibration, Tagger
from showtell.captioning.tags.mentions import Mentions
from showtell.captioning.tags.tagger import MET, log_odds
from showtell.search import Floats

Take = Callable[[Sequence[int]], Floats]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST_PICTURES = 50
"""The fewest pictures for which tags are calibrated."""

TEMPERATURE = 1.3
"""Temperature of the classifier's softmax: of 1 and 1.3 the one with the lower log loss on Flickr8k's validation
pictures.
"""

SEEN = 0.005
"""The lowest summed probability of a name that the fit uses; below it there are too many pairs without information."""

SHRINKAGE = 1.0
"""Precision of the offsets around 0: only frequent names get a large offset."""

_ROUNDS = 200
_STEP = 0.5
_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class CaptionedEmbeddings:
    """Pictures with captions: `take` gives the embeddings of rows; `captions` are people's captions in that order."""

    take: Take
    captions: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, eq=False)
class _TagPairs:
    """Pictures and names that the classifier sees in them: log-odds, the name's number, and whether it is mentioned."""

    odds: Doubles
    names: npt.NDArray[np.int64]
    mentioned: Bools

    @property
    def met(self) -> Bools:
        """Where the name's probability is high enough for its offset to count."""
        met: Bools = self.odds >= np.log(MET / (1 - MET))
        return met


def fit_tags(
    tagger: Tagger, validation: CaptionedEmbeddings, training: CaptionedEmbeddings | None = None
) -> TagCalibration | None:
    """Fit slope, intercept and offsets on all pictures; None if there are too few.

    Arguments:
        tagger: the tagger to calibrate.
        validation: the pictures for the figures. Without training pictures, each half is measured by a fit on the other
            half.
        training: further pictures to fit on.
    """
    count = len(tagger.names)
    here = _pairs(tagger, validation)
    if len(validation.captions) < FEWEST_PICTURES or not 0 < here.mentioned.sum() < len(here.mentioned):
        return None
    if training:
        further = _pairs(tagger, training)
        stated = _stated(here, *_fit(further, count))
        everything = _joined(here, further)
    else:
        odd = np.arange(len(here.odds)) % 2 == 1
        stated = np.empty(len(here.odds))
        for half in (odd, ~odd):
            stated[half] = _stated(_some(here, half), *_fit(_some(here, ~half), count))
        everything = here
    slope, intercept, offsets = _fit(everything, count)
    pictures = len(validation.captions) + (len(training.captions) if training else 0)
    return TagCalibration(
        temperature=TEMPERATURE,
        slope=slope,
        intercept=intercept,
        offsets={name.name: round(float(o), 4) for name, o in zip(tagger.names, offsets, strict=True) if abs(o) > 1e-4},
        figures={"pictures": pictures, "pairs": len(everything.odds), **_figures(stated, here.mentioned)},
    )


def _pairs(tagger: Tagger, pictures: CaptionedEmbeddings) -> _TagPairs:
    mentions = Mentions(tagger.names)
    odds, names, mentioned = [], [], []
    for begin in range(0, len(pictures.captions), _AT_ONCE):
        here = pictures.captions[begin : begin + _AT_ONCE]
        sums = tagger.sums(pictures.take(range(begin, begin + len(here))), TEMPERATURE)
        of_names = np.stack([mentions(captions) for captions in here])
        rows, columns = np.nonzero(sums > SEEN)
        odds.append(log_odds(sums[rows, columns]))
        names.append(columns)
        mentioned.append(of_names[rows, columns])
    return _TagPairs(np.concatenate(odds), np.concatenate(names), np.concatenate(mentioned))


def _fit(pairs: _TagPairs, count: int) -> tuple[float, float, Doubles]:
    """Slope, intercept and the names' offsets `(count,)` that maximize the posterior.

    Newton's method for the line and the offsets in turn. No step is longer than `_STEP`; otherwise names with few pairs
    would diverge.
    """
    design = np.stack([pairs.odds, np.ones(len(pairs.odds))], axis=1)
    met = pairs.met
    line, offsets = np.array([1.0, 0.0]), np.zeros(count)
    for _ in range(_ROUNDS):
        missed, curvature = _gradient(pairs, line[0], line[1], offsets)
        products = (design * curvature[:, None]).T @ design + 1e-6 * np.eye(2)
        along = np.clip(np.linalg.solve(products, design.T @ missed), -_STEP, _STEP)
        line = line + along
        missed, curvature = _gradient(pairs, line[0], line[1], offsets)
        gradient = np.bincount(pairs.names[met], missed[met], count) - SHRINKAGE * offsets
        curved = np.bincount(pairs.names[met], curvature[met], count) + SHRINKAGE
        each = np.clip(gradient / curved, -_STEP, _STEP)
        offsets = offsets + each
        if max(np.abs(along).max(), np.abs(each).max()) < 1e-5:
            break
    return float(line[0]), float(line[1]), offsets


def _gradient(pairs: _TagPairs, slope: float, intercept: float, offsets: Doubles) -> tuple[Doubles, Doubles]:
    p = _stated(pairs, slope, intercept, offsets)
    return pairs.mentioned - p, p * (1 - p)


def _stated(pairs: _TagPairs, slope: float, intercept: float, offsets: Doubles) -> Doubles:
    return sigmoid(slope * pairs.odds + intercept + np.where(pairs.met, offsets[pairs.names], 0.0))


def _figures(stated: Doubles, true: Bools) -> dict[str, Any]:
    """Number, stated probability and share of true ones: for all tags that might be shown, and for those above 50%."""
    figures: dict[str, Any] = {}
    for label, least in (("tags", 0.1), ("sure_tags", 0.5)):
        some = stated >= least
        figures[label] = {
            "count": int(some.sum()),
            "stated": float(stated[some].mean()) if some.any() else None,
            "true": float(true[some].mean()) if some.any() else None,
            "ece": expected_calibration_error(stated[some], true[some]) if some.any() else None,
        }
    return figures


def _joined(one: _TagPairs, other: _TagPairs) -> _TagPairs:
    return _TagPairs(
        np.concatenate([one.odds, other.odds]),
        np.concatenate([one.names, other.names]),
        np.concatenate([one.mentioned, other.mentioned]),
    )


def _some(pairs: _TagPairs, chosen: Bools) -> _TagPairs:
    return _TagPairs(pairs.odds[chosen], pairs.names[chosen], pairs.mentioned[chosen])
