"""OpenCV's bilinear resize in NumPy, against OpenCV, and the course notebook's whole road from bytes to numbers."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from repository import ROOT
from showtell.data.sources.picture_source import PictureSource
from showtell.images.cv2_resize import resize_bilinear_opencv
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, normalize, square

PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))


def notebook_square(data, size):
    """The notebook's picture: OpenCV's decoder, the centre crop as it was written there, OpenCV's resize."""
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    vertical, horizontal = max(0, height - width), max(0, width - height)
    image = image[vertical - vertical // 2 : height - vertical // 2]
    image = image[:, horizontal - horizontal // 2 : width - horizontal // 2]
    return cv2.resize(image, (size, size))


def difference(ours, theirs):
    return np.abs(ours.astype(int) - theirs.astype(int))


@pytest.mark.parametrize("size", [224, 299])
def test_photographs_become_the_notebooks_squares(size):
    preprocessing = Preprocessing(size, interpolation="bilinear-opencv")
    for photo in PHOTOS:
        found = difference(square(decode(photo), preprocessing), notebook_square(photo.read_bytes(), size))
        assert found.mean() < 0.01, photo  # of 255 levels
        assert found.max() <= 1, photo


def test_photographs_at_their_original_size_become_the_notebooks_input(shared_data):
    """Crop, resize and Inception's normalisation differ by less than 1/255 on average, in units of a whole pixel."""
    preprocessing = Preprocessing(299, interpolation="bilinear-opencv")
    differences = []
    for picture in PictureSource(shared_data / "flickr8k_originals" / "photos.zip").read():
        theirs = notebook_square(picture.data, 299).astype(np.float32) / 127.5 - 1
        ours = normalize(square(decode(picture.data), preprocessing)[None], preprocessing)[0].transpose(1, 2, 0)
        differences.append(np.abs(ours - theirs).mean() / 2)
    assert len(differences) == 200
    assert max(differences) < 1 / 255
    assert np.mean(differences) < 0.01 / 255


def test_a_photograph_is_sampled_not_averaged_when_it_shrinks():
    """What sets the two kinds of bilinear apart, and why the notebook's needs its own."""
    picture = decode(PHOTOS[0])
    averaged = square(picture, Preprocessing(64))
    sampled = square(picture, Preprocessing(64, interpolation="bilinear-opencv"))
    assert difference(averaged, sampled).mean() > 2


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    new_height=st.integers(1, 60),
    new_width=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_noise_of_any_shape_is_resized_as_by_opencv(height, width, new_height, new_width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    ours = resize_bilinear_opencv(pixels, new_width, new_height)
    assert (ours.shape, ours.dtype) == ((new_height, new_width, 3), np.uint8)
    assert difference(ours, cv2.resize(pixels, (new_width, new_height))).max() <= 1


@pytest.mark.parametrize("resize", ["crop", "squash", "pad"])
def test_every_way_of_making_square_takes_it(resize):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 61, 3), np.uint8))
    preprocessing = Preprocessing(21, resize, "bilinear-opencv", mean=(10, 20, 30), channels="BGR")
    result = square(picture, preprocessing)
    assert result.shape == (21, 21, 3)
    if resize == "squash":
        assert difference(result, cv2.resize(np.asarray(picture), (21, 21))).max() <= 1
    if resize == "pad":
        assert result[0, 0].tolist() == [30, 20, 10]  # the mean colour, whatever order the encoder takes
        assert difference(result[3:17], cv2.resize(np.asarray(picture), (21, 14))).max() <= 1
