"""Malformed uploads, each made from a random generator alone: pictures of six formats that are cut off, changed at
random or spliced together; files that claim far more pixels than they hold; files of two kinds at once; other kinds of
files; broken or nested forms; wrong content types, lengths and settings; huge headers; and bytes that are not HTTP.
"""

import io
import json
import random
import struct
import zipfile
import zlib

from PIL import Image

BOUNDARY = b"----hostile"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
SETTINGS = (
    "beam",
    "num_captions",
    "sample",
    "temperature",
    "top_p",
    "must",
    "seed",
    "attention",
    "min_confidence",
    "x",
)
VALUES = (
    "1",
    "-1",
    "0",
    "1e999",
    "nan",
    "true",
    "99999999999999999999",
    "",
    "%00",
    "cat|",
    "|",
    "'\"><script>",
    "a" * 5000,
)


def picture(rng: random.Random) -> bytes:
    """A small picture of any format and mode."""
    kind = rng.choice(FORMATS)
    mode = rng.choice({"JPEG": ("RGB", "L", "CMYK"), "WEBP": ("RGB", "RGBA")}.get(kind, ("RGB", "L", "P", "1")))
    size = rng.randint(1, 60), rng.randint(1, 60)
    image = Image.frombytes("L", size, rng.randbytes(size[0] * size[1])).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"progressive": rng.random() < 0.5} if kind == "JPEG" else {}))
    return buffer.getvalue()


def cut(rng: random.Random) -> bytes:
    data = picture(rng)
    return data[: rng.randint(0, len(data))]


def changed(rng: random.Random) -> bytes:
    data = bytearray(picture(rng))
    for _ in range(rng.randint(1, 30)):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(data)


def spliced(rng: random.Random) -> bytes:
    one, other = picture(rng), picture(rng)
    return one[: rng.randint(0, len(one))] + other[rng.randint(0, len(other)) :]


def bomb(rng: random.Random) -> bytes:
    """A header that describes a picture of up to four thousand million pixels."""
    width, height = (rng.choice((1, 2**16 - 1, 2**20, 2**31 - 1, 2**32 - 1)) for _ in range(2))
    which = rng.randrange(4)
    if which == 0:
        header = struct.pack(">IIBBBBB", width, height, rng.choice((1, 8, 16)), rng.choice((0, 2, 3, 6)), 0, 0, 0)
        chunks = [(b"IHDR", header), (rng.choice((b"zTXt", b"iCCP")), b"a\0\0" + zlib.compress(bytes(10**6)))]
        chunks += [(b"IDAT", zlib.compress(bytes(rng.choice((10, 10**6))))), (b"IEND", b"")]
        parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    if which == 1:
        return b"GIF89a" + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + b"\x80\0\0" + rng.randbytes(50)
    if which == 2:
        head = struct.pack("<IiiHHIIiiII", 40, width & 0x7FFFFFFF, height & 0x7FFFFFFF, 1, 24, 0, 0, 0, 0, 0, 0)
        return b"BM" + struct.pack("<IHHI", 2**31 - 1, 0, 0, 54) + head + rng.randbytes(99)
    sizes = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
    return b"\xff\xd8\xff\xc0\x00\x11\x08" + sizes + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01" + rng.randbytes(80)


def scans(rng: random.Random) -> bytes:
    """A progressive JPEG that repeats its last scan very often."""
    buffer = io.BytesIO()
    Image.new("RGB", (500, 500)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * rng.choice((50, 99, 5000)) + data[-2:]


def polyglot(rng: random.Random) -> bytes:
    """A picture that is also a zip, a page or a script."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../a.png", bytes(10**5))
    others = (buffer.getvalue(), b"<script>alert(1)</script>", b"#!/bin/sh\nexit\n", b"%PDF-1.7\n")
    return picture(rng) + rng.choice(others) if rng.random() < 0.7 else rng.choice(others) + picture(rng)


def other_kind(rng: random.Random) -> bytes:
    """No picture that the service reads, such as vectors, programs and formats that Pillow would open if let."""
    kinds = (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\x7fELF" + bytes(90),
        b"II*\0",
    )
    return rng.choice(
        (*kinds, rng.randbytes(rng.randint(0, 3000)), b"P6 99999 99999 255 ", b"RIFF\xff\xff\xff\xffWEBPVP8 ")
    )


BODIES = (picture, cut, changed, spliced, bomb, scans, polyglot, other_kind)


def form(rng: random.Random) -> tuple[bytes, bytes]:
    """A form that may be broken, and its content type."""
    parts = []
    for _ in range(rng.choice((0, 1, 2, 40))):
        name = _mostly(rng, b"picture", b"beam", b"", b"a" * 5000, b"\xff\xfe", b'x"; filename="y')
        file = _mostly(rng, b'; filename="a.png"', b"; filename*=utf-8''%ff%ff", b'; filename="../../a"', b"", b";;;")
        extra = _mostly(rng, b"", b"Content-Type: " + b"x" * 5000 + b"\r\n", b"X\r\n", b"A: b\r\n" * 20)
        inner = _mostly(rng, rng.choice(BODIES)(rng), b"\r\n--" + BOUNDARY + b"\r\n", b"--" + BOUNDARY + b"--")
        head = b'Content-Disposition: form-data; name="' + name + b'"' + file + b"\r\n"
        parts.append(b"--" + BOUNDARY + b"\r\n" + head + extra + b"\r\n" + inner + b"\r\n")
    end = _mostly(rng, b"--" + BOUNDARY + b"--\r\n", b"", b"--" + BOUNDARY)
    boundary = _mostly(rng, BOUNDARY, b"", b"x" * 300, b'"----hostile"', b"----other")
    return b"".join(parts) + end, b"multipart/form-data; boundary=" + boundary


def request(rng: random.Random, kind: str) -> bytes:
    """A whole request of one of `KINDS`, or bytes that are none."""
    if kind == "bytes":
        begin = rng.choice((b"", b"GET ", b"\x16\x03\x01\x02\0\x01", b"POST /v1/caption HTTP/9.9\r\n\r\n"))
        return begin + rng.randbytes(200)
    content_type = b"image/jpeg"
    if kind == "form":
        body, content_type = form(rng)
    elif kind == "json":
        body, content_type = json_body(rng), b"application/json"
    elif kind in ("settings", "headers", "lengths", "types"):
        body = picture(rng)
    else:
        body = {one.__name__: one for one in BODIES}[kind](rng)
    query, extra, length = b"", b"", len(body)
    if kind == "settings":
        pairs = (rng.choice(SETTINGS) + "=" + rng.choice(VALUES) for _ in range(rng.randint(1, 3)))
        query = b"?" + "&".join(pairs).replace(" ", "+").encode()
    if kind == "headers":
        huge = b"X: " + b"y" * rng.choice((10**4, 10**5)) + b"\r\n"
        extra = rng.choice((huge, b"A: b\r\n" * 500, b"Bad header\r\n", b"X: \0\r\n", b"Content-Length: 3\r\n"))
    if kind == "lengths":
        length = rng.choice((0, length // 2, -1, 10**12, 10**30))
    if kind == "types":
        content_type = rng.choice(
            (b"", b"text/html", b"a" * 2000, b"\xff\xfe", b"multipart/mixed", b"application/json")
        )
    typed = b"Content-Type: " + content_type + b"\r\n" if content_type else b""
    head = b"POST /v1/caption" + query + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    return head + typed + extra + b"Content-Length: " + str(length).encode() + b"\r\n\r\n" + body


def _mostly(rng: random.Random, good: bytes, *bad: bytes) -> bytes:
    return good if rng.random() < 0.85 else rng.choice(bad)


def json_body(rng: random.Random) -> bytes:
    urls = ("http://127.0.0.1/", "file:///etc/passwd", "http://[::1]/", "x" * 3000, "http://localhost:22/", "")
    lists = ({"urls": [rng.choice(urls)]}, {"urls": list(urls) * 20}, {"urls": None}, {"urls": [[]]})
    values = (*lists, [], None, {"u": 1})
    return json.dumps(rng.choice(values)).encode() if rng.random() < 0.8 else b"[" * rng.choice((10, 10**5))


KINDS = (*(body.__name__ for body in BODIES), "form", "json", "settings", "headers", "lengths", "types", "bytes")
