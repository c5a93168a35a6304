"""Pictures with known captions -> the calibration of a model bundle, written into the bundle.

    from showtell.calibrate import calibrate
    calibrate("model.showtell", "pictures/", "captions.json", split="val")

`showtell.confidence` has the mathematics, docs/confidence.md the definitions. It runs without PyTorch.
"""

from showtell.calibrate.fit import Known, fit_calibration
from showtell.calibrate.run import calibrate, calibrate_from_store, with_calibration

__all__ = ["Known", "calibrate", "calibrate_from_store", "fit_calibration", "with_calibration"]
