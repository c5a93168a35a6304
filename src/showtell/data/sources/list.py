"""Lists of pictures in files, on the web or on other file systems -> a stream of (name, bytes); also text files that
list pictures, an address or a path on each line.

Remote pictures are fetched a little ahead, several at a time, and yielded in the order of the list. Large files on
other file systems are fetched one at a time, when their turn comes, so that memory stays bounded.
"""

import codecs
import itertools
import os
import urllib.parse
from collections import deque
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TypeAlias

from showtell.data.download.address import WebOptions, check_url, is_url
from showtell.data.sources.base import RawPicture, require_file, too_large
from showtell.data.sources.folder import read_picture
from showtell.data.sources.remote import Remote, is_remote
from showtell.errors import InputError, ShowtellError, one_line

_AT_ONCE = 8  # parallel downloads; as many finished ones may wait for their turn
_LARGE = 32 << 20  # files of more bytes are not read ahead
_LONGEST_LINE = 8192  # bytes

Location: TypeAlias = Path | Remote


@dataclass(frozen=True)
class ListedPictures:
    """Pictures by name and location; methods as in `PictureSource`."""

    path: Location
    entries: tuple[tuple[str, Location], ...]
    web: WebOptions

    def names(self) -> list[str]:
        return [name for name, _ in self.entries]

    @property
    def alone_on_the_web(self) -> bool:
        """Whether it is one picture, named by its address."""
        return len(self.entries) == 1 and is_url(str(self.entries[0][1]))

    def only(self, names: Collection[str]) -> "ListedPictures":
        return ListedPictures(self.path, tuple((name, self._places[name]) for name in names), self.web)

    @cached_property
    def _places(self) -> dict[str, Location]:
        return dict(self.entries)

    def read(self, skip: Collection[str]) -> Generator[RawPicture, None, None]:
        wanted = [entry for entry in self.entries if entry[0] not in skip]
        web = replace(self.web, show=self.web.show and self.alone_on_the_web)
        if len(wanted) == 1 or not any(isinstance(place, Remote) for _, place in wanted):
            yield from (read_anywhere(place, name, web) for name, place in wanted)
            return
        pending: deque[tuple[Location, str, Future[RawPicture | None]]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch")

        def first() -> RawPicture:
            place, name, future = pending.popleft()
            return future.result() or read_anywhere(place, name, web)

        try:
            for name, place in wanted:
                pending.append((place, name, pool.submit(_read_small, place, name, web)))
                if len(pending) == 2 * _AT_ONCE:
                    yield first()
            while pending:
                yield first()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_anywhere(place: Location, name: str, web: WebOptions) -> RawPicture:
    """The bytes of a picture, or why it cannot be read."""
    return _read(place, name, web, None) or RawPicture(name, b"", "cannot be read")


def _read_small(place: Location, name: str, web: WebOptions) -> RawPicture | None:
    """As `read_anywhere`, but None for a large file, which is not read ahead."""
    return _read(place, name, web, _LARGE)


def _read(place: Location, name: str, web: WebOptions, large: int | None) -> RawPicture | None:
    try:
        if isinstance(place, Path):
            return None if large and place.is_file() and place.stat().st_size > large else read_picture(place, name)
        if is_url(place.uri):
            from showtell.data.download.fetch import download_picture

            return RawPicture(name, download_picture(place.uri, **asdict(web)))
        size = place.size() or 0
        if reason := too_large(size):
            return RawPicture(name, b"", reason)
        if large and size > large:
            return None
        with place.native() as file:
            return RawPicture(name, file.read())
    except (ShowtellError, OSError, ValueError) as error:
        return RawPicture(name, b"", one_line(str(error).removeprefix(f"{place}: "), 300))
    except MemoryError:
        return RawPicture(name, b"", "the file needs more memory than there is")


def listed_in(path: Location) -> Iterator[str]:
    """The entries of a text file, one a line; blank lines and those that begin with `#` are skipped.

    Raises:
        InputError: it cannot be read, is not text, or a line is longer than 8 KiB.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            yield from entries_of(file, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error.strerror or error)})") from error


def entries_of(file: IO[bytes], name: str) -> Iterator[str]:
    """The entries of an open list, in UTF-8, or in UTF-16 with its mark as Windows writes it; errors as `listed_in`."""
    begin = file.readline(_LONGEST_LINE + 1)
    wide = begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    narrow = itertools.chain([begin], iter(partial(_line, file), b""))
    lines: Iterator[bytes | str] = _wide_lines(begin, file) if wide else narrow
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if len(line) > _LONGEST_LINE:
                raise InputError(f"{name}, line {number}: over {_LONGEST_LINE:,} bytes long: not a list of pictures")
            text = (line.decode("utf-8-sig" if number == 1 else "utf-8") if isinstance(line, bytes) else line).strip()
            if text and not text.startswith("#"):
                yield text
    except UnicodeDecodeError as error:
        raise InputError(f"{name}, line {number}: not UTF-8 text, so not a list of pictures") from error


def _line(file: IO[bytes]) -> bytes:
    return file.readline(_LONGEST_LINE + 1)


def _wide_lines(begin: bytes, file: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    held = decoder.decode(begin)
    while piece := file.read(_LONGEST_LINE):
        held += decoder.decode(piece)
        *lines, held = held.split("\n")
        yield from lines
        if len(held) > _LONGEST_LINE:
            break
    yield from held.split("\n")


def located(entry: str, path: Location) -> Location:
    """The location of an entry of the list at `path`: an address, or a path from the folder of the list.

    A path may be in quotes, begin with `~`, or be an address such as `file:///home/me/a%20b.jpg`, unless a file has
    exactly that name.

    Raises:
        InputError: it is an address on the web that cannot be requested.
    """
    if is_url(entry):
        check_url(entry)
    if isinstance(path, Remote):
        return Remote(entry) if is_remote(entry) else path.beside(entry)
    if (path.parent / entry).exists():
        return path.parent / entry
    if len(entry) > 2 and entry[0] == entry[-1] and entry[0] in "\"'":
        return located(entry[1:-1], path)
    if local := local_path(entry):
        return Path(local)
    return Remote(entry) if is_remote(entry) else path.parent / expanded_home(entry)


def local_path(address: str) -> str:
    """The path of a `file:` address on this machine; empty for other addresses and for files that do not exist.

    Programs percent-encode special characters in addresses. The result is also empty if the path exists undecoded,
    because the address can then be opened as it is.
    """
    if not address.lower().startswith("file:"):
        return ""
    parts = urllib.parse.urlsplit(address)
    if parts.netloc not in ("", "localhost") or not parts.path:
        return ""
    if os.path.exists(parts.path):
        return parts.path if parts.netloc else ""
    decoded = urllib.parse.unquote(parts.path)
    return decoded if os.path.exists(decoded) else ""


def expanded_home(path: str) -> str:
    """A path with `~` or `~name` at its beginning replaced by that home folder."""
    try:
        return os.path.expanduser(path) if path.startswith("~") else path
    except (OSError, ValueError):
        return path
