"""File names and first bytes -> the kind of picture, whether Showtell reads it, and the remedy if not."""

import functools
import importlib.util
from pathlib import PurePosixPath

PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
"""The formats that are decoded, by Pillow's names; `HEIF` too if `heif_is_read`."""

NO_PICTURE = "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"

_HEIF_SUFFIXES = frozenset({".heic", ".heif", ".heics", ".heifs", ".hif"})
_ALWAYS_READ = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff"}
    | {".bmp", ".dib", ".avif", ".avifs"}
)
SUFFIXES = frozenset({".heic", ".heif", ".heics", ".heifs", ".hif"})
_ALWAYS_READ = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".jif",
        ".pjpeg",
        ".pjp",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".avif",
        ".avifs",
    ]
)
SUFFIXES = _ALWAYS_READ | (_HEIF_SUFFIXES if importlib.util.find_spec("pillow_heif") else frozenset())
"""File name endings, in lower case, that folders and archives are searched for."""

_EXPORT = "export it as JPEG from a program that develops raw photos"
_CONVERT = "convert it to PNG or JPEG"
_HEIC = "pip install 'showtell[heic]', or convert it to JPEG"
_DRAWING = "export it as PNG"
_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .ori .pef .raf .raw"
    " .rw2 .rwl .sr2 .srf .srw .x3f"
)
_NOT_READ: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_HEIF_SUFFIXES, ("HEIC", _HEIC)),
    **dict.fromkeys(_RAW.split(), ("raw photo", _EXPORT)),
    **dict.fromkeys([".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpm"], ("JPEG 2000", _CONVERT)),
    ".jxl": ("JPEG XL", _CONVERT),
    **dict.fromkeys([".jxr", ".wdp", ".hdp"], ("JPEG XR", _CONVERT)),
    ".jls": ("JPEG-LS", _CONVERT),
    **dict.fromkeys([".psd", ".psb"], ("Photoshop", _DRAWING)),
    ".xcf": ("GIMP", _DRAWING),
    ".kra": ("Krita", _DRAWING),
    **dict.fromkeys([".svg", ".svgz"], ("SVG drawing", _DRAWING)),
    **dict.fromkeys([".eps", ".ai"], ("PostScript drawing", _DRAWING)),
    **dict.fromkeys([".wmf", ".emf"], ("Windows metafile", _DRAWING)),
    **dict.fromkeys([".ico", ".cur", ".icns"], ("icon", _CONVERT)),
    **dict.fromkeys([".pnm", ".pbm", ".pgm", ".ppm", ".pam", ".pfm"], ("Netpbm", _CONVERT)),
    **dict.fromkeys([".exr", ".hdr"], ("high dynamic range", _CONVERT)),
    **dict.fromkeys([".dcm", ".dicom"], ("DICOM", _CONVERT)),
    **dict.fromkeys([".fits", ".fts"], ("FITS", _CONVERT)),
    **{
        suffix: (suffix[1:].upper(), _CONVERT)
        for suffix in [".tga", ".pcx", ".dds", ".sgi", ".xbm", ".xpm", ".qoi", ".bpg", ".flif", ".pict", ".pct", ".ras"]
    },
}
"""Endings of pictures that are not read -> (kind, remedy)."""

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
_FIRST_BYTES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture", _CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _CONVERT),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", _CONVERT),
    (b"\xff\x0a", "a JPEG XL picture", _CONVERT),
    (b"II\xbc\x01", "a JPEG XR picture", _CONVERT),
    (b"FUJIFILMCCD-RAW", "a raw photo (Fujifilm RAF)", _EXPORT),
    (b"IIRO", "a raw photo (Olympus ORF)", _EXPORT),
    (b"IIRS", "a raw photo (Olympus ORF)", _EXPORT),
    (b"IIU\x00", "a raw photo (Panasonic RW2)", _EXPORT),
    (b"FOVb", "a raw photo (Sigma X3F)", _EXPORT),
    (b"\x00MRM", "a raw photo (Minolta MRW)", _EXPORT),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "a raw photo (Canon CRW)", _EXPORT),
    (b"8BPS", "a Photoshop picture", _DRAWING),
    (b"gimp xcf", "a GIMP picture", _DRAWING),
    (b"%PDF", "a PDF document", "export its pages as PNG"),
    (b"%!PS", "a PostScript drawing", _DRAWING),
    (b"\x00\x00\x01\x00", "an icon", _CONVERT),
    (b"icns", "an icon", _CONVERT),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", _CONVERT),
    (b"#?RADIANCE", "a Radiance HDR picture", _CONVERT),
    (b"DDS ", "a DDS texture", _CONVERT),
    (b"qoif", "a QOI picture", _CONVERT),
    (b"BPG\xfb", "a BPG picture", _CONVERT),
    (b"SIMPLE  =", "a FITS picture", _CONVERT),
    (b"PK\x03\x04", "a zip archive", "name it with the ending .zip"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file", "fetch the file: git lfs pull"),
)


@functools.cache
def heif_is_read() -> bool:
    """Whether HEIC pictures can be read; this needs the package of the extra `heic`."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def formats() -> tuple[str, ...]:
    """The formats that Pillow is asked to try."""
    return (*PILLOW_FORMATS, "HEIF") if heif_is_read() else PILLOW_FORMATS


def unread_kind(name: str) -> str:
    """The kind of picture by its file name, if that kind is not read; empty for all other files."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in SUFFIXES or suffix.endswith("_original"):  # what ExifTool and alt-text keep of changed pictures
        return ""
    if suffix in _NOT_READ:
        return f"{suffix} ({_NOT_READ[suffix][0]})"
    known = next((one for one in _ALWAYS_READ if suffix.startswith(one) and not suffix[len(one)].isalnum()), "")
    return suffix if known else ""  # such as .jpg_large and .png~


def remedy(name: str) -> str:
    """The remedy for a file of a kind that `unread_kind` names."""
    suffix = PurePosixPath(name).suffix.lower()
    return _NOT_READ[suffix][1] if suffix in _NOT_READ else "give it the ending of its kind"


def what_it_is(data: bytes) -> str:
    """Why bytes cannot be read as a picture, in one line: what they are and the remedy, if known."""
    begin = bytes(data[:64])
    if begin[4:8] == b"ftyp":
        return _container(begin)
    for first, what, advice in _FIRST_BYTES:
        if begin.startswith(first):
            return f"{what}, {NO_PICTURE}: {advice}"
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) and b"<svg" in bytes(data[:4096]).lower():
        return f"an SVG drawing, {NO_PICTURE}: {_DRAWING}"
    if text.startswith((b"<!doctype html", b"<html")):
        return f"a web page, {NO_PICTURE}: download the picture itself"
    if begin and not bytes(data[:4096]).strip(b"\0"):
        return f"zeros only, {NO_PICTURE}: copy the file again from where it came from"
    return NO_PICTURE


def _container(begin: bytes) -> str:
    """The same for a file of ISO 14496-12, by its brands."""
    brands = {begin[8:12], *(begin[i : i + 4] for i in range(16, 64, 4))}
    if b"crx " in brands:
        return f"a raw photo (Canon CR3), {NO_PICTURE}: {_EXPORT}"
    if brands & {b"avif", b"avis"}:
        return "an AVIF picture, which this build of Pillow does not read: pip install -U pillow, or convert it to PNG"
    if begin[8:12] in _HEIF_BRANDS:
        return f"a HEIC picture, {NO_PICTURE}: {_HEIC}"
    return f"a video, {NO_PICTURE}: export a frame of it"
