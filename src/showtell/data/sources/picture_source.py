"""Pictures in a folder, an archive, a list, a bucket, or several of these -> a stream of (name, bytes).

Nothing is unpacked to disk and no archive is held in memory. Pictures are read one at a time, in the same order on
every run (a folder's sorted names; an archive's own order). A picture that cannot be read is a reject in the stream. A
truncated archive yields its complete pictures and then fails.
"""

import os
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from os import PathLike
from typing import TypeAlias

from showtell.data.download.address import WebOptions
from showtell.data.sources.base import READ_AS_USUAL, RawPicture, ReadOptions, Remarks, remarks_of
from showtell.data.sources.list import ListedPictures
from showtell.data.sources.parts import Part, parts_of
from showtell.data.sources.remote import Remote
from showtell.errors import InputError

__all__ = ["PictureSource", "RawPicture", "Source"]

_LISTED_AT_ONCE = 16  # remote archives
_QUIETLY = WebOptions(show=False)

Source: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]


class PictureSource:
    """Pictures to read, by name.

    Arguments:
        source: a folder (searched to its depths), a zip or tar (also .gz, .bz2, .xz; recognized by content), a Parquet
            file with a column of pictures, a picture file (whatever its suffix), a text file (`.txt`) that lists
            pictures or archives, an address (`https://`, `s3://` or any other that `showtell.data.sources.remote`
            reads) of one of these, a pattern such as `photos/**/*.jpg` or `shards/{000..099}.tar`, `-` for a list or a
            picture from standard input, or a list of these, read in its order.
        web: limits for pictures on the web.
        options: what is skipped, and how pictures are read.

    A picture's name is its path inside the folder or archive, with forward slashes; below the fixed part of a pattern;
    for a file its own name; on the web its address; in a list the line that names it; and in Parquet as
    `showtell.data.sources.parquet` says. Hidden files, folders of operating systems such as `@eaDir` and
    `$RECYCLE.BIN`, and files without a picture's suffix are skipped; `remarks` counts those that look like pictures.

    Raises:
        InputError: a path does not exist, a pattern matches nothing, or a folder has no pictures.
    """

    def __init__(self, source: Source, web: WebOptions = _QUIETLY, options: ReadOptions = READ_AS_USUAL) -> None:
        items = [source] if isinstance(source, (str, PathLike)) else list(source)
        if not items:
            raise InputError("no pictures were given: name a folder, an archive or picture files")
        self._text = str(items[0]) + (f" and {len(items) - 1} more" if len(items) > 1 else "")
        self._names: list[str] | None = None
        self._options, self._remarks = options, Remarks()
        found = (part for item in items for part in parts_of(os.fspath(item), web, options, self._remarks))
        # A file that two patterns match is one picture, so equal parts are used once.
        self._parts = list(dict.fromkeys(found))
        if not self._parts:
            raise InputError("; ".join([f"{self._text}: names no pictures", *self._remarks.lines()]))

    def __str__(self) -> str:
        return self._text

    def names(self) -> list[str]:
        """Every picture's name in reading order; listed once, without reading pictures (a compressed tar is scanned).

        A truncated archive is listed up to its end.

        Raises:
            InputError: an archive cannot be read or has no pictures, or two pictures have the same name.
        """
        if self._names is None:
            seen: dict[str, str] = {}
            kept: list[Part] = []
            for part, names in zip(self._parts, self._listed(), strict=True):
                wanted = [name for name in names if not self._options.excludes(name)]
                if wanted:
                    kept.append(part if len(wanted) == len(names) else part.only(wanted))
                self._remarks.add(remarks_of(part))
                for name in wanted:
                    if name in seen:
                        raise InputError(_clash(name, seen[name], str(part.path)))
                    seen[name] = str(part.path)
            if not seen:
                raise InputError(f"{self}: --exclude leaves no picture: leave it out, or give other patterns")
            self._parts, self._names = kept, list(seen)
        return list(self._names)

    @property
    def remarks(self) -> Remarks:
        """What people should know about the source: pictures of kinds that are not read, doubtful names, and so on."""
        self.names()
        return self._remarks

    def _listed(self) -> Iterator[list[str]]:
        """The names of every part; remote ones are listed several at a time, because each request takes a while."""
        if not any(isinstance(part.path, Remote) for part in self._parts):
            yield from (part.names() for part in self._parts)
            return
        with ThreadPoolExecutor(_LISTED_AT_ONCE, thread_name_prefix="list") as pool:
            yield from pool.map(lambda part: part.names(), self._parts)

    @property
    def on_the_web(self) -> bool:
        """Whether any picture is downloaded with its own progress bar."""
        return any(isinstance(part, ListedPictures) and part.alone_on_the_web for part in self._parts)

    @property
    def broken(self) -> str:
        """The error that `read` raises at the end of a truncated archive, which pieces of `split` do not reach."""
        self.names()
        return next((broken for part in self._parts if (broken := getattr(part, "broken", ""))), "")

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one; those named in `skip` are not read. Closing the generator closes all files.

        Raises:
            InputError: as for `names`, before the first picture; or an archive is truncated, after its last whole
                picture.
        """
        self.names()  # reports clashing names and empty archives before hours of work, not after
        for part in self._parts:
            with closing(part.read(skip)) as pictures:
                for picture in pictures:
                    yield replace(picture, decoding=self._options.decoding)
                    del picture  # or its bytes would be held while the next one is read

    def split(
        self, size: int, *, skip: Collection[str] = frozenset(), first: int | None = None
    ) -> Iterator["PictureSource"]:
        """The pictures that are not named in `skip`, as sources of `size` pictures each; the last has the rest.

        If `first` is given, the first source has so many pictures, to complete a piece that another source began.

        Each source is small and reads only its own pictures, so it can be sent to another process or machine, which
        must see the same files at the same paths.
        """
        parts: list[Part] = []
        room = first or size
        for part in self._parts:
            wanted = [name for name in part.names() if name not in skip]
            at = 0
            while at < len(wanted):
                taken = wanted[at : at + room]
                parts.append(part.only(taken))
                at, room = at + len(taken), room - len(taken)
                if not room:
                    yield self._of(parts)
                    parts, room = [], size
        if parts:
            yield self._of(parts)

    def _of(self, parts: list[Part]) -> "PictureSource":
        source = object.__new__(PictureSource)
        source._text, source._parts, source._options, source._remarks = self._text, parts, self._options, Remarks()
        source._names = [name for part in parts for name in part.names()]
        return source


def _clash(name: str, first: str, second: str) -> str:
    if first == second:
        return f"{first}: has two pictures named {name!r}: rename one of them"
    return (
        f"{first} and {second}: both have a picture named {name!r}: rename one, read their common folder, or "
        "name shards in braces: {a,b}.tar"
    )
