"""Pictures of every format that is read, and mutations of their segments, chunks, directories and boxes."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

from hostile.generic import INTEGERS, LARGE, mutated, overwrite_integer, shuffled_list

_XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF/></x:xmpmeta>"
_TAGS = (256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 330, 338, 339, 34665, 34675, 700)
_PNG = b"\x89PNG\r\n\x1a\n"


def _image(mode: str = "RGB", size: tuple[int, int] = (37, 23)) -> Image.Image:
    gradient = Image.linear_gradient("L").resize(size)
    return gradient.convert(mode) if mode != "I;16" else gradient.convert("I").convert("I;16")


def _saved(format: str, mode: str = "RGB", size: tuple[int, int] = (37, 23), **options: object) -> bytes:
    buffer = io.BytesIO()
    _image(mode, size).save(buffer, format, **options)
    return buffer.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    return exif.tobytes()


def _exif_of(rng: random.Random) -> bytes:
    """EXIF is a TIFF."""
    return tiff(_small_tiff(), rng)


@cache
def _zeros(count: int) -> bytes:
    return zlib.compress(bytes(count))


@cache
def _small_tiff() -> bytes:
    return tiffs()[0]


def jpegs() -> list[bytes]:
    """Baseline, progressive, grey, CMYK, large enough to be drafted, with EXIF, a profile and XMP."""
    return [
        _saved("JPEG", exif=_exif(), icc_profile=bytes(600), xmp=_XMP, comment=b"words"),
        _saved("JPEG", progressive=True, subsampling=2),
        _saved("JPEG", "L", restart_marker_blocks=1),
        _saved("JPEG", "CMYK"),
        _saved("JPEG", size=(900, 700)),
    ]


def pngs() -> list[bytes]:
    """Every mode, with texts, a profile, EXIF and frames."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Description", "a text")
    info.add_text("Long", "words " * 500, zip=True)
    info.add_itxt("XML:com.adobe.xmp", _XMP.decode())
    frames = [_image(size=(20 + i, 20)).resize((20, 20)) for i in range(3)]
    return [
        _saved("PNG", pnginfo=info, exif=_exif(), icc_profile=bytes(300)),
        _saved("PNG", "RGBA"),
        _saved("PNG", "P", transparency=3),
        _saved("PNG", "1"),
        _saved("PNG", "I;16"),
        _saved("PNG", "LA"),
        _saved("PNG", save_all=True, append_images=frames),
    ]


def webps() -> list[bytes]:
    """Lossy, lossless, with alpha, frames and metadata."""
    frames = [_image(size=(37, 23)).rotate(90 * i) for i in range(3)]
    return [
        _saved("WEBP"),
        _saved("WEBP", "RGBA", lossless=True),
        _saved("WEBP", exif=_exif(), xmp=_XMP, icc_profile=bytes(128)),
        _saved("WEBP", save_all=True, append_images=frames, duration=5),
    ]


def gifs() -> list[bytes]:
    """One frame and several, with and without transparency."""
    frames = [_image("P").rotate(90 * i) for i in range(4)]
    return [_saved("GIF", "P"), _saved("GIF", "P", save_all=True, append_images=frames, transparency=0, comment=b"x")]


def tiffs() -> list[bytes]:
    """Every compression that is usual, modes of 1 to 32 bits, two pages, and the large form."""
    ways = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    return [
        *(_saved("TIFF", compression=way) for way in ways),
        _saved("TIFF", "1", compression="group4"),
        _saved("TIFF", "I;16"),
        _saved("TIFF", "F"),
        _saved("TIFF", "RGBA", save_all=True, append_images=[_image("RGBA", (9, 9))]),
        _saved("TIFF", "CMYK", exif=_exif()),
        _saved("TIFF", "L", big_tiff=True),
    ]


def bmps() -> list[bytes]:
    """True color, palette, black and white, and with alpha."""
    return [_saved("BMP", mode) for mode in ("RGB", "P", "1", "RGBA", "L")]


def avifs() -> list[bytes]:
    """With and without alpha, and frames."""
    frames = [_image(size=(37, 23)).rotate(90 * i) for i in range(2)]
    return [
        _saved("AVIF", speed=10),
        _saved("AVIF", "RGBA", speed=10, exif=_exif()),
        _saved("AVIF", speed=10, save_all=True, append_images=frames),
    ]


def jpeg(data: bytes, rng: random.Random) -> bytes:
    """Drop, double, move and rewrite segments; lie about sizes, components, tables and lengths."""
    segments, rest = _segments(data)
    if not segments or rng.random() < 0.15:
        return mutated(data, rng)
    kind = rng.randrange(7)
    if kind == 0:
        segments = shuffled_list(segments, rng)
    elif kind == 1:
        at = rng.randrange(len(segments))
        segments[at] = segments[at][0], mutated(segments[at][1], rng)
    elif kind == 2:
        segments = [
            (code, _sized(body, rng) if 0xC0 <= code <= 0xCF and code != 0xC4 else body) for code, body in segments
        ]
    elif kind == 3:
        head = rng.choice(
            (
                b"Exif\0\0" + _exif_of(rng),
                b"ICC_PROFILE\0" + rng.randbytes(9),
                b"http://ns.adobe.com/xap/1.0/\0" + mutated(_XMP, rng),
            )
        )
        segments.insert(rng.randint(0, len(segments)), (rng.choice((0xE1, 0xE2, 0xED, 0xFE)), head[:65000]))
    elif kind == 4:
        at = rng.randrange(len(segments))
        segments[at] = rng.choice((0xC0, 0xC2, 0xC3, 0xC9, 0xCA, 0xDD, 0xD8, 0xDA, 0xEE, 0xDB)), segments[at][1]
    elif kind == 5:
        rest = mutated(rest, rng)
    else:
        scan = rest.rfind(b"\xff\xda")
        rest = rest[:scan] + rest[scan:-2] * rng.choice((2, 20, 200)) + rest[-2:] if scan >= 0 else rest * 3
    lie = rng.choice((0, 0, 0, 0, -1, 1, 30000))
    parts = (
        b"\xff" + bytes([code]) + struct.pack(">H", max(0, min(65535, len(body) + 2 + lie))) + body
        for code, body in segments
    )
    return b"\xff\xd8" + b"".join(parts) + rest


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        size = struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + max(size, 2)
    return found, data[at:]


def _sized(body: bytes, rng: random.Random) -> bytes:
    """A frame header of other sizes, samples and components."""
    sizes = struct.pack(">HH", rng.choice(INTEGERS) & 0xFFFF, rng.choice(INTEGERS) & 0xFFFF)
    return rng.choice((b"\x08", b"\x0c", body[:1])) + sizes + rng.choice((body[5:], mutated(body[5:], rng)))


def png(data: bytes, rng: random.Random) -> bytes:
    """Drop, double, move and rewrite chunks, with sums made anew; lie about sizes; texts that unpack to megabytes."""
    chunks = _chunks(data)
    if not chunks or rng.random() < 0.1:
        return mutated(data, rng)
    kind = rng.randrange(7)
    at = rng.randrange(len(chunks))
    if kind == 0:
        chunks = shuffled_list(chunks, rng)
    elif kind == 1:
        chunks[at] = chunks[at][0], mutated(chunks[at][1], rng)
    elif kind == 2:
        header = bytearray(chunks[0][1].ljust(13, b"\0"))
        struct.pack_into(">I", header, rng.choice((0, 4)), rng.choice(LARGE) & 0xFFFFFFFF)
        for place, values in ((8, (1, 2, 3, 8, 16)), (9, (0, 2, 3, 4, 6, 7)), (12, (0, 1, 2))):
            header[place] = rng.choice((*values, header[place], header[place]))
        chunks[0] = chunks[0][0], bytes(header)
    elif kind == 3:
        body = b"key\0\0" + _zeros(rng.choice((10, 10**4, 10**5, 2 * 10**7)))
        chunks.insert(rng.randint(1, len(chunks)), (rng.choice((b"zTXt", b"iCCP", b"iTXt", b"sPLT")), body))
    elif kind == 4:
        extra = rng.choice(
            (
                (b"acTL", struct.pack(">II", rng.choice(LARGE) & 0xFFFFFFFF, 0)),
                (b"eXIf", _exif_of(rng)),
                (b"tRNS", rng.randbytes(300)),
                (b"PLTE", rng.randbytes(rng.choice((0, 3, 4, 900)))),
            )
        )
        chunks.insert(rng.randint(0, len(chunks)), extra)
    elif kind == 5:
        chunks = [(code, _repacked(body, rng) if code == b"IDAT" else body) for code, body in chunks]
    else:
        chunks[at] = rng.choice((b"IHDR", b"IDAT", b"fcTL", b"fdAT", b"IEND", b"xxxx", b"gAMA")), chunks[at][1]
    right = rng.random() < 0.9
    return _PNG + b"".join(_chunk(code, body, right, rng) for code, body in chunks)


def _chunk(code: bytes, body: bytes, right: bool, rng: random.Random) -> bytes:
    size = len(body) if right or rng.random() < 0.7 else rng.choice(LARGE) & 0xFFFFFFFF
    total = zlib.crc32(code + body) if right else rng.getrandbits(32)
    return struct.pack(">I", size) + code + body + struct.pack(">I", total)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 8 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def _repacked(body: bytes, rng: random.Random) -> bytes:
    try:
        return zlib.compress(mutated(zlib.decompress(body), rng))
    except zlib.error:
        return mutated(body, rng)


def tiff(data: bytes, rng: random.Random) -> bytes:
    """Rewrite tags, types, counts and offsets; directories that lead to themselves or nowhere; other sizes."""
    found = bytearray(data)
    order = ">" if data[:2] == b"MM" else "<"
    if len(data) < 16 or rng.random() < 0.1:
        return mutated(data, rng)
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    width, first = (20, 16) if big else (12, 8)
    start = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    count_size = 8 if big else 2
    if start + count_size > len(data):
        return mutated(data, rng)
    count = min(struct.unpack_from(order + ("Q" if big else "H"), data, start)[0], 200)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = start + count_size + width * rng.randrange(max(count, 1))
        kind = rng.randrange(6)
        if at + width > len(found):
            overwrite_integer(found, rng)
        elif kind == 0:
            struct.pack_into(order + "H", found, at, rng.choice((*_TAGS, rng.randrange(65536))))
        elif kind == 1:
            struct.pack_into(order + "H", found, at + 2, rng.randrange(20))
        elif kind == 2:
            struct.pack_into(order + ("Q" if big else "I"), found, at + 4, rng.choice(LARGE) & 0xFFFFFFFF)
        elif kind == 3:
            struct.pack_into(order + "I", found, at + first, rng.choice((*LARGE, start, len(data))) & 0xFFFFFFFF)
        elif kind == 4:
            end = start + count_size + width * count
            if end + 4 <= len(found):
                struct.pack_into(order + "I", found, end, rng.choice((start, 0, 8, len(data), 2**31)))
        else:
            struct.pack_into(order + "H", found, start, rng.choice((0, 1, count - 1, count + 1, 65535)) & 0xFFFF)
    return bytes(found)


def webp(data: bytes, rng: random.Random) -> bytes:
    """Drop, double, move and rewrite chunks; other flags, sizes and frames."""
    chunks, at = [], 12
    while at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    if not chunks or rng.random() < 0.15:
        return mutated(data, rng)
    kind, place = rng.randrange(4), rng.randrange(len(chunks))
    if kind == 0:
        chunks = shuffled_list(chunks, rng)
    elif kind == 1:
        chunks[place] = chunks[place][0], mutated(chunks[place][1], rng)
    elif kind == 2:
        wide = struct.pack("<I", rng.choice(INTEGERS) & 0xFFFFFF)[:3]
        chunks.insert(0, (b"VP8X", bytes([rng.randrange(256), 0, 0, 0]) + wide + wide[::-1]))
    else:
        extra = rng.choice(
            (
                (b"EXIF", _exif_of(rng)),
                (b"XMP ", mutated(_XMP, rng)),
                (b"ANIM", bytes(6)),
                (b"ALPH", rng.randbytes(40)),
            )
        )
        chunks.insert(rng.randint(0, len(chunks)), extra)
    body = b"WEBP" + b"".join(c + struct.pack("<I", len(b)) + b + bytes(len(b) % 2) for c, b in chunks)
    return b"RIFF" + struct.pack("<I", (len(body) + rng.choice((0, 0, 0, 1, -8, 10**6))) & 0xFFFFFFFF) + body


def gif(data: bytes, rng: random.Random) -> bytes:
    """Other sizes of the screen and of frames, codes of LZW, blocks; frames repeated."""
    if len(data) < 20 or rng.random() < 0.3:
        return mutated(data, rng)
    found = bytearray(data)
    frames = [at for at in range(13, len(data) - 10) if data[at] == 0x2C]
    kind = rng.randrange(4)
    if kind == 0:
        struct.pack_into("<H", found, rng.choice((6, 8)), rng.choice(INTEGERS) & 0xFFFF)
    elif kind == 1:
        found[10] = rng.randrange(256)
    elif kind == 2 and frames:
        struct.pack_into("<H", found, rng.choice(frames) + rng.choice((1, 3, 5, 7)), rng.choice(INTEGERS) & 0xFFFF)
    elif frames:
        at = rng.choice(frames)
        found[at:-1] = found[at:-1] * rng.choice((2, 50))
    return bytes(found)


def bmp(data: bytes, rng: random.Random) -> bytes:
    """Other integers in the header."""
    if len(data) < 54 or rng.random() < 0.2:
        return mutated(data, rng)
    found = bytearray(data)
    for _ in range(rng.choice((1, 2, 3))):
        at = rng.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46, 50))
        struct.pack_into(
            "<I" if at not in (26, 28) else "<H",
            found,
            at,
            rng.choice(LARGE) & (0xFFFFFFFF if at not in (26, 28) else 0xFFFF),
        )
    return bytes(found)


def avif(data: bytes, rng: random.Random) -> bytes:
    """Other sizes and kinds of boxes, and other sizes of the picture."""
    names = [
        at
        for code in (
            b"meta",
            b"iloc",
            b"iinf",
            b"iprp",
            b"ipco",
            b"ispe",
            b"pixi",
            b"av1C",
            b"ipma",
            b"mdat",
            b"ftyp",
            b"moov",
            b"hdlr",
            b"pitm",
        )
        for at in _all_places(data, code)
    ]
    if not names or rng.random() < 0.2:
        return mutated(data, rng)
    found, at = bytearray(data), rng.choice(names)
    kind = rng.randrange(3)
    if kind == 0 and at >= 4:
        struct.pack_into(">I", found, at - 4, rng.choice(LARGE) & 0xFFFFFFFF)
    elif kind == 1:
        found[at : at + 4] = rng.choice((b"free", b"skip", b"meta", b"uuid", b"xxxx"))
    else:
        overwrite_integer(found, rng, min(at + 4 + rng.randrange(16), len(found) - 8))
    return bytes(found)


def _all_places(data: bytes, code: bytes) -> list[int]:
    return [at for at in range(len(data) - 3) if data[at : at + 4] == code]


FORMATS: dict[str, tuple[str, Callable[[], list[bytes]], Callable[[bytes, random.Random], bytes]]] = {
    "JPEG": (".jpg", jpegs, jpeg),
    "PNG": (".png", pngs, png),
    "WebP": (".webp", webps, webp),
    "GIF": (".gif", gifs, gif),
    "TIFF": (".tif", tiffs, tiff),
    "BMP": (".bmp", bmps, bmp),
    "AVIF": (".avif", avifs, avif),
}
"""Suffix, seeds and mutation of each format."""
