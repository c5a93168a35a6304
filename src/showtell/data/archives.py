"""Pictures inside a zip or tar, read one at a time.

A zip's members stand on their own, so a damaged one is a reject and the next is read. A tar is one stream: where it
breaks off, everything before has been given, and an error says so.
"""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from showtell.errors import InputError, one_line
from showtell.image import SUFFIXES

_MAX_BYTES = 1 << 30
_TAR_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_TAR_SUFFIXES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    IndexError,
    OverflowError,
    RuntimeError,  # and NotImplementedError: passwords, compression methods that Python lacks
)
"""What zipfile, tarfile and the decompressors beneath them raise on bytes that are not as they should be."""


@dataclass(frozen=True, slots=True)
class RawPicture:
    """One picture file: its bytes, or in `error` why they could not be read (then `data` is empty)."""

    name: str
    data: bytes
    error: str = ""


@dataclass(frozen=True, slots=True)
class ZipPictures:
    """The pictures in a zip; methods as `PictureSource` has them."""

    path: Path

    def names(self) -> list[str]:
        with open_zip(self.path) as archive:
            names = [name for name, _ in _zip_pictures(archive)]
        if not names:
            raise InputError(f"{self.path}: holds no pictures ({suffixes()}): give another archive")
        return names

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        with open_zip(self.path) as archive:
            for name, member in _zip_pictures(archive):
                if name not in skip:
                    yield _zip_picture(archive, name, member)


@dataclass(frozen=True, slots=True)
class TarPictures:
    """The pictures in a tar, compressed by `gz`, `bz2`, `xz` or nothing; methods as `PictureSource` has them."""

    path: Path
    compression: str

    def names(self) -> list[str]:
        return self.listed()[0]

    def listed(self) -> tuple[list[str], str]:
        """The names up to where the archive breaks off, and the error that `read` has for that, or an empty one."""
        names: list[str] = []
        broken = ""
        try:
            with closing(self._pictures()) as pictures:
                for name, archive, member in pictures:
                    _check_whole(archive, member)
                    names.append(name)
        except DAMAGE as error:
            if not names:
                raise self._broken(error, 0) from error
            broken = str(self._broken(error, len(names)))
        if not names:
            raise InputError(f"{self.path}: holds no pictures ({suffixes()}): give another archive")
        return names, broken

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
            archive = tarfile.open(self.path, f"r:{self.compression}")  # type: ignore[call-overload]  # noqa: SIM115
        except (PermissionError, FileNotFoundError) as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        with archive:
            for member in _tar_members(archive):
                if not member.isdir() and (name := picture_name(member.name)):
                    yield name, archive, member

    def _broken(self, error: Exception, whole: int) -> InputError:
        count = f"{whole} whole picture{'' if whole == 1 else 's'}"
        return InputError(
            f"{self.path}: not a whole tar archive ({one_line(error)}), it breaks off after {count}: "
            "copy or download it again"
        )


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading; an `InputError` that names it where it cannot be read or is not whole."""
    try:
        return zipfile.ZipFile(path)
    except (PermissionError, FileNotFoundError) as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except DAMAGE as error:
        raise InputError(f"{path}: not a whole zip file ({one_line(error)}): copy or download it again") from error


def is_zip(path: Path) -> bool:
    """Whether a file is a zip, by its first bytes or else by its name.

    Raises:
        InputError: it cannot be read.
    """
    return _head(path).startswith((b"PK\x03\x04", b"PK\x05\x06")) or path.suffix.lower() == ".zip"


def open_archive(path: Path) -> ZipPictures | TarPictures | None:
    """The zip or tar at `path`, told by its first bytes and else by its name; None for another kind of file."""
    head = _head(path)
    for magic, compression in _TAR_MAGIC.items():
        if head.startswith(magic):
            return TarPictures(path, compression)
    if head[257:262] == b"ustar":
        return TarPictures(path, "")
    if is_zip(path):
        return ZipPictures(path)
    return TarPictures(path, "") if path.name.lower().endswith(_TAR_SUFFIXES) else None


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(512)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def picture_name(path: str) -> str:
    """The name of a picture at `path` in a folder or archive; empty where it is to be passed over."""
    # A name never leads out of the folder or archive, so that whoever writes a file by it stays inside.
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "//", "..")]
    if not parts or any(map(hidden, parts)) or PurePosixPath(parts[-1]).suffix.lower() not in SUFFIXES:
        return ""
    return clean("/".join(parts))


def hidden(part: str) -> bool:
    """Whether a file or folder of this name is passed over."""
    return part.startswith(".") or part == "__MACOSX"


def clean(name: str) -> str:
    """`name` as text that can be written; a file name that is not UTF-8 holds lone surrogates, which JSON refuses."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _zip_pictures(archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    for member in archive.infolist():
        if not member.is_dir() and (name := picture_name(zip_name(member))):
            yield name, member


def zip_name(member: zipfile.ZipInfo) -> str:
    """A member's path with forward slashes, in the letters that its maker meant."""
    name = member.filename.replace("\\", "/")  # old Windows tools write backslashes
    if not member.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")  # macOS writes UTF-8 without saying so
        except UnicodeError:
            pass
    return name


def _zip_picture(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> RawPicture:
    if member.flag_bits & 1:
        return RawPicture(name, b"", "encrypted in the zip: unpack it with its password first")
    if error := too_large(member.file_size):
        return RawPicture(name, b"", error)
    try:
        return RawPicture(name, archive.read(member))
    except DAMAGE as damage:
        return RawPicture(name, b"", f"damaged in the zip ({one_line(damage)})")


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
        return RawPicture(name, b"", "a link in the archive, not a picture: pack the archive with the files themselves")
    if error := too_large(member.size):
        return RawPicture(name, b"", error)
    file = archive.extractfile(member)
    assert file is not None
    return RawPicture(name, file.read())


def too_large(size: int) -> str:
    """Why a file of `size` bytes is not read; empty where it is."""
    return f"{size >> 20:,} MiB are too many for one picture (limit {_MAX_BYTES >> 20:,})" if size > _MAX_BYTES else ""


def suffixes() -> str:
    """The picture suffixes, for messages."""
    return " ".join(sorted(SUFFIXES))
