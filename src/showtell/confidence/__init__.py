"""How far a caption can be trusted: calibrated probabilities, a confidence in [0, 1], and unfamiliar pictures.

Comes in: what a search has found, and a `Calibration` that was fitted on pictures whose captions are known (see
`showtell.calibrate`). Goes out: for every sentence a `Judgement`. Everything is NumPy; docs/confidence.md defines each
number.
"""

from showtell.confidence.calibration import PARTS, Calibration
from showtell.confidence.familiarity import Familiarity, fit_familiarity
from showtell.confidence.judge import Judge, Judgement
from showtell.confidence.measures import Bin, expected_calibration_error, reliability
from showtell.confidence.quality import CaptionQuality, fit_quality, held_out_confidence
from showtell.confidence.temperature import find_temperature

__all__ = [
    "PARTS",
    "Bin",
    "Calibration",
    "CaptionQuality",
    "Familiarity",
    "Judge",
    "Judgement",
    "expected_calibration_error",
    "find_temperature",
    "fit_familiarity",
    "fit_quality",
    "held_out_confidence",
    "reliability",
]
