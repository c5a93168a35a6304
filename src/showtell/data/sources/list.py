"""Pictures that each lie somewhere of their own, in files, on the web or on other file systems; and text files that
list them, an address or a path on each line.

What is not on this machine is fetched a little ahead, several at a time, and given in the order of the list.
"""

from collections import deque
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from showtell.data.download.fetch import WebOptions, download_picture
from showtell.data.download.http import check_url, is_url
from showtell.data.sources.base import RawPicture, too_large
from showtell.data.sources.folder import read_picture
from showtell.data.sources.remote import Remote, is_remote
from showtell.errors import InputError, ShowtellError, one_line

_AT_ONCE = 8  # downloads; as many more wait for their turn to be given
_LONGEST_LINE = 8192  # bytes

Location: TypeAlias = Path | Remote


@dataclass(frozen=True)
class ListedPictures:
    """Pictures by name and place; methods as `PictureSource` has them."""

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
        pending: deque[Future[RawPicture]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch")
        try:
            for name, place in wanted:
                pending.append(pool.submit(read_anywhere, place, name, web))
                if len(pending) == 2 * _AT_ONCE:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_anywhere(place: Location, name: str, web: WebOptions) -> RawPicture:
    """The bytes of a picture, or the reason why there are none."""
    if isinstance(place, Path):
        return read_picture(place, name)
    try:
        if is_url(place.uri):
            return RawPicture(name, download_picture(place.uri, **asdict(web)))
        if reason := too_large(place.size() or 0):
            return RawPicture(name, b"", reason)
        with place.native() as file:
            return RawPicture(name, file.read())
    except (ShowtellError, OSError, ValueError) as error:
        return RawPicture(name, b"", one_line(str(error).removeprefix(f"{place}: "), 300))


def listed_in(path: Location) -> Iterator[str]:
    """The entries of a text file, one a line; blank lines and those that begin with `#` are passed over.

    Raises:
        InputError: it cannot be read, is no text, or a line is longer than 8 KiB.
    """
    try:
        with path.open("rb") as file:
            for number in range(1, 1 << 62):
                line = file.readline(_LONGEST_LINE + 1)
                if not line:
                    return
                if len(line) > _LONGEST_LINE:
                    raise InputError(f"{path}, line {number}: over {_LONGEST_LINE:,} bytes long: no list of pictures")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text and not text.startswith("#"):
                    yield text
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, line {number}: not UTF-8 text, so not a list of pictures") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error.strerror or error)})") from error


def located(entry: str, path: Location) -> Location:
    """Where an entry of the list at `path` is: an address, or a path from the folder of the list.

    Raises:
        InputError: it is an address on the web that cannot be asked for.
    """
    if is_url(entry):
        check_url(entry)
    if is_remote(entry):
        return Remote(entry)
    return path.beside(entry) if isinstance(path, Remote) else path.parent / entry
