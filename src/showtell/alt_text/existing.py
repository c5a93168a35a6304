"""Finds texts that a picture already has: in its own file, or in files beside it from people or other programs.

Texts in a picture are `dc:description` and IPTC's alternative text in XMP, IPTC 2:120 (caption), EXIF
`ImageDescription`, the title and comment of Windows, and PNG's `Description` and `Caption`. Default texts of cameras do
not count. Texts beside `photo.jpg` are `photo.txt`, `photo.caption`, `photo.xmp` and `photo.jpg` with any of these
endings added.
"""

import contextlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageFile, IptcImagePlugin

from showtell.alt_text.journal import Entry
from showtell.alt_text.xmp import Packet, read_packet
from showtell.errors import InputError
from showtell.files import sha256_of

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_TEXT = 1 << 20  # bytes of one text in a PNG; a longer one is not a description
_XMP_IN_PNG = "XML:com.adobe.xmp"
_IN_PNG = ("Description", "Caption")
_IN_EXIF = (0x010E, 0x9C9B, 0x9C9C)  # ImageDescription, XPTitle, XPComment
_XMP_IN_TIFF = 700
_OF_CAMERAS = re.compile(
    r"(?:\w+ )*digital (?:still )?camera|sony dsc|dsc|dcim\w*|exif[_ ]jpeg[_ ]picture|default|untitled|image|picture",
    re.IGNORECASE,
)


def has_text(picture: Path, own: Path, entry: Entry | None) -> bool:
    """Whether a picture has a text that Showtell did not write, in its file or beside it.

    Arguments:
        picture: the picture's file.
        own: the file beside it that will get our text; it is ignored here.
        entry: the journal's entry of the picture, which identifies our own texts.
    """
    return any(_text_in(path, entry) for path in _beside(picture) if path != own) or bool(description_of(picture))


def description_of(picture: Path) -> str:
    """The text inside a picture file; empty if it has none or cannot be read."""
    for text in _descriptions(picture):
        cleaned = text.strip(" \t\r\n\0")
        if cleaned and not _OF_CAMERAS.fullmatch(cleaned):
            return cleaned
    return ""


def _beside(picture: Path) -> Iterator[Path]:
    for ending in (".txt", ".caption", ".xmp"):
        yield picture.with_name(picture.name + ending)
        yield picture.with_suffix(ending)


def _text_in(path: Path, entry: Entry | None) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if path.suffix == ".xmp":
        return bool(_texts_of_others(data))
    return bool(data.strip()) and not (entry and sha256_of(data) in entry.ours)


def _texts_of_others(xmp: bytes) -> list[str]:
    packet = _packet(xmp)
    if packet is None:
        return []
    return [text for name, text in packet.texts.items() if text.strip() and name not in packet.ours]


def _our_texts(xmp: bytes) -> set[str]:
    packet = _packet(xmp)
    return {packet.texts[name] for name in packet.ours} if packet else set()


def _packet(xmp: bytes) -> Packet | None:
    try:
        return read_packet(xmp.strip(b"\0 \r\n"))
    except InputError:  # not readable as XMP, so no known text
        return None


def _descriptions(picture: Path) -> Iterator[str]:
    # Metadata may be broken in any way; the picture is captioned anyway.
    with contextlib.suppress(Exception):
        with open(picture, "rb") as file:
            is_png = file.read(len(_PNG)) == _PNG
        if is_png:
            for keyword, text in _png_texts(picture):
                yield from _texts_of_others(text) if keyword == _XMP_IN_PNG else [text.decode("utf-8", "replace")]
    with contextlib.suppress(Exception), Image.open(picture) as image:
        yield from _in_image(image)


def _in_image(image: Image.Image) -> Iterator[str]:
    exif = image.getexif()
    for tag in _IN_EXIF:
        if value := exif.get(tag):
            yield value.decode("utf-16-le", "replace") if isinstance(value, bytes) else str(value)
    ours: set[str] = set()
    for xmp in (image.info.get("xmp"), exif.get(_XMP_IN_TIFF)):
        if xmp:
            data = xmp if isinstance(xmp, bytes) else str(xmp).encode()
            yield from _texts_of_others(data)
            ours |= _our_texts(data)
    if isinstance(image, ImageFile.ImageFile):
        found = (IptcImagePlugin.getiptcinfo(image) or {}).get((2, 120), b"")
        for one in found if isinstance(found, list) else [found]:
            if (text := one.decode("utf-8", "replace")) not in ours:
                yield text


def _png_texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """The texts of a PNG with their keywords, from anywhere in the file, without decoding the picture."""
    with open(path, "rb") as file:
        file.seek(len(_PNG))
        while len(head := file.read(8)) == 8:
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind not in (b"tEXt", b"zTXt", b"iTXt") or length > _MOST_TEXT:
                file.seek(length + 4, 1)
                continue
            keyword, _, rest = file.read(length).partition(b"\0")
            file.seek(4, 1)
            name = keyword.decode("latin-1")
            if name in (_XMP_IN_PNG, *_IN_PNG):
                yield name, _png_text(kind, rest)


def _png_text(kind: bytes, rest: bytes) -> bytes:
    """The text of a chunk, after its keyword, as UTF-8."""
    if kind == b"tEXt":
        return rest.decode("latin-1").encode()
    if kind == b"zTXt":
        return _inflated(rest[1:]).decode("latin-1").encode()
    _language, _translated, text = rest[2:].split(b"\0", 2)
    return _inflated(text) if rest[:1] == b"\1" else text


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _MOST_TEXT)
