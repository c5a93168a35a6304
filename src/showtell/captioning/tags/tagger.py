"""Embeddings -> tags: plain names of what a picture shows, each with the probability that people would mention it.

The probabilities of the classes (softmax at a temperature) are summed for each name. A logistic regression turns a
name's log-odds into the probability that one of a picture's captions mentions it (Platt 1999). Names that are frequent
enough have their own offset: people nearly always mention a dog and hardly ever a neck brace.
`showtell.post_training.calibration` fits the regression; without it a tag's probability is the plain sum.

In a model bundle:

    tags.json           the calibration, whether captions are guided by default, and figures tags.safetensors    the
    classifier, see `showtell.captioning.tags.head`
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from showtell.captioning.tags.head import ClassHead, Floats
from showtell.captioning.tags.names import CLASSES, Name, imagenet_names
from showtell.errors import BundleError, InputError, ShowtellError
from showtell.files import json_bytes
from showtell.models.bundle import TAG_PARTS, Bundle
from showtell.models.bundle_parts import JSON_ERRORS, json_of, number, tensors_of
from showtell.products import row_products

FORMAT = 1
JSON, TENSORS = TAG_PARTS

MOST = 5
"""The largest number of tags of a picture, unless another number is given."""

LEAST = 0.3
"""The lowest probability of a tag."""

MET = 0.02
"""The lowest summed probability at which a name's own offset counts. Below it the picture mostly shows something else
that looks similar, which does not tell how often people mention the thing itself.
"""

_TINY = 1e-6  # log-odds are of probabilities in [_TINY, 1 - _TINY]


@dataclass(frozen=True, slots=True)
class Tag:
    """A plain name of something that the picture shows, and the probability in [0, 1] that people would mention it."""

    name: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """The tag as JSON values, rounded."""
        return {"name": self.name, "probability": round(self.probability, 4)}


@dataclass(frozen=True, slots=True)
class TagCalibration:
    """The fitted values. The log-odds of a mention are `slope` times those of the name's summed probability, plus
    `intercept`, plus the name's own entry of `offsets` if that sum is at least `MET`. `guide` is whether tags guide
    captions by default. `figures` say how good the calibration is and change nothing.
    """

    temperature: float
    slope: float
    intercept: float
    offsets: dict[str, float]
    guide: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        number(self.temperature, _TINY)
        for one in (self.slope, self.intercept, *self.offsets.values()):
            number(one)
        if not isinstance(self.figures, dict) or not isinstance(self.guide, bool):
            raise ValueError("guide must be true or false, and figures must be a table")


@dataclass(frozen=True, slots=True, eq=False)
class TagScores:
    """What a tagger sees in pictures: for every name, the summed probability of its classes, `float32 (B, N)`, and the
    probability that people would mention it, `float64 (B, N)`.
    """

    sums: Floats
    probabilities: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tagger:
    """A classifier, the names of its classes, and their calibration if they have one."""

    head: ClassHead
    calibration: TagCalibration | None = None

    @property
    def names(self) -> tuple[Name, ...]:
        """The N names."""
        return imagenet_names()

    def sums(self, embeddings: Floats, temperature: float = 1.0) -> Floats:
        """Summed probabilities of every name, `float32 (B, N)`, of embeddings `(B, D)` or `(B, L, D)`."""
        logits = self.head(embeddings) / np.float32(temperature)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        powers /= powers.sum(axis=1, keepdims=True)
        return row_products(powers, _members())

    def probabilities(self, embeddings: Floats) -> npt.NDArray[np.float64]:
        """The probability of every name, `float64 (B, N)`, of embeddings `(B, D)` or `(B, L, D)`."""
        return self.scores(embeddings).probabilities

    def scores(self, embeddings: Floats) -> TagScores:
        """The summed probabilities at the calibration's temperature and the probabilities of mentions, of embeddings
        `(B, D)` or `(B, L, D)`.
        """
        fitted = self.calibration
        if fitted is None:
            sums = self.sums(embeddings)
            return TagScores(sums, sums.astype(np.float64))
        offsets = np.array([fitted.offsets.get(one.name, 0.0) for one in self.names])
        sums = self.sums(embeddings, fitted.temperature)
        odds = fitted.slope * log_odds(sums) + fitted.intercept + np.where(sums >= MET, offsets, 0.0)
        probabilities: npt.NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return TagScores(sums, probabilities)

    def tags(self, probabilities: npt.NDArray[np.float64], most: int = MOST, least: float = LEAST) -> tuple[Tag, ...]:
        """The tags of one picture by its `probabilities` `(N,)`: best first, `most` of at least `least`."""
        best = np.argsort(-probabilities, kind="stable")[:most]
        return tuple(Tag(self.names[i].name, float(probabilities[i])) for i in best if probabilities[i] >= least)

    def calibrated(self, calibration: TagCalibration) -> "Tagger":
        """The same classifier with this calibration."""
        return replace(self, calibration=calibration)

    def to_parts(self) -> dict[str, bytes]:
        """The bytes of a bundle's files, by name."""
        fitted = dataclasses.asdict(self.calibration) if self.calibration else None
        value = {"format": FORMAT, "classes": "ImageNet 2012", "calibration": fitted}
        return {JSON: json_bytes(value), TENSORS: safetensors.numpy.save(self.head.tensors())}

    @classmethod
    def from_parts(cls, parts: Mapping[str, bytes], dim: int) -> "Tagger | None":
        """The inverse of `to_parts`; None if `parts` has no classifier.

        Raises:
            InputError: the files are malformed, have a later format, or are not for embeddings of `dim` numbers.
        """
        if JSON not in parts:
            return None
        try:
            value = json_of(parts[JSON])
            if value["format"] != FORMAT:
                raise InputError(f"{JSON} has format {value['format']}, this release reads {FORMAT}: upgrade showtell")
            head = ClassHead.from_tensors(tensors_of(parts[TENSORS]), CLASSES)
            fitted = TagCalibration(**value["calibration"]) if value["calibration"] else None
        except JSON_ERRORS as error:
            raise InputError(f"{JSON} or {TENSORS} is malformed ({error!r})") from error
        if head.weights.shape[1] != dim:
            raise InputError(
                f"{TENSORS} is for embeddings of {head.weights.shape[1]} numbers, the encoder's have {dim}"
            )
        return cls(head, fitted)


def log_odds(probabilities: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)), finite for any p in [0, 1]."""
    p = np.clip(probabilities.astype(np.float64), _TINY, 1 - _TINY)
    odds: npt.NDArray[np.float64] = np.log(p / (1 - p))
    return odds


@lru_cache(maxsize=1)
def _members() -> Floats:
    """The classes of each name, `float32 (N, classes)` of 0 and 1."""
    names = imagenet_names()
    members = np.zeros((len(names), CLASSES), np.float32)
    for i, name in enumerate(names):
        members[i, list(name.classes)] = 1
    return members


def tagger_of(bundle: Bundle) -> Tagger | None:
    """The tagger of a model; None if its encoder has no classifier.

    Raises:
        BundleError: the bundle's classifier is malformed.
    """
    try:
        return Tagger.from_parts(bundle.parts, bundle.model["encoder"]["dim"])
    except ShowtellError as error:
        raise BundleError(f"{bundle.path}: {error}") from error
