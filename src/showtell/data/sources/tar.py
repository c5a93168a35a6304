"""Pictures inside a tar, read one at a time; of WebDataset's shards, too, whose other members are passed over.

A tar is one stream: where it breaks off, everything before has been given, and an error says so. In one that is not
compressed pieces of `PictureSource.split` read their pictures where they lie.
"""

import tarfile
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from showtell.data.sources.base import DAMAGE, Chosen, RawPicture, picture_name, suffixes, too_large
from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line

_LINK = "a link in the archive, not a picture: pack the archive with the files themselves"

_NO_FILE, _SPARSE = -1, -2  # in place of the size of a link, and of a file with holes


@dataclass(frozen=True)
class TarPictures:
    """The pictures in a tar, compressed by `gz`, `bz2`, `xz` or nothing; methods as `PictureSource` has them."""

    path: Path | Remote
    compression: str

    def names(self) -> list[str]:
        return list(self._listed[0])

    @property
    def broken(self) -> str:
        """The error that `read` ends with where the archive breaks off; empty where it does not."""
        return self._listed[1]

    def only(self, names: Collection[str]) -> "Chosen | TarMembers":
        places = self._listed[0]
        if self.compression or any(places[name][1] == _SPARSE for name in names):
            return Chosen(self, tuple(names))
        return TarMembers(self.path, tuple((name, *places[name]) for name in names))

    @cached_property
    def _listed(self) -> tuple[dict[str, tuple[int, int]], str]:
        """Where in the file every picture lies up to where it breaks off (offset, bytes), and the error of that."""
        places: dict[str, tuple[int, int]] = {}
        broken = ""
        try:
            with closing(self._pictures()) as pictures:
                for name, archive, member in pictures:
                    _check_whole(archive, member)
                    if name in places:
                        raise InputError(f"{self.path}: holds two pictures named {name!r}: rename one of them")
                    size = _SPARSE if member.issparse() else member.size if member.isreg() else _NO_FILE
                    places[name] = (member.offset_data, size)
        except DAMAGE as error:
            if not places:
                raise self._broken(error, 0) from error
            broken = str(self._broken(error, len(places)))
        if not places:
            raise InputError(f"{self.path}: holds no pictures ({suffixes()}): give another archive")
        return places, broken

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        whole = 0
        try:
            with closing(self._pictures()) as pictures:
                for name, archive, member in pictures:
                    if name not in skip:
                        yield _tar_picture(archive, name, member)
                    whole += 1
        except DAMAGE as error:
            raise self._broken(error, whole) from error

    def _pictures(self) -> Generator[tuple[str, tarfile.TarFile, tarfile.TarInfo], None, None]:
        try:
            file = self.path.open("rb")
        except (PermissionError, FileNotFoundError) as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        with file, tarfile.open(fileobj=file, mode=f"r:{self.compression}") as archive:  # type: ignore[call-overload]
            for member in _tar_members(archive):
                if not member.isdir() and (name := picture_name(member.name)):
                    yield name, archive, member

    def _broken(self, error: Exception, whole: int) -> InputError:
        count = f"{whole} whole picture{'' if whole == 1 else 's'}"
        return InputError(
            f"{self.path}: not a whole tar archive ({one_line(error)}), it breaks off after {count}: "
            "copy or download it again"
        )


@dataclass(frozen=True, slots=True)
class TarMembers:
    """Some pictures of a tar that is not compressed, read where they lie: (name, offset, bytes)."""

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
    """Every member; a `ReadError` where the archive breaks off between members, which tarfile takes for its end."""
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
    return RawPicture(name, file.read())


def _tar_slice(file: IO[bytes], name: str, offset: int, size: int) -> RawPicture:
    if size == _NO_FILE:
        return RawPicture(name, b"", _LINK)
    if error := too_large(size):
        return RawPicture(name, b"", error)
    file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise EOFError("it is shorter than it was")
    return RawPicture(name, data)
