"""What pictures in archives have in common, and those in a zip, read one at a time.

A zip's members stand on their own, so a damaged one is a reject and the next is read.
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
from typing import Protocol

from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line
from showtell.images.decode import SUFFIXES, DecodeOptions
from showtell.images.inputs import too_large

__all__ = [
    "DAMAGE",
    "Chosen",
    "Pictures",
    "RawPicture",
    "clean",
    "head",
    "hidden",
    "picture_name",
    "suffixes",
    "too_large",
]

_USUAL = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic"})
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
    """One picture file: its bytes, or in `error` why they could not be read (then `data` is empty).

    `decoding` says how far whoever decodes it goes.
    """

    name: str
    data: bytes
    error: str = ""
    decoding: DecodeOptions = DecodeOptions()


class Pictures(Protocol):
    """Where pictures come from: files (`data.images.PictureSource`) or code (`data.shapes.Shapes`)."""

    def names(self) -> list[str]:
        """Every picture's name, in reading order."""
        ...

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one, without those named in `skip`."""
        ...


class Archive(Protocol):
    """Pictures in one file."""

    @property
    def path(self) -> Path | Remote: ...

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some of an archive's pictures, in its order."""

    archive: "Archive"
    chosen: tuple[str, ...]

    @property
    def path(self) -> Path | Remote:
        return self.archive.path

    def names(self) -> list[str]:
        return list(self.chosen)

    def only(self, names: Collection[str]) -> "Chosen":
        return Chosen(self.archive, tuple(names))

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        with closing(self.archive.read(_AllBut(frozenset(self.chosen).difference(skip)))) as pictures:
            for picture in pictures:
                yield picture
                if picture.name == self.chosen[-1]:
                    break  # the rest of the archive is not even looked at


class _AllBut(Collection[str]):
    """Every name but these."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def __contains__(self, name: object) -> bool:
        return name not in self._names

    def __iter__(self) -> Iterator[str]:
        raise TypeError("all names but a few cannot be listed")

    def __len__(self) -> int:
        raise TypeError("all names but a few cannot be counted")


def head(path: Path | Remote) -> bytes:
    """The first bytes of a file, by which its kind is told; an `InputError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error.strerror or error)})") from error


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


def suffixes() -> str:
    """The usual picture suffixes, for messages."""
    return " ".join(sorted(SUFFIXES & _USUAL))
