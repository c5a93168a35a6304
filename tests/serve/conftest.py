"""A service with a tiny model."""

import io

import numpy as np
import pytest
from PIL import Image

from serving import service_running
from showtell.captioning.captioner import Captioner
from showtell.captioning.tags import CLASSES, ClassHead, TagCalibration, Tagger
from showtell.models.bundle import read_bundle, write_bundle

HUSKY = 250  # of ImageNet's classes


@pytest.fixture(scope="session")
def tiny_captioner(tiny_bundle):
    return Captioner(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def dog_captioner(tiny_bundle, tmp_path_factory):
    """The same model with tags: it sees a dog in every picture."""
    head = ClassHead.of(np.zeros((CLASSES, 8), np.float32), np.where(np.arange(CLASSES) == HUSKY, 9.0, 0.0))
    tagger = Tagger(head, TagCalibration(temperature=1.0, slope=1.0, intercept=0.0, offsets={}))
    path = tmp_path_factory.mktemp("tagged") / "tagged.showtell"
    write_bundle(path, {**read_bundle(tiny_bundle).parts, **tagger.to_parts()})
    return Captioner(path, threads=1)


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
