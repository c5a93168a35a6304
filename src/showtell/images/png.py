"""PNG files without texts and color profile, for files that Pillow refuses because these chunks are too large.

Follows the PNG specification, third edition, section 5 (datastream structure).
"""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BESIDE = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_LONGEST_XMP = 1 << 19  # shorter iTXt chunks of XMP stay, because they may have the orientation


def without_texts(data: bytes) -> bytes:
    """The same picture without texts and color profile; `data` itself if it has none or is not a PNG."""
    if not data.startswith(SIGNATURE):
        return data
    kept = bytearray(SIGNATURE)
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _BESIDE or _is_short_xmp(data, at, end):
            kept += memoryview(data)[at:end]
        at = end
    return bytes(kept) if len(kept) != len(data) else data


def _is_short_xmp(data: bytes, begin: int, end: int) -> bool:
    xmp = b"XML:com.adobe.xmp\0"
    body = begin + 8
    plain = data[body + len(xmp) : body + len(xmp) + 1] == b"\0"  # not compressed
    return end - begin < _LONGEST_XMP and data[body : body + len(xmp)] == xmp and plain
