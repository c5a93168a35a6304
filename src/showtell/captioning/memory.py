"""How many pictures a decoder writes about at once, from the memory that their keys and values take."""

import os
from pathlib import Path

SHARE = 8
"""Without a limit, keys and values of pictures take one part in so many of the memory that is free,"""
LARGEST_SHARE = 300 << 20
"""and no more than this: more pictures at once are hardly faster."""
_USUAL = 4 << 30  # where the system does not say what is free
_MOST = 32


def pictures_at_once(bytes_per_picture: int, memory: int | None, threads: int) -> int:
    """The number of pictures, at least 1.

    Arguments:
        bytes_per_picture: what a decoder keeps for a picture; 0 if that does not matter.
        memory: bytes for all threads together; None for a share of what is free.
        threads: number of threads that write at a time.
    """
    if not bytes_per_picture:
        return 1 << 30
    room = min(LARGEST_SHARE, free_memory() // SHARE) if memory is None else memory
    return max(1, min(_MOST, room // (bytes_per_picture * max(1, threads))))


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Bytes that programs may take without swapping, as the kernel estimates it."""
    try:
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return _USUAL
