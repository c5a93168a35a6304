"""TIFF files -> TIFF files that Pillow reads correctly, and descriptions of those that cannot be read.

It selects the page with the picture, and rewrites deep gray in which 0 is white and 16-bit color with separate
channels. Follows TIFF 6.0; tags have their numbers there. BigTIFF is passed to Pillow unchanged.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SUBFILE, _OLD_SUBFILE, _BANDS, _PLANAR, _PREDICTOR = 254, 255, 277, 284, 317
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
_SUB_IFDS, _FORMAT, _DNG = 330, 339, 50706
_SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_RAW = frozenset({32803, 34892})  # a color filter array, and linear raw
_MOST_PAGES, _MOST_VALUES, _MOST_TAGS = 64, 1 << 20, 4096
_WHITE_IS_ZERO, _RGB = 0, 2
_SHAPE = frozenset({_WIDTH, _HEIGHT, _COMPRESSION, _PREDICTOR, 266, 274, 278, 322, 323})  # tags that channels copy


@dataclass(frozen=True, slots=True)
class Page:
    """One directory of a TIFF: its offset, its integer tags, and the offset of each tag's value."""

    offset: int
    tags: dict[int, tuple[int, ...]]
    places: dict[int, int] = field(repr=False)

    def one(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        values = self.tags.get(tag, ())
        return values[0] if values else default

    @property
    def reduced(self) -> bool:
        """Whether it is marked as a smaller copy or as a mask of another page."""
        return bool(self.one(_SUBFILE) & 0b101) or self.one(_OLD_SUBFILE) == 2

    @property
    def pixels(self) -> int:
        return self.one(_WIDTH) * self.one(_HEIGHT)

    @property
    def depth(self) -> int:
        """Bits per sample."""
        return max(self.tags.get(_BITS, (1,)))


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF for Pillow.

    `planes` is one file, or one gray file per channel for 16-bit color whose channels had to be separated. It is empty
    if Pillow would decode the picture wrongly. `inverted` says that 0 is white, which the file for Pillow does not say.
    """

    planes: tuple[bytes, ...]
    inverted: bool = False


def is_tiff(data: bytes) -> bool:
    """Whether it is a TIFF but not a BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*")


def is_raw(data: bytes) -> bool:
    """Whether it is a raw photo in a TIFF: DNG, CR2, NEF, ARW and others."""
    if data[8:10] == b"CR" and data[:4] == b"II*\0":
        return True
    page = _picture(data)
    first = next(_chain(data), None)
    return bool(page and page.one(_PHOTOMETRIC) in _RAW) or bool(first and _DNG in first.tags)


def readable(data: bytes) -> Tiff:
    """The file for Pillow, unchanged or with repairs of what Pillow would decode wrongly."""
    page = _picture(data)
    if page is None:
        return Tiff((data,))
    bands = page.one(_BANDS, 1)
    if page.one(_PLANAR, 1) == 2 and bands > 1 and page.depth == 16:
        return Tiff(_parted(data, page, bands) if bands in (3, 4) and page.one(_PHOTOMETRIC) == _RGB else ())
    order = _order(data)
    mended = bytearray()
    if int.from_bytes(data[4:8], "little" if order == "<" else "big") != page.offset:
        mended = mended or bytearray(data)
        struct.pack_into(f"{order}I", mended, 4, page.offset)
    inverted = page.one(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO and page.depth >= 16 and bands == 1
    if inverted:
        mended = mended or bytearray(data)
        struct.pack_into(f"{order}H", mended, page.places[_PHOTOMETRIC], 1)
    return Tiff((bytes(mended) if mended else data,), inverted)


def described(data: bytes) -> str:
    """What an unreadable TIFF holds, such as `a TIFF of 5 bands of 16-bit integers`; empty if unclear."""
    page = _picture(data)
    if page is None or not page.pixels:
        return ""
    kind = {2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex floats"}.get(page.one(_FORMAT, 1))
    bands = page.one(_BANDS, 1)
    count = f"{bands} bands of " if bands != 1 else ""
    packed = page.one(_COMPRESSION, 1)
    return f"a TIFF of {count}{page.depth}-bit {kind or 'integers'}{f' in compression {packed}' if packed != 1 else ''}"


def _picture(data: bytes) -> Page | None:
    """The first page of the chain that is not marked as a smaller copy, else the first page's largest sub-page."""
    chain = list(_chain(data))
    if not chain:
        return None
    if full := next((page for page in chain if not page.reduced), None):
        return full
    below = [page for page in _pages_at(data, chain[0].tags.get(_SUB_IFDS, ())) if not page.reduced]
    return max(below, key=lambda page: page.pixels, default=chain[0])


def _chain(data: bytes) -> Iterator[Page]:
    if not is_tiff(data) or len(data) < 8:
        return
    (offset,) = struct.unpack_from(f"{_order(data)}I", data, 4)
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MOST_PAGES:
        seen.add(offset)
        found = _page(data, offset)
        if found is None:
            return
        page, offset = found
        yield page


def _pages_at(data: bytes, offsets: tuple[int, ...]) -> Iterator[Page]:
    for offset in offsets[:_MOST_PAGES]:
        if found := _page(data, offset):
            yield found[0]


def _page(data: bytes, offset: int) -> tuple[Page, int] | None:
    """The page at `offset` and the offset of the next one; None if the file is damaged."""
    order = _order(data)
    try:
        (count,) = struct.unpack_from(f"{order}H", data, offset)
        tags: dict[int, tuple[int, ...]] = {}
        places: dict[int, int] = {}
        for number in range(min(count, _MOST_TAGS)):
            entry = offset + 2 + 12 * number
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
            size = _SIZES.get(kind, 0) * values
            if not size or values > _MOST_VALUES:
                continue
            place = entry + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, entry + 8)[0]
            tags[tag] = struct.unpack_from(f"{order}{values}{_CODES[kind]}", data, place)
            places[tag] = place
        after = offset + 2 + 12 * count
        following = struct.unpack_from(f"{order}I", data, after)[0] if after + 4 <= len(data) else 0
    except struct.error:
        return None
    return Page(offset, tags, places), following


def _parted(data: bytes, page: Page, bands: int) -> tuple[bytes, ...]:
    """A gray file for each channel of `page`, which refers to the original bytes; empty if the layout does not fit."""
    where, sizes = (_STRIPS, _STRIP_BYTES) if _STRIPS in page.tags else (_TILES, _TILE_BYTES)
    offsets, counts = page.tags.get(where, ()), page.tags.get(sizes, ())
    each = len(offsets) // bands
    if not each or len(offsets) != bands * each or len(counts) != len(offsets):
        return ()
    alone = {_BITS: (16,), _BANDS: (1,), _PLANAR: (1,), _PHOTOMETRIC: (1,), _FORMAT: (1,)}
    files = []
    for band in range(bands):
        own = slice(band * each, (band + 1) * each)
        tags = {tag: values for tag, values in page.tags.items() if tag in _SHAPE}
        files.append(_with_page(data, tags | alone | {where: offsets[own], sizes: counts[own]}))
    return tuple(files)


def _with_page(data: bytes, tags: dict[int, tuple[int, ...]]) -> bytes:
    """The file with a page appended that becomes the first and only one."""
    order = _order(data)
    out = bytearray(data) + bytes(len(data) % 2)
    entries = []
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(packed) > 4:
            place = len(out)
            out += packed
            packed = struct.pack(f"{order}I", place)
        entries.append(struct.pack(f"{order}HHI", tag, 4, len(values)) + packed)
    struct.pack_into(f"{order}I", out, 4, len(out))
    out += struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    return bytes(out)


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"
