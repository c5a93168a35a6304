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

FORMAT = 2  # 1 without `tags`
JSON, TENSORS = CALIBRATION_PARTS

_COLDEST = 1e-3  # the lowest temperature

AGREEMENT = 3
"""Number of features of the agreement with tags."""

COORDINATES = 16
"""Number of directions that are features of the confidence. More of them did not rank validation captions better."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The fitted values: a temperature for next words and, if there was enough data, the rest.

    If `tags` is true, the agreement of captions with tags is among the features of the confidence (see
    `showtell.captioning.tags.agreement`). `figures` say how good the calibration is. `showtell calibrate` prints them;
    nothing else uses them.
    """

    temperature: float
    quality: CaptionQuality | None = None
    out_of_distribution: OutOfDistribution | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    tags: bool = False

    def confidence(
        self, mean_log_probs: Doubles, embeddings: Floats, agreement: Doubles | None = None
    ) -> list[float | None]:
        """The confidence of sentences, from their mean calibrated log-probabilities `(N,)`, their embeddings and, if
        `tags` is true, their agreement with tags, `float64 (N, 3)`.
        """
        if self.quality is None or not len(mean_log_probs):
            return [None] * len(mean_log_probs)
        confidence = self.quality(features(mean_log_probs, embeddings, self.out_of_distribution, agreement))
        return [float(one) for one in confidence]

    def unfamiliar(self, embeddings: Floats) -> list[bool | None]:
        """Whether each picture, `float32 (B, D)` or `(B, L, D)`, is unlike the training pictures."""
        if self.out_of_distribution is None:
            return [None] * len(embeddings)
        return [bool(share > self.out_of_distribution.bound) for share in self.out_of_distribution.outside(embeddings)]

    def _check(self) -> None:
        """Raise a `ValueError` if the parts do not fit together."""
        width = 1 + (AGREEMENT if self.tags else 0)
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
            "format": FORMAT if self.tags else 1,
            "temperature": self.temperature,
            "quality": dataclasses.asdict(self.quality) if self.quality else None,
            "bound": self.out_of_distribution.bound if self.out_of_distribution else None,
            **({"tags": True} if self.tags else {}),
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
            if value["format"] not in (1, FORMAT):
                raise InputError(f"calibration format {value['format']}, this release reads {FORMAT}: upgrade showtell")
            quality = CaptionQuality.from_json(value["quality"]) if value["quality"] else None
            ood = None
            if value["bound"] is not None:
                tensors = tensors_of(parts[TENSORS])
                ood = OutOfDistribution(tensors["mean"], tensors["directions"], number(value["bound"], 0, 1))
            tags = value.get("tags", False) is True
            found = cls(number(value["temperature"], _COLDEST), quality, ood, dict(value["figures"]), tags)
            found._check()
            return found
        except JSON_ERRORS as error:
            raise InputError(f"{JSON} is malformed ({error!r})") from error


def features(
    mean_log_probs: Doubles, embeddings: Floats, ood: OutOfDistribution | None, agreement: Doubles | None = None
) -> Doubles:
    """The features of the confidence, `float64 (N, F)`: the mean log-probability of the words and END; if the training
    embeddings are known, the share of the embedding outside of their directions and its coordinates along them; and
    the agreement with tags, if the model has tags.
    """
    columns = [np.asarray(mean_log_probs, np.float64)[:, None]]
    if ood is not None:
        columns += [ood.outside(embeddings)[:, None], ood.coordinates(embeddings)[:, :COORDINATES]]
    if agreement is not None:
        columns.append(agreement)
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
