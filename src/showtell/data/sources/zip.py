"""The pictures in a zip, read one at a time.

A zip's members stand on their own, so a damaged one is a reject and the next is read.
"""

import zipfile
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from showtell.data.sources.base import DAMAGE, Chosen, RawPicture, head, picture_name, suffixes, too_large
from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line


@dataclass(frozen=True, slots=True)
class ZipPictures:
    """The pictures in a zip; methods as `PictureSource` has them."""

    path: Path | Remote

    def only(self, names: Collection[str]) -> "Chosen":
        return Chosen(self, tuple(names))

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


def open_zip(path: Path | Remote) -> zipfile.ZipFile:
    """Open a zip for reading; an `InputError` that names it where it cannot be read or is not whole."""
    try:
        return zipfile.ZipFile(path.open("rb") if isinstance(path, Remote) else path)
    except (PermissionError, FileNotFoundError) as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except DAMAGE as error:
        raise InputError(f"{path}: not a whole zip file ({one_line(error)}): copy or download it again") from error


def is_zip(path: Path | Remote) -> bool:
    """Whether a file is a zip, by its first bytes or else by its name.

    Raises:
        InputError: it cannot be read.
    """
    return head(path).startswith((b"PK\x03\x04", b"PK\x05\x06")) or path.suffix.lower() == ".zip"


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
