"""A zip -> its pictures, read one at a time.

A zip's members are independent, so a damaged one is a reject and reading continues.
"""

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Collection, Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from showtell.data.sources.base import (
    DAMAGE,
    Chosen,
    RawPicture,
    Remarks,
    head,
    hidden,
    picture_name,
    suffixes,
    too_large,
)
from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line

_UNPACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_COMPRESSIONS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 98: "PPMd"}
_UTF8 = 0x800  # the flag of a member whose name is in UTF-8
_UNICODE_PATH = 0x7075
_LIKELY = ("cp932", "gbk", "cp1252")


@dataclass(frozen=True)
class ZipPictures:
    """The pictures in a zip; methods as in `PictureSource`.

    `encoding` is that of names that do not declare theirs; None for UTF-8 if they are valid UTF-8, else code page 437.
    """

    path: Path | Remote
    encoding: str | None = None

    def only(self, names: Collection[str]) -> "Chosen":
        return Chosen(ZipPictures(self.path, self.encoding), tuple(names))

    def names(self) -> list[str]:
        return self._listed[0]

    @property
    def remarks(self) -> Remarks:
        """What people should know about the archive besides its pictures."""
        return self._listed[1]

    @cached_property
    def _listed(self) -> tuple[list[str], Remarks]:
        remarks = Remarks()
        with open_zip(self.path) as archive:
            pictures = self._pictures(archive, remarks)
        if not pictures:
            seen = f"; {'; '.join(remarks.lines())}" if remarks.unread else ""
            raise InputError(f"{self.path}: has no pictures ({suffixes()}): give another archive{seen}")
        strange = [_compression(member) for member in pictures.values()]
        if all(strange):
            raise InputError(f"{self.path}: {strange[0]}")
        return list(pictures), remarks

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        with open_zip(self.path) as archive:
            for name, member in self._pictures(archive, Remarks()).items():
                if name not in skip:
                    yield _zip_picture(archive, name, member)

    def _pictures(self, archive: zipfile.ZipFile, remarks: Remarks) -> dict[str, zipfile.ZipInfo]:
        """Pictures by name; of members with the same name the last one, as after unpacking."""
        found: dict[str, zipfile.ZipInfo] = {}
        repeated: dict[str, None] = {}
        garbled: list[zipfile.ZipInfo] = []
        for member in archive.infolist():
            if not member.filename or member.is_dir():
                continue
            inside = zip_name(member, self.encoding)
            name = picture_name(inside)
            if not name:
                remarks.see(inside if not any(map(hidden, inside.split("/"))) else "")
                continue
            if found.pop(name, None):
                repeated[name] = None
            found[name] = member
            if self.encoding is None and not _names_its_letters(member):
                garbled.append(member)
        if repeated:
            remarks.note(f"{self.path}: {twice(list(repeated))}")
        if garbled:
            remarks.note(f"{self.path}: {_hint(garbled)}")
        return found


def open_zip(path: Path | Remote) -> zipfile.ZipFile:
    """Open a zip for reading; an `InputError` that names it if it cannot be read or is truncated."""
    try:
        return zipfile.ZipFile(path.open("rb") if isinstance(path, Remote) else path)
    except (PermissionError, FileNotFoundError) as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except DAMAGE as error:
        raise InputError(f"{path}: not a complete zip file ({one_line(error)}): copy or download it again") from error


def is_zip(path: Path | Remote) -> bool:
    """Whether a file is a zip, by its first bytes or else by its name.

    Raises:
        InputError: it cannot be read.
    """
    return head(path).startswith((b"PK\x03\x04", b"PK\x05\x06")) or path.suffix.lower() == ".zip"


def zip_name(member: zipfile.ZipInfo, encoding: str | None = None) -> str:
    """A member's path with forward slashes, decoded as its maker meant.

    Arguments:
        member: a member of an archive.
        encoding: of a name that is not marked as UTF-8; None for UTF-8 if it is valid UTF-8, else code page 437.
    """
    name = _unicode_path(member) or member.filename
    if not member.flag_bits & _UTF8 and name is member.filename:
        name = _decoded(name, encoding)
    return name.replace("\\", "/")  # old Windows tools write backslashes


def twice(names: list[str]) -> str:
    """The remark on names that several members have."""
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"holds {names[0]!r}{more} more than once: the last one counts"


def _decoded(name: str, encoding: str | None) -> str:
    try:
        raw = name.encode("cp437")
    except UnicodeError:  # zipfile did not decode the name by code page 437
        return name
    try:
        return raw.decode("utf-8")  # macOS writes UTF-8 without saying so
    except UnicodeError:
        pass
    return raw.decode(encoding, "backslashreplace") if encoding else name


def _unicode_path(member: zipfile.ZipInfo) -> str:
    """The UTF-8 name that Info-ZIP adds to a name in another encoding; empty if there is none."""
    extra, at = member.extra, 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        if kind == _UNICODE_PATH and len(field) > 5 and field[:1] == b"\1":
            with contextlib.suppress(UnicodeError):
                if struct.unpack("<I", field[1:5])[0] == zlib.crc32(member.orig_filename.encode("cp437")):
                    return field[5:].decode("utf-8")
        at += 4 + size
    return ""


def _names_its_letters(member: zipfile.ZipInfo) -> bool:
    """Whether the encoding of a member's name is certain."""
    name = member.filename
    if name.isascii() or member.flag_bits & _UTF8 or _unicode_path(member):
        return True
    return _decoded(name, None) != name


def _hint(garbled: list[zipfile.ZipInfo]) -> str:
    """How names would read in their likely encodings."""
    first = garbled[0].filename
    readings = []
    for encoding in _LIKELY:
        with contextlib.suppress(UnicodeError):
            reading = PurePosixPath(first.encode("cp437").decode(encoding)).name
            if reading.isprintable():
                readings.append(f"{reading!r} with --zip-encoding {encoding}")
    count = f"{len(garbled):,} name{'s' * (len(garbled) != 1)}"
    if not readings:
        return f"{count} in an encoding that the zip does not say: if they look wrong, give --zip-encoding"
    would = ", ".join(readings)
    return f"{count} in an encoding that the zip does not say: {PurePosixPath(first).name!r} would be {would}"


def _compression(member: zipfile.ZipInfo) -> str:
    """Why a member cannot be unpacked; empty if it can."""
    if member.compress_type in _UNPACKED:
        return ""
    kind = _COMPRESSIONS.get(member.compress_type, f"method {member.compress_type}")
    return f"compressed by {kind}, which Python lacks: unpack it first, or pack it again by Deflate"


def _zip_picture(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> RawPicture:
    if member.flag_bits & 1:
        return RawPicture(name, b"", "encrypted in the zip: unpack it with its password first")
    if error := _compression(member) or too_large(member.file_size):
        return RawPicture(name, b"", error)
    try:
        return RawPicture(name, archive.read(member))
    except MemoryError:
        return RawPicture(name, b"", "the file needs more memory than there is")
    except DAMAGE as damage:
        return RawPicture(name, b"", f"damaged in the zip ({one_line(damage)})")
