"""A folder, zip, tar, picture file, pattern, or a list of these -> a stream of (name, bytes).

Nothing is unpacked to disk and no archive is held in memory: pictures are read one at a time, in an order that is the
same on every run (a folder's sorted names; an archive's own order). A picture that cannot be read is a listed reject in
the stream; an archive that breaks off gives everything before the break and then fails.
"""

import os
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from glob import glob
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from showtell.data.archives import (
    RawPicture,
    TarPictures,
    ZipPictures,
    clean,
    open_archive,
    picture_name,
    suffixes,
)
from showtell.data.tree import read_picture, walk_files
from showtell.errors import InputError
from showtell.image import SUFFIXES

__all__ = ["PictureSource", "RawPicture", "Source"]

Source: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]


class PictureSource:
    """Pictures to read, by name.

    Arguments:
        source: a folder (searched to its depths), a zip or tar (also .gz, .bz2, .xz; told by content), a picture file
            (whatever its suffix), a pattern such as `photos/**/*.jpg`, or a list of these, read in its order.

    A picture's name is its path inside the folder or archive, with forward slashes; below the fixed part of a pattern;
    and for a file its own name. Hidden files, `__MACOSX/` and files that are no pictures by suffix are passed over.

    Raises:
        InputError: a path does not exist, a pattern matches nothing, a folder holds no pictures.
    """

    def __init__(self, source: Source) -> None:
        items = [source] if isinstance(source, (str, PathLike)) else list(source)
        if not items:
            raise InputError("no pictures were given: name a folder, an archive or picture files")
        self._text = str(items[0]) + (f" and {len(items) - 1} more" if len(items) > 1 else "")
        self._names: list[str] | None = None
        self._broken = ""
        # A file that two patterns match is one picture, so equal parts are taken once.
        self._parts = list(dict.fromkeys(part for item in items for part in _parts(os.fspath(item))))

    def __str__(self) -> str:
        return self._text

    def names(self) -> list[str]:
        """Every picture's name in reading order; listed once, without reading pictures (a compressed tar is scanned).

        An archive that breaks off is listed up to the break.

        Raises:
            InputError: an archive cannot be read or holds no pictures, or two pictures have one name.
        """
        if self._names is None:
            seen: dict[str, str] = {}
            for part in self._parts:
                names, broken = part.listed() if isinstance(part, TarPictures) else (part.names(), "")
                self._broken = self._broken or broken
                for name in names:
                    if name in seen:
                        raise InputError(_clash(name, seen[name], str(part.path)))
                    seen[name] = str(part.path)
            self._names = list(seen)
        return list(self._names)

    @property
    def broken(self) -> str:
        """The error that `read` ends with where an archive breaks off, which pieces of `split` do not come to."""
        self.names()
        return self._broken

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one, without those named in `skip`, which are not even read. Closing it closes all files.

        Raises:
            InputError: as `names`, before the first picture; or an archive breaks off, after its last whole picture.
        """
        self.names()  # clashing names and empty archives are told before hours of work, not after
        for part in self._parts:
            yield from part.read(skip)

    def split(
        self, size: int, *, skip: Collection[str] = frozenset(), first: int | None = None
    ) -> Iterator["PictureSource"]:
        """The pictures that are not named in `skip` as sources of `size` pictures each, the last of what is left.

        The first one has `first` pictures where that is given, so as to fill up what another source began.

        Each is small, and reads only its own pictures, so that it can be sent to another process or machine, which must
        see the same files at the same paths.
        """
        parts: list[_Part] = []
        room = first or size
        for part in self._parts:
            wanted = [name for name in part.names() if name not in skip]
            while wanted:
                taken, wanted = wanted[:room], wanted[room:]
                parts.append(part if isinstance(part, _File) else _Chosen(part, tuple(taken)))
                room -= len(taken)
                if not room:
                    yield self._of(parts)
                    parts, room = [], size
        if parts:
            yield self._of(parts)

    def _of(self, parts: "list[_Part]") -> "PictureSource":
        source = object.__new__(PictureSource)
        source._text, source._parts, source._broken = self._text, parts, ""
        source._names = [name for part in parts for name in part.names()]
        return source


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str

    def names(self) -> list[str]:
        return [self.name]

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        if self.name not in skip:
            yield read_picture(self.path, self.name)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Some of an archive's pictures, in its order."""

    archive: "ZipPictures | TarPictures | _Chosen"
    chosen: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.archive.path

    def names(self) -> list[str]:
        return list(self.chosen)

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


_Part: TypeAlias = "_File | _Chosen | ZipPictures | TarPictures"


def _parts(text: str) -> Iterator[_Part]:
    path = Path(text)
    if not os.path.exists(text):
        if not set("*?[") & set(text):
            raise InputError(f"{text or 'an empty path'}: does not exist: check the path")
        yield from _matches(text)
    elif path.is_dir():
        files = list(_folder(path, path))
        if not files:
            raise InputError(f"{path}: no pictures ({suffixes()}) in this folder or below it")
        yield from files
    elif path.suffix.lower() in SUFFIXES:
        yield _File(path, clean(path.name))
    else:
        yield open_archive(path) or _File(path, clean(path.name))


def _matches(pattern: str) -> Iterator[_Part]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if set("*?[") & set(part))
    base = Path(*parts[:fixed])
    found: list[_Part] = []
    for path in map(Path, sorted(glob(pattern, recursive=True))):
        if path.is_dir():
            found += _folder(path, base)
        elif name := picture_name(path.relative_to(base).as_posix()):
            found.append(_File(path, name))
        elif path.is_file() and (archive := open_archive(path)):
            found.append(archive)
    if not found:
        raise InputError(f"{pattern}: matches no pictures ({suffixes()}), folders of them or archives")
    yield from found


def _folder(folder: Path, base: Path) -> list[_File]:
    """The pictures in `folder` and below, named from `base`, in the order of their names."""
    files = [
        _File(Path(path), name)
        for path in walk_files(folder, _unlisted)
        if (name := picture_name(Path(path).relative_to(base).as_posix()))
    ]
    return sorted(files, key=lambda file: file.name)


def _unlisted(folder: str, error: OSError) -> None:
    raise InputError(f"{folder}: cannot be listed ({error.strerror}): check its permissions") from error


def _clash(name: str, first: str, second: str) -> str:
    if first == second:
        return f"{first}: holds two pictures named {name!r}: rename one of them"
    return f"{first} and {second}: both give a picture named {name!r}: rename one, or read their common folder"
