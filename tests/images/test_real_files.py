"""Pictures as people have them: with megabytes of text, of 200 megapixels, cut off, of kinds that are not read."""

import io
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from odd_pictures import black_png, chunk, photograph, saved, with_chunks
from showtell.errors import PictureError
from showtell.images.decode import Decoded, DecodeOptions, decode, decode_and
from showtell.images.formats import SUFFIXES, unread_kind
from showtell.images.memory import ByteBudget
from showtell.images.preprocessing import Preprocessing, fitted
from tiff_files import page, pages, tiff

PREPROCESSING, USUAL = Preprocessing(size=32), DecodeOptions()
PNG = photograph(format="PNG")
RGB16 = np.array([[[65535, 0, 0], [0, 65535, 0]], [[0, 0, 65535], [257, 514, 771]]], np.uint16)
RGB8 = (RGB16 // 257).astype(np.uint8)
GREY16 = np.array([[0, 65535], [32896, 257]], np.uint16)


def pixels(picture, options=USUAL):
    return np.asarray(decode(picture, options)).tolist()


def reason(picture, options=USUAL):
    with pytest.raises(PictureError) as caught:
        decode(picture, options)
    return str(caught.value)


# Metadata


MEGABYTES = zlib.compress(b"a prompt, " * 300_000)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"zTXt", b"prompt\0\0" + MEGABYTES)],
        [chunk(b"iTXt", b"workflow\0\1\0\0\0" + MEGABYTES)],
        [chunk(b"iCCP", b"profile\0\0" + MEGABYTES)],
        [chunk(b"tEXt", b"prompt\0" + b"x" * (1 << 20))] * 70,
        [chunk(b"zTXt", b"prompt\0\0not packed")],
    ],
    ids=["zTXt", "iTXt", "iCCP", "tEXt", "damaged"],
)
def test_a_png_is_its_pixels_whatever_its_texts_and_profile(chunks):
    assert pixels(with_chunks(PNG, *chunks)) == pixels(PNG)
    assert pixels(with_chunks(PNG, *chunks, place=len(PNG) - 12)) == pixels(PNG)


def test_the_orientation_in_the_xmp_of_a_png_is_kept_where_other_texts_are_left_out():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    turned = with_chunks(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    assert decode(turned).size == decode(PNG).size[::-1]
    assert pixels(with_chunks(turned, chunk(b"zTXt", b"prompt\0\0" + MEGABYTES))) == pixels(turned)


# Sizes


def test_a_jpeg_of_200_megapixels_is_decoded_at_a_fraction():
    data = saved(Image.new("L", (20_000, 10_000), 90), "JPEG")
    assert fitted(data, PREPROCESSING).tolist() == np.full((32, 32, 3), 90).tolist()


def test_a_scan_of_200_megapixels_in_black_and_white_is_reduced():
    scan = Image.new("1", (20_000, 10_000), 1)
    scan.paste(0, (5000, 0, 10_000, 10_000))  # the left half of the square in the middle
    for data in (saved(scan, "PNG"), saved(scan, "TIFF", compression="group4")):
        square = fitted(data, PREPROCESSING)
        # But for columns that have a bit of both.
        assert square[1:31, 1:15].max() == 0
        assert square[1:31, 17:31].min() == 255


def test_a_reduced_scan_is_set_upright(monkeypatch):
    monkeypatch.setattr("showtell.images.decode.MAX_PIXELS", 1000)
    grey = np.repeat(np.repeat(np.array([[0, 80], [160, 240]], np.uint8), 64, axis=0), 96, axis=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(grey), "PNG", exif=exif)
    found = decode_and(data, lambda decoded: decoded, DecodeOptions(10_000), least=16)
    assert isinstance(found, Decoded)
    assert (found.width, found.height) == (128, 192)
    assert found.image.size == (16, 24)
    assert np.asarray(found.image)[[0, 0, -1, -1], [0, -1, 0, -1], 0].tolist() == [160, 0, 240, 80]


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ((2, 70_000_000), "2 x 70000000 pixels, a side of more than 200,000"),
        ((50_000_000, 1), "50000000 x 1 pixels, a side of more than 200,000"),
        ((20_000, 10_000), "20000 x 10000 pixels, more than 150,000,000"),
    ],
)
def test_the_limit_is_named_in_numbers(sides, said):
    header = struct.pack(">IIBBBBB", *sides, 8, 2, 0, 0, 0)
    assert reason(PNG[:8] + chunk(b"IHDR", header) + PNG[33:]) == f"the picture has {said}"


def test_the_limit_can_be_raised_and_lowered():
    large = photograph(400, 300, "PNG")
    assert decode(large, DecodeOptions(120_000)).size == (400, 300)
    assert reason(large, DecodeOptions(119_999)) == "the picture has 400 x 300 pixels, more than 119,999"


def test_thin_pictures_are_refused_before_they_take_memory():
    """A gigabyte was too little for the first, and the second took two."""
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv[1])\n"
        "from odd_pictures import black_png\n"
        "from showtell.errors import PictureError\n"
        "from showtell.images.decode import decode\n"
        "files = [black_png(2, 70_000_000), black_png(1, 50_000_000)]\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for data in files:\n"
        "    try: decode(data)\n"
        "    except PictureError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    helpers = os.path.dirname(sys.modules["odd_pictures"].__file__)
    ran = subprocess.run([sys.executable, "-c", program, helpers], capture_output=True, text=True, check=True)
    first, second, megabytes = ran.stdout.splitlines()
    assert first.startswith("the picture has 2 x 70000000")
    assert second.startswith("the picture has 1 x 50000000")
    assert int(megabytes) < 50


def test_want_of_memory_is_a_reject(monkeypatch):
    def fail(self):
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    assert reason(PNG) == "the picture needs more memory than there is"


def test_a_progressive_jpeg_counts_the_coefficients_that_it_needs_at_any_scale():
    data = photograph(1600, 1200, "JPEG", progressive=True, subsampling=0)
    assert fitted(data, PREPROCESSING, DecodeOptions(960_001)).shape == (32, 32, 3)
    with pytest.raises(PictureError, match="a progressive JPEG of 1600 x 1200 pixels"):
        fitted(data, PREPROCESSING, DecodeOptions(950_000))


def test_threads_hold_no_more_bytes_than_there_are_for_all():
    budget, held, most, lock = ByteBudget(100), [], [], threading.Lock()

    def work(count):
        with budget.hold(count):
            with lock:
                held.append(count)
                most.append(sum(held))
            threading.Event().wait(0.01)
            with lock:
                held.remove(count)

    threads = [threading.Thread(target=work, args=(count,)) for count in [40, 60, 30, 500, 70, 20, 10] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not held
    assert len(most) == 21
    assert max(total for total in most if total != 500) <= 100  # what is larger than all goes alone


# TIFF


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_grey_where_0_is_white_is_not_a_negative(order):
    assert pixels(tiff(GREY16, order=order, white_is_zero=True)) == (255 - np.asarray(pixels(GREY16))).tolist()
    floats = (GREY16 / 65535).astype(np.float32)
    expected = np.asarray(pixels(tiff(floats, order=order)))
    assert pixels(tiff(floats, order=order, white_is_zero=True)) == (255 - expected).tolist()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("alpha", [False, True])
def test_16_bit_colour_with_its_channels_apart_has_its_colours(order, alpha):
    samples = np.dstack([RGB16, np.full((2, 2), 65535, np.uint16)]) if alpha else RGB16
    tags = {262: ("H", [2]), 338: ("H", [2])} if alpha else None
    assert pixels(tiff(samples, order=order, planar=True, tags=tags)) == RGB8.tolist()


def test_packed_16_bit_channels_apart_have_their_colours():
    tags, strips = page(RGB16, planar=True)
    packed = [zlib.compress(strip) for strip in strips]
    assert pixels(pages([(tags | {259: ("H", [8])}, packed)])) == RGB8.tolist()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mark", [{254: ("I", [1])}, {255: ("H", [2])}])
def test_a_page_that_is_marked_as_a_thumbnail_is_not_the_picture(order, mark):
    thumbnail = page(RGB8[:1], order, tags=mark)
    assert pixels(pages([thumbnail, page(RGB8, order)], order)) == RGB8.tolist()
    assert pixels(pages([thumbnail], order, children=[page(RGB8[:1], order), page(RGB8, order)])) == RGB8.tolist()
    assert pixels(pages([thumbnail], order)) == RGB8[:1].tolist()  # nothing else is there
    assert pixels(pages([page(RGB8, order), thumbnail], order)) == RGB8.tolist()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tiff((RGB16 / 65535).astype(np.float32)), "3 bands of 32-bit floats"),
        (tiff((GREY16 / 65535).astype(np.float64)), "64-bit floats"),
        (tiff(np.zeros((2, 2, 5), np.uint8)), "5 bands of 8-bit integers"),
        (tiff(np.zeros((2, 2, 12), np.uint16), order=">"), "12 bands of 16-bit integers"),
        (tiff(np.zeros((2, 2, 5), np.uint16), planar=True), "5 bands of 16-bit integers"),
        (tiff(GREY16.astype(np.complex64), sample_format=6), "64-bit complex floats"),
    ],
)
def test_a_tiff_that_is_not_read_is_called_what_it_is(data, what):
    assert reason(data) == f"a TIFF of {what}, which is not read: convert it to 8-bit RGB"


def test_a_raw_photo_is_not_taken_for_its_thumbnail():
    thumbnail, raw = page(RGB8[:1], subfile=1), page(GREY16, tags={262: ("H", [32803])})
    for data in (
        pages([thumbnail], children=[raw]),
        tiff(RGB8, tags={50706: ("B", [1, 4, 0, 0])}),
        tiff(RGB8)[:8] + b"CR" + tiff(RGB8)[10:],
    ):
        assert reason(data).startswith("a raw photo")
        assert "export it as JPEG" in reason(data)


def test_links_between_pages_that_go_round_are_left():
    data = bytearray(pages([page(RGB8[:1], subfile=1)]))
    begin = struct.unpack_from("<I", data, 4)[0]
    data[-4:] = struct.pack("<I", begin)
    assert pixels(bytes(data)) == RGB8[:1].tolist()


# Kinds


def test_avif_is_read():
    data = photograph(64, 48, "AVIF", quality=90)
    assert np.abs(np.asarray(decode(data), int) - np.asarray(decode(PNG), int)).mean() < 5
    assert ".avif" in SUFFIXES


def test_heic_is_read_with_its_extra():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(decode(PNG)).save(buffer, quality=90)
    assert np.abs(np.asarray(decode(buffer.getvalue()), int) - np.asarray(decode(PNG), int)).mean() < 5
    assert {".heic", ".heif"} <= SUFFIXES


BOX = b"\0\0\0\x18ftyp"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (BOX + b"heic\0\0\0\0mif1heic", "a HEIC picture, "),
        (BOX + b"crx \0\0\0\1crx isom", "a raw photo (Canon CR3), "),
        (BOX + b"qt  \0\0\0\0qt      ", "a video, "),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture, "),
        (b"\xff\x0a" + bytes(20), "a JPEG XL picture, "),
        (b"8BPS\0\1", "a Photoshop picture, "),
        (b"FUJIFILMCCD-RAW 0201", "a raw photo (Fujifilm RAF), "),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "an SVG drawing, "),
        (b"<!DOCTYPE html><title>404", "a web page, "),
        (b"%PDF-1.4", "a PDF document, "),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        (bytes(5000), "zeros only, "),
    ],
)
def test_a_reject_says_what_the_file_is_by_its_bytes_and_what_to_do(data, what, monkeypatch):
    monkeypatch.setattr("showtell.images.decode.formats", lambda: ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"))
    said = reason(data)
    assert said.startswith(what)
    assert ": " in said.removeprefix(what)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", ""),
        ("a.AVIF", ""),
        ("a.txt", ""),
        ("jpg", ""),
        ("IMG_2.DNG", ".dng (raw photo)"),
        ("f.jp2", ".jp2 (JPEG 2000)"),
        ("x.jpg_large", ".jpg_large"),
        ("x.png~", ".png~"),
        ("x.jpgs", ""),
    ],
)
def test_what_looks_like_a_picture_by_its_name_and_is_not_read_has_a_kind(name, kind):
    assert unread_kind(name) == kind


# Files that are cut off


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("GIF", {}),
    ],
)
def test_what_there_is_of_a_file_that_is_cut_off_is_taken_where_one_asks_for_it(format, options):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 255, (300, 200, 3), np.uint8)).resize((1000, 1500))
    whole = saved(image, format, **options)
    cut = whole[: len(whole) * 2 // 3]
    assert "damaged" in reason(cut)
    found = np.asarray(decode(cut, DecodeOptions(lenient=True)), int)
    expected = np.asarray(decode(whole), int)
    part = slice(-400, None) if format == "BMP" else slice(None, 400)  # BMP begins with the last row
    assert found.shape == expected.shape
    assert np.abs(found[part] - expected[part]).mean() < 40
    assert fitted(cut, PREPROCESSING, DecodeOptions(lenient=True)).shape == (32, 32, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_file_of_which_nothing_is_left_stays_a_reject(format):
    cut = photograph(200, 150, format)[:40]
    assert reason(cut, DecodeOptions(lenient=True))


# Objects in a program's memory


class Tensor:
    """As of a library for training: with gradients, on another device, channels first."""

    def __init__(self, array, attached=True):
        self.array, self.attached = array, attached

    def detach(self):
        return Tensor(self.array, attached=False)

    def __array__(self, dtype=None, copy=None):
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return self.array


def test_open_files_tensors_and_integers_of_any_size_are_pictures(tmp_path):
    expected = pixels(RGB8)
    data = saved(Image.fromarray(RGB8), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    with open(tmp_path / "a.png", "rb") as file:
        assert pixels(file) == expected
        assert pixels(file) == expected  # though it stands at its end
    written = io.BytesIO()
    written.write(data)
    assert pixels(written) == expected
    with tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(data)
        assert pixels(spooled) == expected
    for kind in (np.int64, np.int32, np.int16, np.uint32):
        assert pixels(RGB8.astype(kind)) == expected
    assert pixels(RGB16.astype(np.int64)) == pixels(RGB16)
    assert pixels(Tensor(RGB8.transpose(2, 0, 1))) == pixels(Tensor(RGB8)) == expected
    assert pixels(Tensor(RGB8.transpose(2, 0, 1) / np.float32(255))) == expected
    assert pixels(RGB8[:, :, :1].transpose(2, 0, 1)) == pixels(RGB8[:, :, 0])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "None is no picture: give a path, bytes, an open file, a PIL image or an array"),
        (float("nan"), "a value of type float is no picture"),
        (7, "a value of type int is no picture"),
        (["a.jpg"], "a value of type list is no picture"),
        ({}, "a value of type dict is no picture"),
        (np.float64(1), "an array of shape () is no picture"),
        (np.array(["a.jpg"]), "an array of shape (1,) is no picture"),
        (np.full((2, 2), "a"), "an array of <U1 is no picture"),
        (io.StringIO("text"), "the file is open for text: open it with mode 'rb'"),
        (io.BytesIO(), "the file is empty"),
    ],
)
def test_what_is_no_picture_is_a_reject_that_says_what_to_give(value, said):
    assert reason(value).startswith(said)


def test_a_closed_file_is_a_reject(tmp_path):
    file = io.BytesIO(PNG)
    file.close()
    assert reason(file).startswith("the open file cannot be read")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_device_named_like_a_picture_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    assert reason(tmp_path / "x.jpg") == f"{tmp_path}/x.jpg: not a regular file"
    assert reason("/dev/zero") == "/dev/zero: not a regular file"


def test_a_black_picture_within_the_limits_is_read():
    assert decode(black_png(300, 200)).getextrema() == ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize("padding", [b"\0", b"\xff", b"\xff\0", b"\xff\xd0", b"x"])
def test_padding_in_the_headers_of_a_jpeg_takes_no_time(padding):
    """Pillow steps through it in Python: minutes for these 100 MB."""
    data = photograph()
    began = time.process_time()
    assert "no JPEG marker where one is due" in reason(data[:2] + padding * (100_000_000 // len(padding)) + data[2:])
    assert time.process_time() - began < 5
    assert pixels(data[:2] + b"\xff" * 100 + data[2:]) == pixels(data)
    assert pixels(data + padding * 1000) == pixels(data)
