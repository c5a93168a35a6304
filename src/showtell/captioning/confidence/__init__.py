"""How far a caption can be trusted: calibrated probabilities, a confidence in [0, 1], and unfamiliar pictures.

Input: the sentences that a search found, and a `Calibration` fitted on captioned pictures (see
`showtell.post_training.calibration`). Output: a `SentenceConfidence` for each sentence. Everything is NumPy.
docs/explanation/confidence.md defines each number.
"""

from showtell.captioning.confidence.calibration import Calibration, calibration_of
from showtell.captioning.confidence.measures import Bin, expected_calibration_error, reliability
from showtell.captioning.confidence.out_of_distribution import OutOfDistribution, fit_out_of_distribution
from showtell.captioning.confidence.quality import CaptionQuality, fit_quality, held_out_confidence
from showtell.captioning.confidence.sentence_confidence import ConfidenceEstimator, SentenceConfidence
from showtell.captioning.confidence.temperature import find_temperature

__all__ = [
    "Bin",
    "Calibration",
    "CaptionQuality",
    "ConfidenceEstimator",
    "OutOfDistribution",
    "SentenceConfidence",
    "calibration_of",
    "expected_calibration_error",
    "find_temperature",
    "fit_out_of_distribution",
    "fit_quality",
    "held_out_confidence",
    "reliability",
]
