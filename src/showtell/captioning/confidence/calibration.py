"""The calibration of a model: the fitted values and their two files in a model bundle.

    calibration.json          temperature, regression for the confidence, bound for unfamiliar pictures, figures
    calibration.safetensors   `mean` and `directions` of the training embeddings, if there were any

Both are optional. Without them a bundle captions as usual, but has no confidence.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from showtell.captioning.confidence.out_of_distribution import Floats, OutOfDistribution
from showtell.captioning.confidence.quality import CaptionQuality
from showtell.captioning.confidence.quality import Floats as Doubles
from showtell.errors import BundleError, InputError, ShowtellError
from showtell.files import json_bytes
from showtell.models.bundle import CALIBRATION_PARTS, Bundle
from showtell.models.bundle_parts import JSON_ERRORS, json_of, number, tensors_of

FORMAT = 1
JSON, TENSORS = CALIBRATION_PARTS

_COLDEST = 1e-3  # the lowest temperature

COORDINATES = 16
"""Number of directions that are features of the confidence. More of them did not rank validation captions better."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The fitted values: a temperature for next words and, if there was enough data, the rest.

    `figures` say how good the calibration is. `showtell calibrate` prints them; nothing else uses them.
    """

    temperature: float
    quality: CaptionQuality | None = None
    out_of_distribution: OutOfDistribution | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    def confidence(self, mean_log_probs: Doubles, embeddings: Floats) -> list[float | None]:
        """The confidence of sentences, from their mean calibrated log-probabilities `(N,)` and their embeddings."""
        if self.quality is None or not len(mean_log_probs):
            return [None] * len(mean_log_probs)
        confidence = self.quality(features(mean_log_probs, embeddings, self.out_of_distribution))
        return [float(one) for one in confidence]

    def unfamiliar(self, embeddings: Floats) -> list[bool | None]:
        """Whether each picture, `float32 (B, D)` or `(B, L, D)`, is unlike the training pictures."""
        if self.out_of_distribution is None:
            return [None] * len(embeddings)
        return [bool(share > self.out_of_distribution.bound) for share in self.out_of_distribution.outside(embeddings)]

    def _check(self) -> None:
        """Raise a `ValueError` if the parts do not fit together."""
        width = 1
        if known := self.out_of_distribution:
            if known.mean.ndim != 1 or known.directions.ndim != 2 or known.directions.shape[1:] != known.mean.shape:
                raise ValueError("the training embeddings' mean and directions do not fit together")
            width += 1 + min(len(known.directions), COORDINATES)
        if self.quality and {len(one) for one in self.quality.per_feature} != {width}:
            raise ValueError(f"the confidence is not one of {width} features")

    def fits(self, dim: int) -> bool:
        """Whether the calibration is for embeddings of `dim` numbers."""
        return self.out_of_distribution is None or len(self.out_of_distribution.mean) == dim

    def to_parts(self) -> dict[str, bytes]:
        """The bytes of the files, by name."""
        value = {
            "format": FORMAT,
            "temperature": self.temperature,
            "quality": dataclasses.asdict(self.quality) if self.quality else None,
            "bound": self.out_of_distribution.bound if self.out_of_distribution else None,
            "figures": self.figures,
        }
        parts = {JSON: json_bytes(value)}
        if self.out_of_distribution:
            mean, directions = self.out_of_distribution.mean, np.ascontiguousarray(self.out_of_distribution.directions)
            tensors: dict[str, npt.NDArray[Any]] = {"mean": mean, "directions": directions}
            parts[TENSORS] = safetensors.numpy.save(tensors)
        return parts

    @classmethod
    def from_parts(cls, parts: Mapping[str, bytes]) -> "Calibration | None":
        """The inverse of `to_parts`; None if `parts` has no calibration.

        Raises:
            InputError: the files are malformed or have a later format.
        """
        if JSON not in parts:
            return None
        try:
            value = json_of(parts[JSON])
            if value["format"] != FORMAT:
                raise InputError(f"calibration format {value['format']}, this release reads {FORMAT}: upgrade showtell")
            quality = CaptionQuality.from_json(value["quality"]) if value["quality"] else None
            ood = None
            if value["bound"] is not None:
                tensors = tensors_of(parts[TENSORS])
                ood = OutOfDistribution(tensors["mean"], tensors["directions"], number(value["bound"], 0, 1))
            found = cls(number(value["temperature"], _COLDEST), quality, ood, dict(value["figures"]))
            found._check()
            return found
        except JSON_ERRORS as error:
            raise InputError(f"{JSON} is malformed ({error!r})") from error


def features(mean_log_probs: Doubles, embeddings: Floats, ood: OutOfDistribution | None) -> Doubles:
    """The features of the confidence, `float64 (N, F)`: the mean log-probability of the words and END and, if the
    training embeddings are known, the share of the embedding outside of their directions and its coordinates along
    them.
    """
    columns = [np.asarray(mean_log_probs, np.float64)[:, None]]
    if ood is not None:
        columns += [ood.outside(embeddings)[:, None], ood.coordinates(embeddings)[:, :COORDINATES]]
    return np.hstack(columns)


def calibration_of(bundle: Bundle) -> Calibration | None:
    """The calibration of a model; None if it has none.

    Raises:
        BundleError: the bundle's calibration is malformed.
    """
    try:
        found = Calibration.from_parts(bundle.parts)
    except ShowtellError as error:
        raise BundleError(f"{bundle.path}: {error}") from error
    if found and not found.fits(bundle.model["encoder"]["dim"]):
        raise BundleError(f"{bundle.path}: the calibration is for another encoder: calibrate the model again")
    return found
