"""Zips and tars with pictures, texts and captions, and mutations of their headers, names, links and sizes."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from hostile.generic import LARGE, NAMES, mutated, shuffled_list
from hostile.pictures import gifs, jpegs, pngs

CAPTIONS = b"image,caption\n0.png,a dog\n1.jpg,a cat\n"


@cache
def _jpeg() -> bytes:
    return jpegs()[0]


def _members() -> dict[str, bytes]:
    return {
        "0.png": pngs()[0],
        "d/1.jpg": jpegs()[1],
        "2.gif": gifs()[0],
        "0.png.txt": b"a dog on the grass\n",
        "captions.csv": CAPTIONS,
    }


def zips() -> list[bytes]:
    """Stored and packed by every method, with a comment, with names of old systems."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.comment = b"words"
            for name, data in _members().items():
                archive.writestr(name, data)
        found.append(buffer.getvalue())
    return found


def tars() -> list[bytes]:
    """All three forms, with links, folders and devices, plain and packed."""
    found = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            for name, data in _members().items():
                member = tarfile.TarInfo(name if form == tarfile.USTAR_FORMAT else f"{'long/' * 30}é{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            if form == tarfile.GNU_FORMAT:
                _add_others(archive)
        found.append(buffer.getvalue())
    return [*found, gzip.compress(found[0]), bz2.compress(found[1]), lzma.compress(found[2])]


def _add_others(archive: tarfile.TarFile) -> None:
    """Links, a pipe and a device."""
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    for name, kind in zip(("link.png", "hard.png", "pipe.png", "device.png"), kinds, strict=True):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "0.png"
        archive.addfile(member)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A member of a zip as its headers describe it: `local` and `central` are what they hold besides the name."""

    name: bytes
    data: bytes
    local: tuple[int, ...]
    central: tuple[int, ...]
    extra: bytes = b""
    offset: int | None = None


_FIELDS = ("version", "flags", "method", "time", "date", "crc", "packed", "size")


def zip_(data: bytes, rng: random.Random) -> bytes:
    """Lies in local and central headers, names that lead elsewhere, members that overlap, bombs, wrong methods."""
    entries = _entries(data)
    if not entries or rng.random() < 0.12:
        return mutated(data, rng)
    end: dict[str, int] = {}
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(entries))
        one, kind = entries[at], rng.randrange(9)
        if kind == 0:
            entries[at] = replace(one, name=rng.choice(NAMES).encode("utf-8", "surrogateescape")[:65535])
        elif kind == 1:
            field, value = rng.randrange(8), rng.choice(LARGE) & 0xFFFF
            both = rng.randrange(3)
            entries[at] = replace(
                one,
                local=_with(one.local, field, value) if both < 2 else one.local,
                central=_with(one.central, field, value) if both else one.central,
            )
        elif kind == 2:
            flags = rng.choice((1, 8, 0x41, 0x800, 0x2000, 0xFFFF))
            entries[at] = replace(one, local=_with(one.local, 1, flags), central=_with(one.central, 1, flags))
        elif kind == 3:
            method = rng.choice((0, 1, 6, 8, 9, 12, 14, 93, 95, 98, 99))
            entries[at] = replace(one, local=_with(one.local, 2, method), central=_with(one.central, 2, method))
        elif kind == 4:
            extra = rng.choice(
                (
                    struct.pack("<HHQQ", 1, 16, 2**63, 5),
                    struct.pack("<HH", 1, 65535),
                    rng.randbytes(20),
                    struct.pack("<HHB", 0x7075, 5, 1) + b"name",
                )
            )
            entries[at] = replace(one, extra=extra)
        elif kind == 5:
            entries[at] = replace(one, offset=rng.choice((0, 1, 50, *LARGE)))
        elif kind == 6:
            entries = shuffled_list(entries, rng)  # type: ignore[assignment]
            if not entries:
                return mutated(data, rng)
        elif kind == 7:
            entries[at] = _filled(one, rng)
        else:
            end[rng.choice(("count", "size", "offset", "disk"))] = rng.choice(LARGE)
    return _zip_of(entries, end, rng)


def _filled(one: _Entry, rng: random.Random) -> _Entry:
    """With other contents and true headers: a mutated picture, or what unpacks to megabytes."""
    content = rng.choice((mutated(_jpeg(), rng), *_fillings()))
    packed = _deflated(content)
    fields = (20, 0, 8, 0, 33, zlib.crc32(content), len(packed), len(content))
    return replace(one, data=packed, local=fields, central=fields)


@cache
def _fillings() -> tuple[bytes, ...]:
    """What packs to little: zeros, and captions."""
    return b"", bytes(10**6), bytes(3 * 10**7), CAPTIONS, b"image,caption\n" + b"a.png,x\n" * 10**5


@lru_cache(16)
def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def _with(fields: tuple[int, ...], at: int, value: int) -> tuple[int, ...]:
    return (*fields[:at], value, *fields[at + 1 :])


def _entries(data: bytes) -> list[_Entry]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = []
            for info in archive.infolist()[:50]:
                begin = info.header_offset + 30 + len(info.filename.encode()) + len(info.extra)
                fields = (
                    20,
                    info.flag_bits,
                    info.compress_type,
                    0,
                    33,
                    info.CRC,
                    info.compress_size & 0xFFFFFFFF,
                    info.file_size & 0xFFFFFFFF,
                )
                found.append(_Entry(info.filename.encode(), data[begin : begin + info.compress_size], fields, fields))
            return found
    except Exception:  # what is no zip any more is mutated without regard to its form
        return []


def _zip_of(entries: list[_Entry], end: dict[str, int], rng: random.Random) -> bytes:
    body, directory = b"", b""
    for one in entries:
        offset = len(body) if one.offset is None else one.offset & 0xFFFFFFFF
        body += (
            b"PK\3\4"
            + _packed(one.local)
            + struct.pack("<HH", len(one.name), len(one.extra))
            + one.name
            + one.extra
            + one.data
        )
        directory += b"PK\1\2" + struct.pack("<H", rng.choice((20, 768 + 20))) + _packed(one.central)
        directory += struct.pack(
            "<HHHHHII", len(one.name), len(one.extra), 0, 0, 0, rng.choice((0, 0o120777 << 16, 0o10644 << 16)), offset
        )
        directory += one.name + one.extra
    count = end.get("count", len(entries)) & 0xFFFF
    size, start = end.get("size", len(directory)) & 0xFFFFFFFF, end.get("offset", len(body)) & 0xFFFFFFFF
    disk = end.get("disk", 0) & 0xFFFF
    return body + directory + b"PK\5\6" + struct.pack("<HHHHIIH", disk, disk, count, count, size, start, 0)


def _packed(fields: tuple[int, ...]) -> bytes:
    return struct.pack("<HHHHHIII", *(value & (0xFFFFFFFF if at > 4 else 0xFFFF) for at, value in enumerate(fields)))


_PACKERS = {
    b"\x1f\x8b": (gzip.decompress, gzip.compress),
    b"BZ": (bz2.decompress, bz2.compress),
    b"\xfd7": (lzma.decompress, lzma.compress),
}


def tar(data: bytes, rng: random.Random) -> bytes:
    """Sizes, kinds, names and links of members, with sums made anew; records of the pax form; packed ones cut."""
    for begin, (unpack, pack) in _PACKERS.items():
        if data.startswith(begin):
            try:
                return mutated(data, rng) if rng.random() < 0.3 else pack(tar(unpack(data), rng))
            except Exception:  # damaged already
                return mutated(data, rng)
    headers = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not headers or rng.random() < 0.1:
        return mutated(data, rng)
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.choice([at for at in headers if at + 512 <= len(found)] or [0])
        if at + 512 > len(found):
            return mutated(bytes(found), rng)
        kind = rng.randrange(7)
        if kind == 0:
            found[at : at + 100] = rng.choice(NAMES).encode("utf-8", "surrogateescape")[:100].ljust(100, b"\0")
        elif kind == 1:
            found[at + 124 : at + 136] = rng.choice(
                (
                    b"77777777777\0",
                    b"-0000000001\0",
                    b"\x80" + bytes(3) + b"\xff" * 8,
                    b"\xff" * 12,
                    b"00000000000\0",
                    b"notanumber!!",
                    b"%011o\0" % rng.choice((1, 511, 513, 10**6, 10**9)),
                )
            )
        elif kind == 2:
            found[at + 156] = rng.choice(b"0123456789xgLKSDMNV\0A")
        elif kind == 3:
            found[at + 157 : at + 257] = rng.choice(NAMES).encode("utf-8", "surrogateescape")[:100].ljust(100, b"\0")
        elif kind == 4:
            found[at + 345 : at + 500] = rng.randbytes(155) if rng.random() < 0.5 else b"../" * 51 + b".."
        elif kind == 5:
            record = rng.choice(
                (
                    b"30 path=../../etc/passwd.png\n",
                    b"99999999999999999999 size=1\n",
                    b"20 size=99999999999\n",
                    b"0 =\n",
                    b"-5 a=b\n",
                    b"28 GNU.sparse.size=99999999999\n",
                    b"31 GNU.sparse.map=0,1,5,99999999\n",
                    b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n",
                )
            )
            found[at:at] = _header(b"x", len(record)) + record.ljust(512, b"\0")
            headers = [at]
        else:
            _move(found, at, rng)
        if rng.random() < 0.93:
            _sum(found, at)
    return bytes(found)


def _move(found: bytearray, at: int, rng: random.Random) -> None:
    """Repeat or remove a member, or end the archive."""
    block = bytes(found[at : at + 512 * rng.randint(1, 4)])
    kind = rng.randrange(3)
    if kind == 0:
        found[at:at] = block * rng.choice((1, 100))
    elif kind == 1:
        del found[at : at + len(block)]
        found += bytes(512)
    else:
        del found[at + rng.randrange(512) :]
        found += bytes(512)


def _header(kind: bytes, size: int) -> bytes:
    header = bytearray(512)
    header[:8], header[100:108], header[124:136], header[156:157], header[257:265] = (
        b"pax.head",
        b"0000644\0",
        b"%011o\0" % size,
        kind,
        b"ustar\x0000",
    )
    _sum(header, 0)
    return bytes(header)


def _sum(found: bytearray, at: int) -> None:
    if at + 512 <= len(found):
        found[at + 148 : at + 156] = b" " * 8
        found[at + 148 : at + 156] = b"%06o\0 " % sum(found[at : at + 512])
