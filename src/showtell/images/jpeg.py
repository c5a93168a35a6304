"""JPEG files whose headers Pillow would look for byte by byte, which takes minutes in hundreds of megabytes of padding.

Follows ITU-T T.81, annex B (marker segments).
"""

_START_OF_SCAN = 0xDA
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # markers without a length
_LONGEST_GAP, _MOST_STEPS = 1 << 16, 100_000


def is_padded(data: bytes) -> bool:
    """Whether there is more between two markers before the picture's first scan than any program writes."""
    at = 2
    for _ in range(_MOST_STEPS):
        begin = data.find(b"\xff", at, at + _LONGEST_GAP)
        if begin < 0 or begin + 4 > len(data):
            return at + _LONGEST_GAP < len(data)
        marker = data[begin + 1]
        if marker == _START_OF_SCAN:
            return False
        if marker == 0xFF:  # any number of these may stand before a marker
            at = begin + 1
        elif marker in _ALONE:
            at = begin + 2
        else:
            at = begin + 2 + max(2, int.from_bytes(data[begin + 2 : begin + 4], "big"))
    return True
