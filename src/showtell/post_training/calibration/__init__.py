"""Pictures with known captions -> the calibration of a model bundle, written into the bundle.

    from showtell.post_training.calibration import calibrate
    calibrate("model.showtell", "pictures/", "captions.json", split="val")

`showtell.captioning.confidence` has the mathematics, docs/explanation/confidence.md the definitions. Calibration needs
no PyTorch.
"""

from showtell.post_training.calibration.fit import CalibrationSet, fit_calibration
from showtell.post_training.calibration.run import calibrate, calibrate_from_store, with_calibration

__all__ = ["CalibrationSet", "calibrate", "calibrate_from_store", "fit_calibration", "with_calibration"]
