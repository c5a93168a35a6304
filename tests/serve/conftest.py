"""A service with a tiny model."""

import io

import numpy as np
import pytest
from PIL import Image
from serving import service_running

from showtell.captioner import Captioner


@pytest.fixture(scope="session")
def tiny_captioner(tiny_bundle):
    return Captioner(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def plain(tiny_captioner):
    """A service with everything as it is by itself."""
    with service_running(tiny_captioner) as running:
        yield running


@pytest.fixture(scope="session")
def drawn():
    """The bytes of ten drawn pictures."""
    files = []
    for i in range(10):
        small = np.random.default_rng(i).integers(0, 255, (4, 5, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(small).resize((40 + 7 * i, 60), Image.Resampling.BICUBIC).save(buffer, "png")
        files.append(buffer.getvalue())
    return files
