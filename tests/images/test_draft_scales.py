"""Large JPEG files are decoded at a part of their size, which changes little of what an encoder sees."""

import io

import numpy as np
import pytest
from PIL import Image

from repository import ROOT
from showtell.errors import PictureError
from showtell.images.decode import DecodeOptions, decode
from showtell.images.preprocessing import Preprocessing, fitted, square

PHOTO = ROOT / "examples" / "photos" / "mountain-lake.jpg"


def jpeg(width: int, height: int, orientation: int = 1, mode: str = "RGB") -> bytes:
    """The photograph in another size."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.open(PHOTO).convert(mode).resize((width, height)).save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("size", "least", "decoded"),
    [
        ((1600, 1200), 0, (1600, 1200)),
        ((1600, 1200), 601, (1600, 1200)),
        ((1600, 1200), 600, (800, 600)),
        ((1600, 1200), 200, (400, 300)),
        ((1600, 1200), 10, (200, 150)),
        ((1601, 1203), 300, (401, 301)),
    ],
)
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_keeps_both_sides(size, least, decoded):
    assert decode(jpeg(*size), least=least).size == decoded


def test_other_formats_and_pictures_that_are_decoded_keep_their_size():
    image = Image.new("RGB", (800, 600))
    file = io.BytesIO()
    image.save(file, "PNG")
    assert decode(file.getvalue(), least=10).size == decode(image, least=10).size == (800, 600)


def test_a_turned_jpeg_is_set_upright_at_the_smaller_scale():
    assert decode(jpeg(1600, 800, orientation=6), least=100).size == (100, 200)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("resize", ["crop", "squash", "pad"])
def test_the_square_of_a_large_jpeg_is_nearly_that_of_the_whole_picture(resize, mode):
    preprocessing = Preprocessing(size=64, resize=resize, interpolation="bicubic")
    data = jpeg(1603, 1201, mode=mode)
    assert decode(data, least=128).width < 400
    found, whole = fitted(data, preprocessing).astype(int), square(decode(data), preprocessing).astype(int)
    moved_by_a_pixel = np.abs(whole[1:] - whole[:-1]).mean()
    assert np.abs(found - whole).mean() < moved_by_a_pixel / 3
    assert abs((found - whole).mean()) < 0.5


def test_sampling_as_opencv_does_reads_the_whole_picture():
    preprocessing = Preprocessing(size=64, interpolation="bilinear-opencv")
    data = jpeg(1200, 900)
    assert np.array_equal(fitted(data, preprocessing), square(decode(data), preprocessing))


def test_the_bound_on_pixels_is_that_of_the_file_where_drafts_are_not_allowed():
    with pytest.raises(PictureError, match="1600 x 1200 pixels, more than 1,000,000"):
        fitted(jpeg(1600, 1200), Preprocessing(size=64), DecodeOptions(1_000_000, drafts=False))


def test_the_bound_on_pixels_is_else_that_of_the_draft():
    preprocessing, data = Preprocessing(size=64), jpeg(1600, 1200)
    assert np.array_equal(fitted(data, preprocessing, DecodeOptions(250_000)), fitted(data, preprocessing))
    with pytest.raises(PictureError, match="1600 x 1200 pixels, more than 400,000"):  # too small at a half
        fitted(data, Preprocessing(size=500), DecodeOptions(400_000))
    with pytest.raises(PictureError, match="1600 x 1200 pixels, more than 8 x 100,000"):  # however small the draft
        fitted(data, preprocessing, DecodeOptions(100_000))
