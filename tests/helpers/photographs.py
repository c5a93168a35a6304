"""The example photographs as squares."""

from typing import Any

import numpy as np

from repository import ROOT
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, square

PHOTOS = ROOT / "examples" / "photos"


def photographs(size: int, count: int = 4, interpolation: str = "bilinear-opencv") -> Any:
    """Squares of example photographs, `uint8 (count, size, size, 3)`."""
    chosen = sorted(PHOTOS.glob("*.jpg"))[:count]
    preprocessing = Preprocessing(size, interpolation=interpolation)  # type: ignore[arg-type]
    return np.stack([square(decode(photo), preprocessing) for photo in chosen])
