"""TIFF files of any kind, written tag by tag (TIFF 6.0), as Pillow does not write them."""

import struct

import numpy as np

_KINDS = {"B": 1, "H": 3, "I": 4}


def tiff(samples, *, order="<", white_is_zero=False, planar=False, subfile=None, sample_format=None, tags=None):
    """An uncompressed TIFF of `(H, W)` or `(H, W, bands)` samples."""
    return pages([page(samples, order, white_is_zero, planar, subfile, sample_format, tags)], order)


def page(samples, order="<", white_is_zero=False, planar=False, subfile=None, sample_format=None, tags=None):
    """The tags of one page and its bytes, for `pages`."""
    height, width = samples.shape[:2]
    bands = samples.shape[2] if samples.ndim == 3 else 1
    bits = 8 * samples.dtype.itemsize
    data = samples.astype(samples.dtype.newbyteorder(order))
    strips = [np.ascontiguousarray(data[..., i]).tobytes() for i in range(bands)] if planar else [data.tobytes()]
    found = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits] * bands),
        259: ("H", [1]),
        262: ("H", [0 if white_is_zero else 2 if bands == 3 else 1]),
        277: ("H", [bands]),
        278: ("I", [height]),
        284: ("H", [2 if planar else 1]),
        339: ("H", [sample_format or {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * bands),
    }
    if subfile is not None:
        found[254] = ("I", [subfile])
    return found | (tags or {}), strips


def pages(them, order="<", children=None):
    """A TIFF of pages one after the other; `children` are pages that the first one has as its SubIFDs."""
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    link = 4
    below = []
    for one in children or []:
        struct.pack_into(f"{order}I", out, link, 0)
        below.append(_write(out, one, order)[0])
    for number, (tags, strips) in enumerate(them):
        if number == 0 and below:
            tags = tags | {330: ("I", below)}
        begin, following = _write(out, (tags, strips), order)
        struct.pack_into(f"{order}I", out, link, begin)
        link = following
    return bytes(out)


def _write(out, one, order):
    tags, strips = one
    offsets = []
    for strip in strips:
        offsets.append(len(out))
        out += strip + bytes(len(strip) % 2)
    tags = tags | {273: ("I", offsets), 279: ("I", list(map(len, strips)))}
    entries = []
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            at = len(out)
            out += packed + bytes(len(packed) % 2)
            packed = struct.pack(f"{order}I", at)
        entries.append(struct.pack(f"{order}HHI", tag, _KINDS[kind], len(values)) + packed.ljust(4, b"\0"))
    begin = len(out)
    out += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
    following = len(out)
    out += bytes(4)
    return begin, following
