"""A tar -> its pictures, read one at a time. Other members, as in WebDataset's shards, are skipped.

A tar is one stream: a truncated one yields everything before its end, and then raises an error. In an uncompressed tar,
pieces of `PictureSource.split` seek to their pictures.
"""

import tarfile
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from showtell.data.sources.base import (
    DAMAGE,
    Chosen,
    RawPicture,
    Remarks,
    hidden,
    picture_name,
    suffixes,
    too_large,
)
from showtell.data.sources.remote import Remote
from showtell.data.sources.zip import twice
from showtell.errors import InputError, one_line

_LINK = "a link in the archive, not a picture: pack the archive with the files themselves"

_NO_FILE, _SPARSE = -1, -2  # instead of the size, for a link and for a sparse file


@dataclass(frozen=True)
class TarPictures:
    """The pictures in a tar, compressed by `gz`, `bz2`, `xz` or nothing; methods as in `PictureSource`.

    `repeated` has the number of occurrences of names that occur more than once, if known in advance.
    """

    path: Path | Remote
    compression: str
    repeated: tuple[tuple[str, int], ...] | None = field(default=None, compare=False)

    def names(self) -> list[str]:
        return list(self._listed.places)

    @property
    def broken(self) -> str:
        """The error that `read` raises at the end of a truncated archive; empty for a whole one."""
        return self._listed.broken

    @property
    def remarks(self) -> Remarks:
        """What people should know about the archive besides its pictures."""
        return self._listed.remarks

    def only(self, names: Collection[str]) -> "Chosen | TarMembers":
        places = self._listed.places
        if self.compression or any(places[name][1] == _SPARSE for name in names):
            repeated = tuple(self._listed.repeated.items())
            return Chosen(TarPictures(self.path, self.compression, repeated), tuple(names))
        return TarMembers(self.path, tuple((name, *places[name]) for name in names))

    @cached_property
    def _listed(self) -> "_Listing":
        """The listing, up to the end of a truncated archive."""
        listing = _Listing()
        places = listing.places
        try:
            with closing(self._pictures(listing.remarks)) as pictures:
                for name, archive, member in pictures:
                    _check_whole(archive, member)
                    if places.pop(name, None):
                        listing.repeated[name] = listing.repeated.get(name, 1) + 1
                    size = _SPARSE if member.issparse() else member.size if member.isreg() else _NO_FILE
                    places[name] = (member.offset_data, size)
        except DAMAGE as error:
            if not places:
                raise self._broken(error, 0) from error
            listing.broken = str(self._broken(error, len(places)))
        if not places:
            seen = f"; {'; '.join(listing.remarks.lines())}" if listing.remarks.unread else ""
            raise InputError(f"{self.path}: has no pictures ({suffixes()}): give another archive{seen}")
        if listing.repeated:
            listing.remarks.note(f"{self.path}: {twice(list(listing.repeated))}")
        return listing

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        # Of members with the same name the last one counts, as after unpacking.
        coming = dict(self._listed.repeated if self.repeated is None else self.repeated)
        whole = 0
        try:
            with closing(self._pictures(Remarks())) as pictures:
                for name, archive, member in pictures:
                    if name in coming:
                        coming[name] -= 1
                        if coming[name]:
                            continue
                    if name not in skip:
                        yield _tar_picture(archive, name, member)
                    whole += 1
        except DAMAGE as error:
            raise self._broken(error, whole) from error

    def _pictures(self, remarks: Remarks) -> Generator[tuple[str, tarfile.TarFile, tarfile.TarInfo], None, None]:
        try:
            file = self.path.open("rb")
        except (PermissionError, FileNotFoundError) as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        with file, tarfile.open(fileobj=file, mode=f"r:{self.compression}") as archive:  # type: ignore[call-overload]
            for member in _tar_members(archive):
                if member.isdir():
                    continue
                if name := picture_name(member.name):
                    yield name, archive, member
                elif not any(map(hidden, member.name.removeprefix("./").split("/"))):
                    remarks.see(member.name)

    def _broken(self, error: Exception, whole: int) -> InputError:
        count = f"{whole} complete picture{'' if whole == 1 else 's'}"
        return InputError(
            f"{self.path}: not a complete tar archive ({one_line(error)}): it ends after {count}: "
            "copy or download it again"
        )


@dataclass(slots=True)
class _Listing:
    """`places` has (offset, size in bytes) of every picture, `repeated` the number of occurrences of repeated names,
    `broken` the error of a truncated archive.
    """

    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    remarks: Remarks = field(default_factory=Remarks)


@dataclass(frozen=True, slots=True)
class TarMembers:
    """Some pictures of an uncompressed tar, read by seeking: (name, offset, size in bytes)."""

    path: Path | Remote
    members: tuple[tuple[str, int, int], ...]

    def names(self) -> list[str]:
        return [name for name, _, _ in self.members]

    def only(self, names: Collection[str]) -> "TarMembers":
        return TarMembers(self.path, tuple(member for member in self.members if member[0] in names))

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        try:
            with self.path.open("rb") as file:
                for name, offset, size in self.members:
                    if name not in skip:
                        yield _tar_slice(file, name, offset, size)
        except (OSError, EOFError) as error:
            raise InputError(f"{self.path}: cannot be read any further ({one_line(error)})") from error


def _tar_members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Every member; a `ReadError` if the archive is truncated between members, which tarfile takes for its end."""
    while (member := archive.next()) is not None:
        yield member
        archive.members.clear()  # type: ignore[attr-defined]  # or a million headers stay in memory
    file = archive.fileobj
    assert file is not None
    file.seek(archive.offset)
    if file.read(512) != bytes(512):
        raise tarfile.ReadError("no end mark")
    while file.read(1 << 20):  # a compressed file has its checksum after its last byte
        pass


def _check_whole(archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if member.isreg() and member.size and not member.issparse():
        assert archive.fileobj is not None
        archive.fileobj.seek(member.offset_data + member.size - 1)
        if not archive.fileobj.read(1):
            raise tarfile.ReadError("unexpected end of data")


def _tar_picture(archive: tarfile.TarFile, name: str, member: tarfile.TarInfo) -> RawPicture:
    if not member.isreg():
        return RawPicture(name, b"", _LINK)
    if error := too_large(member.size):
        return RawPicture(name, b"", error)
    file = archive.extractfile(member)
    assert file is not None
    try:
        return RawPicture(name, file.read())
    except MemoryError:
        return RawPicture(name, b"", "the file needs more memory than there is")


def _tar_slice(file: IO[bytes], name: str, offset: int, size: int) -> RawPicture:
    if size == _NO_FILE:
        return RawPicture(name, b"", _LINK)
    if error := too_large(size):
        return RawPicture(name, b"", error)
    file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise EOFError("the file has become shorter")
    return RawPicture(name, data)
