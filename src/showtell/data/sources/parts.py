"""A source in a user's words -> its parts, each the pictures of one file or folder, which list and read themselves."""

import os
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import Protocol, TypeAlias

from showtell.data.download.fetch import WebOptions
from showtell.data.download.http import check_url, is_url
from showtell.data.sources.base import RawPicture, clean, head, picture_name, suffixes
from showtell.data.sources.braces import expanded, has_braces
from showtell.data.sources.folder import read_picture, walk_files
from showtell.data.sources.list import ListedPictures, listed_in, located
from showtell.data.sources.parquet import ParquetPictures
from showtell.data.sources.remote import Remote, is_remote
from showtell.data.sources.tar import TarPictures
from showtell.data.sources.zip import ZipPictures, is_zip
from showtell.errors import InputError
from showtell.images.decode import SUFFIXES

_TAR_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_TAR_SUFFIXES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_PARQUET_SUFFIX = ".parquet"
LIST_SUFFIX = ".txt"
"""The ending of a file that lists pictures."""
_SHARD_SUFFIXES = (*_TAR_SUFFIXES, ".zip", _PARQUET_SUFFIX, LIST_SUFFIX)

Archive: TypeAlias = ZipPictures | TarPictures | ParquetPictures


class Part(Protocol):
    """Some pictures of a source. Equal parts are one and the same pictures."""

    @property
    def path(self) -> Path | Remote: ...

    def names(self) -> list[str]: ...

    def only(self, names: Collection[str]) -> "Part":
        """Some of them, in their order: small, so that it can be sent to another machine."""
        ...

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]: ...


@dataclass(frozen=True, slots=True)
class FilePicture:
    """One picture file on this machine."""

    path: Path
    name: str

    def names(self) -> list[str]:
        return [self.name]

    def only(self, names: Collection[str]) -> "FilePicture":
        return self

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        if self.name not in skip:
            yield read_picture(self.path, self.name)


@dataclass(frozen=True, slots=True)
class Below:
    """Another part, whose pictures are named from further above: one of many shards, where each counts from 0."""

    part: Part
    above: str

    @property
    def path(self) -> Path | Remote:
        return self.part.path

    def names(self) -> list[str]:
        return [f"{self.above}/{name}" for name in self.part.names()]

    def only(self, names: Collection[str]) -> "Below":
        return Below(self.part.only([self._inner(name) for name in names]), self.above)

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        inner = {self._inner(name) for name in skip if name.startswith(f"{self.above}/")}
        for picture in self.part.read(inner):
            yield replace(picture, name=f"{self.above}/{picture.name}")

    def _inner(self, name: str) -> str:
        return name[len(self.above) + 1 :]


def parts_of(text: str, web: WebOptions) -> Iterator[Part]:
    """The parts of one source, in its order.

    Raises:
        InputError: it does not exist, matches nothing or holds no pictures.
    """
    if is_remote(text):
        yield from _remote(text, web)
        return
    path = Path(text)
    if os.path.exists(text):
        if path.is_dir():
            files = list(_folder(path, path))
            if not files:
                raise InputError(f"{path}: no pictures ({suffixes()}) in this folder or below it")
            yield from files
        elif path.suffix.lower() in SUFFIXES:
            yield FilePicture(path, clean(path.name))
        elif path.suffix.lower() == LIST_SUFFIX:
            yield from _list(path, web)
        else:
            yield open_archive(path) or FilePicture(path, clean(path.name))
    elif has_braces(text):
        yield from _expanded(text, web)
    elif set("*?[") & set(text):
        yield from _matches(text)
    else:
        raise InputError(f"{text or 'an empty path'}: does not exist: check the path")


def open_archive(path: Path | Remote) -> Archive | None:
    """The zip, tar or Parquet file at `path`, told by its first bytes and else by its name; None for another file."""
    begins, name = head(path), path.name.lower()
    for magic, compression in _TAR_MAGIC.items():
        if begins.startswith(magic):
            return TarPictures(path, compression)
    if begins[257:262] == b"ustar":
        return TarPictures(path, "")
    if begins.startswith(b"PAR1") or name.endswith(_PARQUET_SUFFIX):
        return ParquetPictures(path)
    if is_zip(path):
        return ZipPictures(path)
    return TarPictures(path, "") if name.endswith(_TAR_SUFFIXES) else None


def _remote(text: str, web: WebOptions) -> Iterator[Part]:
    if has_braces(text):
        yield from _expanded(text, web)
        return
    place = Remote(text)
    if is_url(text):
        check_url(text)
    shard = place.name.lower().endswith(_SHARD_SUFFIXES)
    if is_url(text) and not shard:
        yield ListedPictures(place, ((text, place),), web)
    elif place.name.lower().endswith(LIST_SUFFIX):
        yield from _list(place, web)
    elif shard:
        yield open_archive(place) or ListedPictures(place, ((place.name, place),), web)
    elif place.is_dir():
        files = [(called, file) for name, file in place.files() if (called := picture_name(name))]
        if not files:
            raise InputError(f"{text}: no pictures ({suffixes()}) in this folder or below it")
        yield ListedPictures(place, tuple(files), web)
    elif place.suffix.lower() in SUFFIXES:
        yield ListedPictures(place, ((place.name, place),), web)
    else:
        yield open_archive(place) or ListedPictures(place, ((place.name, place),), web)


def _expanded(text: str, web: WebOptions) -> Iterator[Part]:
    """What braces stand for; shards are named from the folder that the first brace is in."""
    fixed = text[: text.index("{")].rpartition("/")[0]
    for one in expanded(text):
        for part in parts_of(one, web):
            single = isinstance(part, (FilePicture, ListedPictures))
            yield part if single else Below(part, one[len(fixed) :].lstrip("/"))


def _list(path: Path | Remote, web: WebOptions) -> Iterator[Part]:
    """What a text file lists: pictures, and shards, which are named by their own path."""
    held: dict[str, Path | Remote] = {}
    for entry in listed_in(path):
        place = located(entry, path)
        if place.name.lower().endswith(_SHARD_SUFFIXES[:-1]):
            if held:
                yield ListedPictures(path, tuple(held.items()), web)
                held = {}
            part = open_archive(place)
            if part:
                yield Below(part, clean(entry))
        else:
            held[clean(entry)] = place
    if held:
        yield ListedPictures(path, tuple(held.items()), web)


def _matches(pattern: str) -> Iterator[Part]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if set("*?[") & set(part))
    base = Path(*parts[:fixed])
    found: list[Part] = []
    for path in map(Path, sorted(glob(pattern, recursive=True))):
        if path.is_dir():
            found += _folder(path, base)
        elif name := picture_name(path.relative_to(base).as_posix()):
            found.append(FilePicture(path, name))
        elif path.is_file() and (archive := open_archive(path)):
            found.append(archive)
    if not found:
        raise InputError(f"{pattern}: matches no pictures ({suffixes()}), folders of them or archives")
    yield from found


def _folder(folder: Path, base: Path) -> list[FilePicture]:
    """The pictures in `folder` and below, named from `base`, in the order of their names."""
    files = [
        FilePicture(Path(path), name)
        for path in walk_files(folder, _unlisted)
        if (name := picture_name(Path(path).relative_to(base).as_posix()))
    ]
    return sorted(files, key=lambda file: file.name)


def _unlisted(folder: str, error: OSError) -> None:
    raise InputError(f"{folder}: cannot be listed ({error.strerror}): check its permissions") from error
