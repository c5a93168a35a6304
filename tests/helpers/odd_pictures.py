"""Picture files that people have and tests seldom: thin, long-winded, of other kinds."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def photograph(width=64, height=48, format="JPEG", **options):
    """A smooth picture in colour as a file."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (20 + 200 * x / width, 20 + 200 * y / height, 240 - 100 * (x + y) / (height + width))
    return saved(Image.fromarray(np.stack(channels, axis=2).astype(np.uint8)), format, **options)


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind, data):
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png, *chunks, place=33):
    """A PNG with more chunks, behind its header unless another place is named."""
    return png[:place] + b"".join(chunks) + png[place:]


def black_png(width, height, depth=8, kind=0):
    """A PNG of any sides, packed as small as it goes: black in grey of 8 bits, or as `depth` and `kind` say."""
    row = 1 + (width * depth * {0: 1, 2: 3}[kind] + 7) // 8
    packer, left, packed = zlib.compressobj(9), row * height, []
    while left:
        taken = min(1 << 24, left)
        packed.append(packer.compress(bytes(taken)))
        left -= taken
    data = b"".join(packed) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
