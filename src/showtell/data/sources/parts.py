"""A source as a user writes it -> its parts, each with the pictures of one file or folder."""

import io
import os
import sys
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from showtell.data.download.address import WebOptions, check_url, is_url
from showtell.data.sources.base import (
    RawPicture,
    ReadOptions,
    Remarks,
    clean,
    head,
    hidden,
    picture_name,
    remarks_of,
    suffixes,
    too_large,
)
from showtell.data.sources.braces import expanded, has_braces
from showtell.data.sources.folder import read_picture, walk_files
from showtell.data.sources.glob import glob_files
from showtell.data.sources.list import (
    ListedPictures,
    entries_of,
    expanded_home,
    listed_in,
    local_path,
    located,
)
from showtell.data.sources.parquet import ParquetPictures
from showtell.data.sources.remote import Remote, is_remote
from showtell.data.sources.tar import TarPictures
from showtell.data.sources.zip import ZipPictures, is_zip
from showtell.errors import InputError
from showtell.images.decode import SUFFIXES
from showtell.images.formats import unread_kind
from showtell.images.inputs import MAX_BYTES

_TAR_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_TAR_SUFFIXES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_PARQUET_SUFFIX = ".parquet"
LIST_SUFFIX = ".txt"
"""The suffix of a file that lists pictures."""
STANDARD_INPUT = "-"
"""The source that means standard input."""
_BESIDE = frozenset({".txt", ".caption", ".xmp", ".json", ".aae"})
_SHARD_SUFFIXES = (*_TAR_SUFFIXES, ".zip", _PARQUET_SUFFIX, LIST_SUFFIX)

Archive: TypeAlias = ZipPictures | TarPictures | ParquetPictures


class Part(Protocol):
    """Some pictures of a source. Equal parts have the same pictures."""

    @property
    def path(self) -> Path | Remote: ...

    def names(self) -> list[str]: ...

    def only(self, names: Collection[str]) -> "Part":
        """Some of them, in their order; the result is small, so that it can be sent to another machine."""
        ...

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]: ...


@dataclass(frozen=True, slots=True)
class FilePicture:
    """One picture file on this machine."""

    path: Path
    name: str
    error: str = ""
    """Why it cannot be read, if known: a folder that cannot be listed."""

    def names(self) -> list[str]:
        return [self.name]

    def only(self, names: Collection[str]) -> "FilePicture":
        return self

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        if self.name not in skip:
            yield RawPicture(self.name, b"", self.error) if self.error else read_picture(self.path, self.name)


@dataclass(frozen=True, slots=True)
class Below:
    """Another part with a folder before its names: one of many shards, each of which may number its pictures from 0."""

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
        with closing(self.part.read(inner)) as pictures:
            for picture in pictures:
                yield replace(picture, name=f"{self.above}/{picture.name}")
                del picture  # or its bytes would be held while the next one is read

    @property
    def remarks(self) -> Remarks:
        """The remarks of the part."""
        return remarks_of(self.part)

    def _inner(self, name: str) -> str:
        return name[len(self.above) + 1 :]


@dataclass(frozen=True, slots=True)
class StandardInput:
    """One picture in memory, from standard input."""

    path: Path
    picture: RawPicture

    def names(self) -> list[str]:
        return [self.picture.name]

    def only(self, names: Collection[str]) -> "StandardInput":
        return self

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        if self.picture.name not in skip:
            yield self.picture


def parts_of(text: str, web: WebOptions, options: ReadOptions, remarks: Remarks) -> Iterator[Part]:
    """The parts of one source, in its order.

    Arguments:
        text: the source as a user writes it.
        web: limits for pictures on the web.
        options: what is skipped.
        remarks: counts files that look like pictures and are not read.

    Raises:
        InputError: it does not exist, matches nothing or has no pictures.
    """
    finder = _Finder(web, options, remarks)
    if text == STANDARD_INPUT:
        yield from finder.standard_input()
        return
    if local := local_path(text):
        text = local
    if is_remote(text):
        yield from finder.remote(text)
        return
    if not os.path.exists(text):
        text = expanded_home(text)
    if os.path.exists(text):
        yield from finder.local(Path(text))
    elif has_braces(text):
        yield from finder.expanded(text)
    elif set("*?[") & set(text):
        yield from finder.matches(text)
    elif os.path.islink(text):
        raise InputError(f"{text}: a broken link: check the path")
    else:
        raise InputError(f"{text or 'an empty path'}: does not exist: check the path")


def is_text_beside_picture(path: Path) -> bool:
    """Whether a file is a text about a picture: it has the picture's name, with or without the picture's suffix."""
    if path.suffix.lower() not in _BESIDE:
        return False
    full = Path(path.stem)
    if full.suffix.lower() in SUFFIXES and os.path.isfile(path.parent / full):
        return True
    # isfile() takes a name that is too long for no file; Path.is_file() raises
    return any(os.path.isfile(path.with_suffix(suffix)) for one in SUFFIXES for suffix in (one, one.upper()))


def open_archive(path: Path | Remote, zip_encoding: str | None = None) -> Archive | None:
    """The zip, tar or Parquet file at `path`, by its first bytes or else its name; None for any other file."""
    begins, name = head(path), path.name.lower()
    for magic, compression in _TAR_MAGIC.items():
        if begins.startswith(magic):
            return TarPictures(path, compression)
    if begins[257:262] == b"ustar":
        return TarPictures(path, "")
    if begins.startswith(b"PAR1") or name.endswith(_PARQUET_SUFFIX):
        return ParquetPictures(path)
    if is_zip(path):
        return ZipPictures(path, zip_encoding)
    return TarPictures(path, "") if name.endswith(_TAR_SUFFIXES) else None


class _Finder:
    """Finds the parts of sources, with a method for each kind of source."""

    def __init__(self, web: WebOptions, options: ReadOptions, remarks: Remarks) -> None:
        self.web, self.options, self.remarks = web, options, remarks
        self._unread: set[str] = set()

    def local(self, path: Path) -> Iterator[Part]:
        """Parts of a file or folder on this machine."""
        if path.is_dir():
            yield from self._some(
                self._folder(path, path), f"{path}: no pictures ({suffixes()}) in this folder or below it"
            )
        elif path.suffix.lower() in SUFFIXES:
            yield FilePicture(path, clean(path.name))
        elif is_text_beside_picture(path):
            self.remarks.note(f"{path}: taken for a text about the picture with its name, beside it")
        elif path.suffix.lower() == LIST_SUFFIX:
            yield from self._list(path)
        else:
            yield self._archive(path) or FilePicture(path, clean(path.name))

    def standard_input(self) -> Iterator[Part]:
        """Parts of a list, or of a picture, from standard input."""
        data = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer), 1 << 16)
        if _is_picture(data.peek(64)[:64]):
            picture = data.read(MAX_BYTES + 1)
            yield StandardInput(
                Path(STANDARD_INPUT), RawPicture(STANDARD_INPUT, picture[:MAX_BYTES], too_large(len(picture)))
            )
        else:
            yield from self._listed(entries_of(data, "standard input"), Path(STANDARD_INPUT))

    def remote(self, text: str) -> Iterator[Part]:
        """Parts of an address."""
        if has_braces(text):
            yield from self.expanded(text)
            return
        place = Remote(text)
        if is_url(text):
            check_url(text)
        shard = place.name.lower().endswith(_SHARD_SUFFIXES)
        alone = ListedPictures(place, ((text if is_url(text) else place.name, place),), self.web)
        if is_url(text) and not shard:
            yield alone
        elif place.name.lower().endswith(LIST_SUFFIX):
            yield from self._list(place)
        elif shard:
            yield self._archive(place) or replace(alone, entries=((place.name, place),))
        elif place.is_dir():
            files = [(called, file) for name, file in place.files() if (called := self._picture(name))]
            if not files:
                raise InputError(f"{text}: no pictures ({suffixes()}) in this folder or below it")
            yield ListedPictures(place, tuple(files), self.web)
        elif place.suffix.lower() in SUFFIXES:
            yield alone
        else:
            yield self._archive(place) or alone

    def expanded(self, text: str) -> Iterator[Part]:
        """Parts of the names that braces expand to; shards are named from the folder of the first brace."""
        fixed = text[: text.index("{")].rpartition("/")[0]
        for one in expanded(text):
            for part in parts_of(one, self.web, self.options, self.remarks):
                single = isinstance(part, (FilePicture, ListedPictures))
                yield part if single else Below(part, one[len(fixed) :].lstrip("/"))

    def matches(self, pattern: str) -> Iterator[Part]:
        """Parts of the paths that a pattern matches."""
        base, paths = glob_files(pattern)
        found: list[Part] = []
        for path in paths:
            if path.is_dir():
                found += self._folder(path, base)
            elif name := self._picture(path.relative_to(base).as_posix()):
                found.append(FilePicture(path, name))
            elif path.is_file() and (archive := self._archive(path)):
                found.append(archive)
        yield from self._some(found, f"{pattern}: matches no pictures ({suffixes()}), folders of them or archives")

    def _some(self, parts: Sequence[Part], otherwise: str) -> Sequence[Part]:
        if not parts:
            raise InputError("; ".join([otherwise, *self.remarks.lines()]))
        return parts

    def _archive(self, path: Path | Remote) -> Archive | None:
        return open_archive(path, self.options.zip_encoding)

    def _picture(self, path: str) -> str:
        """As `picture_name`, and count a file that looks like a picture but is not read."""
        name = picture_name(path)
        if not name and unread_kind(path) and path not in self._unread and not any(map(hidden, path.split("/"))):
            self._unread.add(path)  # a pattern may match a file and its folder
            self.remarks.see(path)
        return name

    def _list(self, path: Path | Remote) -> Iterator[Part]:
        yield from self._listed(listed_in(path), path)

    def _listed(self, entries: Iterable[str], path: Path | Remote) -> Iterator[Part]:
        """Parts of a list's entries: pictures, and shards, which are named by their own path."""
        held: dict[str, Path | Remote] = {}
        for entry in entries:
            place = located(entry, path)
            if place.name.lower().endswith(_SHARD_SUFFIXES[:-1]):
                if held:
                    yield ListedPictures(path, tuple(held.items()), self.web)
                    held = {}
                part = self._archive(place)
                if part:
                    yield Below(part, clean(entry))
            else:
                held[clean(entry)] = place
        if held:
            yield ListedPictures(path, tuple(held.items()), self.web)

    def _folder(self, folder: Path, base: Path) -> list[FilePicture]:
        """The pictures in `folder` and below, named from `base`, in the order of their names."""
        failed: list[FilePicture] = []

        def unlisted(place: str, error: OSError) -> None:
            if Path(place) == folder:
                raise InputError(f"{place}: cannot be listed ({error.strerror}): check its permissions") from error
            name = clean(Path(place).relative_to(base).as_posix())
            failed.append(FilePicture(Path(place), name, f"the folder cannot be listed ({error.strerror})"))

        files = [
            FilePicture(Path(path), name)
            for path in walk_files(folder, unlisted, self.options)
            if (name := self._picture(Path(path).relative_to(base).as_posix()))
        ]
        return sorted(files + failed, key=lambda file: file.name)


def _is_picture(begin: bytes) -> bool:
    """Whether bytes are the beginning of a picture rather than of text."""
    return (
        begin.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM"))
        or begin[4:8] == b"ftyp"
    )
