"""Every kind of picture file becomes the same upright 8-bit RGB, then the same square, or a `PictureError`."""

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from showtell.errors import InputError, PictureError
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, normalize, square

Pixels = npt.NDArray[np.uint8]


def _picture(height: int = 24, width: int = 32) -> Pixels:
    """Smooth, in colour, and different in all four corners, so that no turn or flip of it looks the same."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (20 + 200 * x / width, 20 + 200 * y / height, 240 - 100 * (x + y) / (height + width))
    return np.stack(channels, axis=2).astype(np.uint8)


def _file(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _pixels(picture: Any) -> npt.NDArray[np.int64]:
    image = decode(picture)
    assert image.mode == "RGB"
    return np.asarray(image).astype(np.int64)


def _grey(array: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.repeat(np.asarray(array)[:, :, None], 3, axis=2).astype(np.int64)


RGB = Image.fromarray(_picture())


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("JPEG", {"quality": 95, "progressive": True}, 12),
        ("WEBP", {"quality": 95}, 16),
        ("GIF", {}, 16),
    ],
)
def test_every_format_gives_its_pixels(format: str, options: dict[str, Any], tolerance: int) -> None:
    data = _file(RGB, format, **options)
    assert np.abs(_pixels(data) - _picture()).max() <= tolerance
    assert (_pixels(bytearray(data)) == _pixels(data)).all()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "GIF"])
def test_grey_becomes_three_equal_channels(format: str) -> None:
    levels = _picture()[:, :, 0]
    assert np.abs(_pixels(_file(Image.fromarray(levels), format)) - _grey(levels)).max() <= 3


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_black_and_white(format: str) -> None:
    bits = _picture()[:, :, 0] > 100
    assert (_pixels(_file(Image.fromarray(bits), format)) == _grey(bits * 255)).all()


def _paletted() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 20, 30, 40, 250])
    image.putdata([0, 1])
    return image


@pytest.mark.parametrize("format", ["PNG", "GIF", "TIFF", "BMP"])
def test_palette_colours_are_looked_up(format: str) -> None:
    assert _pixels(_file(_paletted(), format)).tolist() == [[[200, 10, 20], [30, 40, 250]]]


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_laid_over_white(format: str) -> None:
    assert _pixels(_file(_paletted(), format, transparency=1)).tolist() == [[[200, 10, 20], [255, 255, 255]]]


def test_palette_entries_may_be_half_transparent() -> None:
    data = _file(_paletted(), "PNG", transparency=bytes([255, 127]))
    expected = [round(value * 127 / 255 + 255 * 128 / 255) for value in (30, 40, 250)]
    assert np.abs(_pixels(data) - [[[200, 10, 20], expected]]).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_laid_over_white(mode: str, format: str) -> None:
    image = RGB.convert(mode)
    alpha = np.linspace(0, 255, RGB.width * RGB.height).reshape(RGB.height, RGB.width).astype(np.uint8)
    image.putalpha(Image.fromarray(alpha))
    colours = np.asarray(RGB.convert("L" if mode == "LA" else "RGB").convert("RGB")).astype(float)
    share = alpha[:, :, None] / 255
    data = _file(image, format, **({"lossless": True, "exact": True} if format == "WEBP" else {}))
    assert np.abs(_pixels(data) - (colours * share + 255 * (1 - share))).max() <= 1


def test_a_colour_key_is_laid_over_white() -> None:
    pixels = _picture(2, 2)
    data = _file(Image.fromarray(pixels), "PNG", transparency=tuple(map(int, pixels[0, 0])))
    pixels[0, 0] = 255
    assert (_pixels(data) == pixels).all()


def test_a_cmyk_jpeg_has_its_colours_not_their_negative() -> None:
    assert np.abs(_pixels(_file(RGB.convert("CMYK"), "JPEG", quality=95)) - _picture()).max() <= 12
    assert np.abs(_pixels(_file(RGB.convert("CMYK"), "TIFF")) - _picture()).max() <= 1


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_whole_range(format: str) -> None:
    deep = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    assert np.abs(_pixels(_file(Image.fromarray(deep), format)) - _grey(deep / 257)).max() <= 1


def test_16_bit_grey_of_the_other_byte_order_is_the_same() -> None:
    deep = np.linspace(0, 65535, 12).reshape(3, 4)
    image = Image.frombytes("I;16B", (4, 3), deep.astype(">u2").tobytes())
    assert np.abs(_pixels(image) - _grey(deep / 257)).max() <= 1
    assert np.abs(_pixels(deep.astype(">u2")) - _grey(deep / 257)).max() <= 1


def test_a_dim_16_bit_picture_stays_dim() -> None:
    assert _pixels(_file(Image.fromarray(np.full((2, 2), 2570, np.uint16)), "PNG")).max() == 10


def _png_of_16_bits(samples: npt.NDArray[np.uint16], colour_type: int) -> bytes:
    """A 16-bit RGB (2) or RGBA (6) PNG, which Pillow cannot write, by the chunks of its specification (W3C PNG, 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_16_bit_colour_is_scaled_to_8_bits() -> None:
    deep = _picture().astype(np.uint16) * 257
    assert np.abs(_pixels(_png_of_16_bits(deep, 2)) - _picture()).max() <= 1
    opaque = np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
    assert np.abs(_pixels(_png_of_16_bits(opaque, 6)) - _picture()).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e6])
def test_a_float_tiff_is_scaled_from_the_smallest_range_that_holds_it(top: float) -> None:
    samples = (np.linspace(0, 1, 24 * 32).reshape(24, 32) * top).astype(np.float32)
    assert np.abs(_pixels(_file(Image.fromarray(samples), "TIFF")) - _grey(samples * (255 / top))).max() <= 1


def test_float_samples_that_are_no_numbers_are_black() -> None:
    samples = np.array([[0.0, 1.0], [np.nan, np.inf]], np.float32)
    assert _pixels(_file(Image.fromarray(samples), "TIFF"))[:, :, 0].tolist() == [[0, 255], [0, 0]]


@pytest.mark.parametrize("top", [255, 65535, 2_000_000_000])
def test_32_bit_integers_are_scaled_from_the_smallest_range_that_holds_them(top: int) -> None:
    samples = (np.linspace(0, 1, 24 * 32).reshape(24, 32) * top).astype(np.int32)
    assert np.abs(_pixels(_file(Image.fromarray(samples), "TIFF")) - _grey(samples * (255 / top))).max() <= 1


# What was done to an upright picture so that EXIF's orientation n undoes it (EXIF 2.3, tag 0x0112), by NumPy.
TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_is_set_upright(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = Image.fromarray(np.ascontiguousarray(TURNED[orientation](_picture())))
    lossless = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    pixels = _pixels(_file(lying, format, exif=exif, **lossless))
    assert pixels.shape == (24, 32, 3)
    assert np.abs(pixels - _picture()).max() <= 6


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_leaves_the_picture_as_it_lies() -> None:
    data = _file(RGB, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xffgarbage")
    assert np.abs(_pixels(data) - _picture()).max() <= 6


@pytest.mark.parametrize(
    ("format", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {}), ("MPO", {})]
)
def test_the_first_frame_or_page_is_taken(format: str, options: dict[str, Any]) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    data = _file(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert np.abs(_pixels(data) - [255, 0, 0]).max() <= 3  # MPO, the pictures of 3D cameras and phones, is JPEG


def test_a_path_a_pil_image_and_an_array_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    RGB.save(path)
    for picture in (path, str(path), RGB, _picture(), memoryview(path.read_bytes())):
        assert (_pixels(picture) == _picture()).all()


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "F"]
)
def test_every_mode_of_a_pil_image_is_taken(mode: str) -> None:
    assert _pixels(Image.new(mode, (3, 2))).shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 128, 255]], np.uint8), [0, 128, 255]),
        (np.array([[[0], [128], [255]]], np.uint8), [0, 128, 255]),
        (np.array([[0, 128 * 257, 65535]], np.uint16), [0, 128, 255]),
        (np.array([[False, True, False]]), [0, 255, 0]),
        (np.array([[0, 0.5, 1]], np.float16), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float64), [0, 128, 255]),
    ],
)
def test_an_array_of_each_dtype_is_scaled_to_8_bits(array: npt.NDArray[Any], expected: list[int]) -> None:
    assert (_pixels(array) == _grey([expected])).all()


def test_an_array_with_alpha_is_laid_over_white() -> None:
    array = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    assert _pixels(array).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((2, 2), -1), r"int64 must lie in \[0, 255\] or \[0, 65535\]; this one spans \[-1, -1\]"),
        (np.full((2, 2), 65536), r"int64 must lie in .* spans \[65536, 65536\]"),
        (np.zeros((2, 2), np.complex64), "an array of complex64 is no picture"),
        (np.zeros((2, 2, 2), np.uint8), r"shape \(2, 2, 2\)"),
        (np.zeros((0, 2), np.uint8), r"shape \(0, 2\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.full((2, 2), 1.5), r"must lie in \[0, 1\]; this one spans \[1.5, 1.5\]"),
        (np.full((2, 2), np.nan), r"must lie in \[0, 1\]"),
    ],
)
def test_an_array_that_is_no_picture_says_what_to_give(array: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(PictureError, match=message):
        decode(array)


def test_a_picture_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"):
        data = _file(RGB, format)
        with pytest.raises(PictureError, match=r"the picture is damaged|not a JPEG"):
            decode(data[: len(data) // 2])
    (tmp_path / "cut.jpg").write_bytes(_file(RGB, "JPEG")[:-30])
    with pytest.raises(PictureError, match=r"cut\.jpg: the picture is damaged \(image file is truncated"):
        decode(tmp_path / "cut.jpg")


@pytest.mark.parametrize("data", [b"text, not a picture", b"<svg/>", b"%PDF-1.4", b"\xff\xd8", bytes(100)])
def test_bytes_that_are_no_picture_say_so(data: bytes) -> None:
    with pytest.raises(PictureError, match="not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"):
        decode(data)


def test_empty_bytes_and_unreadable_paths_say_so(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="the file is empty"):
        decode(b"")
    with pytest.raises(PictureError, match=r"none\.jpg: cannot be read \(No such file or directory\)"):
        decode(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="cannot be read"):
        decode(tmp_path)
    with pytest.raises(PictureError, match="cannot be read"):
        decode("nul\0.jpg")


@pytest.mark.parametrize(("width", "height"), [(12_500, 12_001), (50_000, 50_000), (2_000_000_000, 2_000_000_000)])
def test_a_file_that_claims_huge_dimensions_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    data = bytearray(_png_of_16_bits(np.zeros((2, 2, 3), np.uint16), 2))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(PictureError, match=r"pixels, (more than 150,000,000|a side of more than 200,000)"):
        decode(bytes(data))


def test_decoding_in_threads_leaves_the_warning_filters_alone() -> None:
    before = list(warnings.filters)
    data = _file(RGB, "PNG")
    threads = [threading.Thread(target=lambda: [decode(data) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def _weights(size_in: int, size_out: int) -> npt.NDArray[np.float64]:
    """`(out, in)` weights of an antialiased bilinear resize: a triangle as wide as the scale around each centre."""
    scale = size_in / size_out
    centres = (np.arange(size_out) + 0.5) * scale
    distance = np.abs(np.arange(size_in)[None] + 0.5 - centres[:, None]) / max(scale, 1.0)
    triangle = np.maximum(0.0, 1.0 - distance)
    return triangle / triangle.sum(axis=1, keepdims=True)


def _resized(pixels: Pixels, height: int, width: int) -> npt.NDArray[np.float64]:
    rows, columns = _weights(pixels.shape[0], height), _weights(pixels.shape[1], width)
    return np.einsum("hy,yxc,wx->hwc", rows, pixels.astype(np.float64), columns)


SHAPES = [(40, 40), (40, 61), (61, 40), (40, 60), (7, 300), (9, 5)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_crop_cuts_the_odd_extra_pixel_from_the_top_or_left(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    diff = abs(height - width)
    kept = slice(diff - diff // 2, max(height, width) - diff // 2)
    cut = pixels[kept] if height > width else pixels[:, kept]
    assert cut.shape[0] == cut.shape[1]
    result = square(Image.fromarray(pixels), Preprocessing(size=21))
    assert result.shape == (21, 21, 3)
    assert result.dtype == np.uint8
    assert np.abs(result - _resized(cut, 21, 21)).max() <= 1.01


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_squash_scales_each_side_on_its_own(height: int, width: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = square(Image.fromarray(pixels), Preprocessing(size=21, resize="squash"))
    assert np.abs(result - _resized(pixels, 21, 21)).max() <= 1.01


@pytest.mark.parametrize(("height", "width"), [*SHAPES, (1, 5000), (5000, 1)])
def test_pad_keeps_the_shape_and_fills_with_the_mean_colour(height: int, width: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)
    result = square(Image.fromarray(pixels), Preprocessing(size=21, resize="pad", mean=(1.2, 100.0, 300.0)))
    scale = 21 / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    expected = np.tile(np.array([1.0, 100.0, 255.0]), (21, 21, 1))
    top, left = (21 - inner_height) // 2, (21 - inner_width) // 2
    expected[top : top + inner_height, left : left + inner_width] = _resized(pixels, inner_height, inner_width)
    assert np.abs(result - expected).max() <= 1.01


def test_a_picture_of_the_encoders_own_size_passes_unchanged() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (21, 21, 3), dtype=np.uint8)
    for resize in ("crop", "squash", "pad"):
        assert (square(Image.fromarray(pixels), Preprocessing(size=21, resize=resize)) == pixels).all()


def test_bicubic_differs_from_bilinear() -> None:
    pixels = Image.fromarray(np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    bicubic = square(pixels, Preprocessing(size=21, interpolation="bicubic"))
    assert (bicubic == np.asarray(pixels.resize((21, 21), Image.Resampling.BICUBIC))).all()
    assert (bicubic != square(pixels, Preprocessing(size=21))).any()


def test_normalise_subtracts_the_mean_divides_by_std_and_puts_channels_first() -> None:
    squares = np.random.default_rng(5).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    preprocessing = Preprocessing(size=5, mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))
    result = normalize(squares, preprocessing)
    expected = (squares.astype(np.float64) - preprocessing.mean) / preprocessing.std
    assert (result.shape, result.dtype) == ((2, 3, 5, 5), np.float32)
    np.testing.assert_allclose(result, expected.transpose(0, 3, 1, 2), atol=1e-6)
    inception = normalize(np.array([[[[0, 255, 51]]]], np.uint8), Preprocessing(size=1))
    np.testing.assert_allclose(inception.ravel(), [-1.0, 1.0, -0.6], atol=1e-6)  # x / 127.5 - 1


def test_preprocessing_travels_as_json_and_refuses_nonsense() -> None:
    preprocessing = Preprocessing(260, "pad", "bicubic", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing
    older = {key: value for key, value in preprocessing.to_json().items() if key not in ("channels", "layout")}
    assert Preprocessing.from_json(older) == preprocessing
    with pytest.raises(InputError, match="resize mode 'stretch' is unknown: choose one of crop, squash, pad"):
        Preprocessing(260, "stretch")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="interpolation 'box' is unknown"):
        Preprocessing(260, interpolation="box")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="channel order 'GBR' is unknown: choose one of RGB, BGR"):
        Preprocessing(260, channels="GBR")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layout 'CHW' is unknown: choose one of NCHW, NHWC"):
        Preprocessing(260, layout="CHW")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none of std zero"):
        Preprocessing(260, std=(1.0, 0.0, 1.0))
    with pytest.raises(InputError, match="must lie between 1 and 4,096, not be 0"):
        Preprocessing(0)


def _image_or_picture_error(data: bytes) -> None:
    try:
        image = decode(data)
    except PictureError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either outcome is right, and depends on the bytes)
        return
    assert square(image, Preprocessing(size=8)).shape == (8, 8, 3)


REAL = [
    _file(RGB, "JPEG"),
    _file(RGB, "JPEG", progressive=True),
    _file(RGB, "PNG"),
    _file(RGB.quantize(16), "PNG", transparency=3),
    _file(RGB, "GIF"),
    _file(RGB, "WEBP"),
    _file(RGB, "TIFF"),
    _file(RGB.convert("L"), "TIFF", compression="tiff_lzw"),
    _file(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"),
    _file(RGB, "BMP"),
]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_give_an_image_or_a_picture_error(data: bytes) -> None:
    _image_or_picture_error(data)
    _image_or_picture_error(REAL[0][:20] + data)


@settings(max_examples=400, deadline=None)
@given(
    real=st.sampled_from(REAL),
    flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=6),
    near=st.booleans(),
    cut=st.integers(0, 1 << 20),
)
@pytest.mark.filterwarnings("ignore:::PIL")
def test_damaged_files_give_an_image_or_a_picture_error(
    real: bytes, flips: list[tuple[int, int]], near: bool, cut: int
) -> None:
    data = bytearray(real)
    for at, value in flips:
        data[at % (min(64, len(data)) if near else len(data))] = value  # half of the time in the header
    if cut % 3 == 0:
        del data[cut % len(data) :]
    _image_or_picture_error(bytes(data))
