"""Mutations that know nothing of a format, and the values that formats choke on."""

import random
import struct
from collections.abc import Sequence

INTEGERS = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 2**20, 2**31 - 1)
LARGE = (*INTEGERS, 2**31, 2**32 - 1, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
NAMES = (
    "../../up.png",
    "/etc/passwd.png",
    "C:\\windows\\x.png",
    "..\\up.png",
    "a\nb.png: a lie",
    "\x1b[2J.png",
    "\u202egnp.exe.png",
    "=1+1.png",
    "<script>alert(1)</script>.png",
    "a.png\0.txt",
    "x" * 300 + ".png",
    "d/" * 400 + "x.png",
    "con.png",
    ".png",
    "",
    "a.png/",
    "./a.png",
    "a//b.png",
    "\udcff.png",
    "é" * 100 + ".png",
    "0.png",
)
"""Names of members and of pictures."""

TEXTS = (
    "",
    " ",
    "\0",
    "a" * 5000,
    "a" * 200_000,
    "=cmd|' /C calc'!A0",
    "<b>bold</b> & ]]>",
    "\x1b[31mred",
    "\u2028\u2029\u202e",
    "\ud83d",
    "nan",
    "1e999",
    "-1",
    "None",
    '"',
    "'",
    "a\r\nb",
    "\ufeff",
    "💥" * 50,
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, overwrite, insert, remove or repeat bytes, once or a few times."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if found:
            rng.choice(_ALL)(found, rng)
    return bytes(found)


def spliced(one: bytes, other: bytes, rng: random.Random) -> bytes:
    """The beginning of one, and the end of another."""
    return one[: rng.randint(0, len(one))] + other[rng.randint(0, len(other)) :]


def overwrite_integer(data: bytearray, rng: random.Random, at: int | None = None) -> None:
    """Write an integer that formats choke on, of any size and order of bytes."""
    code = rng.choice("BHIQ")
    order = rng.choice("<>")
    size = struct.calcsize(code)
    if len(data) < size:
        return
    place = rng.randrange(len(data) - size + 1) if at is None else min(at, len(data) - size)
    struct.pack_into(order + code, data, place, rng.choice(LARGE) % (1 << 8 * size))


def shuffled_list(items: Sequence[object], rng: random.Random) -> list[object]:
    """The list with an item dropped, doubled, moved, or repeated very often."""
    found = list(items)
    if not found:
        return found
    at = rng.randrange(len(found))
    kind = rng.randrange(5)
    if kind == 0:
        del found[at]
    elif kind == 1:
        found.insert(rng.randint(0, len(found)), found[at])
    elif kind == 2:
        found.insert(rng.randrange(len(found)), found.pop(at))
    elif kind == 3:
        found[at:at] = [found[at]] * rng.choice((2, 30, 400))
    else:
        del found[at:]
    return found


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randint(0, len(data)) :]


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] = rng.choice((0, 1, 127, 128, 254, 255, rng.randrange(256)))


def _header(data: bytearray, rng: random.Random) -> None:
    overwrite_integer(data, rng, rng.randrange(min(len(data), 64)))


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice((bytes(1), bytes(100), rng.randbytes(8), b"\xff" * 50, bytes(data[:200])))


def _remove(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 4, 100))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = bytes(data[at : at + rng.choice((4, 64, 512))]) * rng.choice((1, 2, 50))


_ALL = (_cut, _flip, _byte, overwrite_integer, _header, _insert, _remove, _repeat)
