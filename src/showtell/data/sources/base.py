"""The common part of all picture sources: names, what is skipped, how pictures are read, and remarks for people."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from showtell.data.sources.remote import Remote
from showtell.errors import InputError, one_line
from showtell.images.decode import SUFFIXES, DecodeOptions
from showtell.images.formats import remedy, unread_kind
from showtell.images.inputs import too_large

__all__ = [
    "DAMAGE",
    "READ_AS_USUAL",
    "Chosen",
    "Pictures",
    "RawPicture",
    "ReadOptions",
    "Remarks",
    "clean",
    "head",
    "hidden",
    "picture_name",
    "remarks_of",
    "require_file",
    "suffixes",
    "too_large",
]

_USUAL = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic"})
_OF_SYSTEMS = frozenset(
    {"__macosx", "@eadir", "@tmp", "#recycle", "@recycle", "#snapshot", "$recycle.bin", "recycler", "lost+found"}
    | {"system volume information", "found.000"}
)
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
"""What zipfile, tarfile and their decompressors raise on damaged or unsupported archives."""


@dataclass(frozen=True, slots=True)
class RawPicture:
    """One picture file: its bytes, or in `error` why they could not be read (then `data` is empty).

    `decoding` has the limits for decoding it. `source` is anything that the reader wants to find again in the result
    (`showtell.Captioned.source`).
    """

    name: str
    data: bytes
    error: str = ""
    decoding: DecodeOptions = DecodeOptions()
    source: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Which pictures of a source are read, and how.

    Arguments:
        exclude: patterns of what to skip. `*`, `?` and `[...]` match letters, as in the shell. A pattern matches the
            path of a picture in its source, a folder on the path, or the name of either without the path.
        zip_encoding: encoding of names in zips that do not declare it, such as `cp932`.
        decoding: limits, and how damaged files are treated.

    Raises:
        InputError: there is no such encoding.
    """

    exclude: tuple[str, ...] = ()
    zip_encoding: str | None = None
    decoding: DecodeOptions = DecodeOptions()

    def __post_init__(self) -> None:
        if self.zip_encoding is not None:
            try:
                "".encode(self.zip_encoding)
            except (LookupError, ValueError) as error:
                advice = "give one that Python knows, such as cp932, gbk or cp1252"
                raise InputError(f"there is no encoding {self.zip_encoding!r}: {advice}") from error

    def excludes(self, name: str) -> bool:
        """Whether the picture or folder of this name is skipped."""
        if not self.exclude:
            return False
        parts = name.split("/")
        paths = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        return any(fnmatchcase(one, pattern.rstrip("/")) for pattern in self.exclude for one in (*paths, *parts))


READ_AS_USUAL = ReadOptions()


@dataclass(slots=True)
class Remarks:
    """What people should know about a source besides its pictures.

    `unread` counts files that look like pictures and are not read, by kind, with the name of the first.
    """

    unread: dict[str, tuple[int, str]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def see(self, name: str) -> None:
        """Count a file that is not read, if it looks like a picture."""
        if kind := unread_kind(name):
            count, first = self.unread.get(kind, (0, clean(name)))
            self.unread[kind] = (count + 1, first)

    def note(self, line: str) -> None:
        """Add a line, once."""
        self.notes[line] = None

    def add(self, other: "Remarks") -> None:
        """Add another source's remarks."""
        for kind, (count, first) in other.unread.items():
            before, known = self.unread.get(kind, (0, first))
            self.unread[kind] = (before + count, known)
        self.notes |= other.notes

    def to_json(self) -> list[dict[str, Any]]:
        """The unread files, by kind."""
        return [
            {"kind": kind, "count": count, "first": first, "remedy": remedy(first)}
            for kind, (count, first) in sorted(self.unread.items())
        ]

    def lines(self) -> list[str]:
        """All remarks as lines for people."""
        lines = list(self.notes)
        if self.unread:
            total = sum(count for count, _ in self.unread.values())
            kinds = "; ".join(
                f"{count:,} {kind}: {remedy(first)}" for kind, (count, first) in sorted(self.unread.items())
            )
            lines.append(f"{total:,} picture{'s' * (total != 1)} skipped, because these kinds are not read: {kinds}")
        return lines


class Pictures(Protocol):
    """A source of pictures: files (`showtell.data.sources.picture_source`) or code (`showtell.data.synthetic`)."""

    def names(self) -> list[str]:
        """Every picture's name, in reading order."""
        ...

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one, without those named in `skip`."""
        ...


def remarks_of(source: object) -> Remarks:
    """The remarks of a source; empty for a source without any."""
    found = getattr(source, "remarks", None)
    return found if isinstance(found, Remarks) else Remarks()


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
                last = picture.name == self.chosen[-1]
                yield picture
                del picture  # otherwise its bytes would stay in memory while the next one is read
                if last:
                    break  # the rest of the archive is not read


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


def require_file(path: Path | Remote) -> None:
    """Raise an `InputError` for anything other than a regular file: opening a pipe would wait forever."""
    if isinstance(path, Path) and path.exists() and not path.is_file():
        raise InputError(f"{path}: cannot be read (not a regular file)")


def head(path: Path | Remote) -> bytes:
    """The first bytes of a file, which identify its format; an `InputError` if it cannot be read."""
    require_file(path)
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error.strerror or error)})") from error


def picture_name(path: str) -> str:
    """The name of a picture at `path` in a folder or archive; empty if it is to be skipped."""
    # A name never leads out of the folder or archive, so a file that is written under it stays inside.
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "//", "..")]
    if not parts or any(map(hidden, parts)) or PurePosixPath(parts[-1]).suffix.lower() not in SUFFIXES:
        return ""
    return clean("/".join(parts))


def hidden(part: str) -> bool:
    """Whether a file or folder of this name is skipped: hidden ones, and those of operating systems."""
    return part.startswith(".") or part.lower() in _OF_SYSTEMS


def clean(name: str) -> str:
    """`name` as text that can be written: a file name that is not UTF-8 has lone surrogates, which JSON refuses."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def suffixes() -> str:
    """The usual picture suffixes, for messages."""
    return " ".join(sorted(SUFFIXES & _USUAL))
