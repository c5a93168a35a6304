"""Sources that a user names (files, folders, archives, patterns, addresses on the web) -> the chosen pictures, by name.

Input: sources as the user writes them, and which of their pictures to take: all, some at random, or some by index.
Output: a stream of (name, bytes). A picture on the web is downloaded when its turn comes; one that cannot be downloaded
is a reject in the stream.
"""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from showtell.data.download.address import WebOptions
from showtell.data.sources.base import READ_AS_USUAL, RawPicture, ReadOptions, Remarks
from showtell.data.sources.braces import has_braces
from showtell.data.sources.parts import LIST_SUFFIX, is_text_beside_picture
from showtell.data.sources.picture_source import PictureSource
from showtell.data.sources.remote import is_remote
from showtell.errors import InputError

__all__ = ["PictureSelection", "RawPicture", "Sample", "WebOptions"]

_WITH_BARS = WebOptions()


@dataclass(frozen=True, slots=True)
class Sample:
    """Which of all pictures to take: `count` at random, by `seed`, or those at `indices` (from 0), or all."""

    count: int | None = None
    seed: int = 0
    indices: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise InputError(f"the number of random pictures must be positive, not {self.count}")
        if self.count is not None and self.indices:
            raise InputError("pictures are chosen at random or by index, not both")

    def of(self, total: int) -> list[int]:
        """The chosen positions among `total` pictures, ascending; an `InputError` if an index is beyond the last."""
        if self.count is not None:
            return sorted(random.Random(self.seed).sample(range(total), min(self.count, total)))
        if beyond := [index for index in self.indices if not 0 <= index < total]:
            raise InputError(f"there is no picture {beyond[0]}: there are {total:,}, counted from 0")
        return sorted(set(self.indices)) if self.indices else list(range(total))


class PictureSelection:
    """The chosen pictures of every source, with names by which people find them again.

    A picture file has the name that the user gave, a picture on the web its address. A picture in a folder or archive
    has its path inside, which follows the folder's or archive's own path if there are several sources.

    Arguments:
        sources: paths, patterns and addresses.
        sample: which of the pictures.
        web: limits for pictures on the web.
        options: what is skipped, and how pictures are read.

    Raises:
        InputError: a source does not exist or has no pictures, an address is invalid, or an index is beyond the last.
    """

    def __init__(
        self,
        sources: Sequence[str],
        sample: Sample = Sample(),
        web: WebOptions = _WITH_BARS,
        options: ReadOptions = READ_AS_USUAL,
    ) -> None:
        named, sources = len(sources), _without_texts(sources)
        self._texts = named - len(sources)
        self._sources, self._alone = list(sources), len(sources) == 1
        self._parts = [PictureSource(source, web, options) for source in sources]
        listed = [part.names() for part in self._parts]
        self.total = sum(map(len, listed))
        chosen = sample.of(self.total)
        self.count = len(chosen)
        self._chosen: list[list[str]] = []  # of each part
        first = 0
        for names in listed:
            self._chosen.append([names[i - first] for i in chosen if first <= i < first + len(names)])
            first += len(names)

    @property
    def on_the_web(self) -> bool:
        """Whether any of the sources is downloaded with its own progress bar."""
        return any(part.on_the_web for part in self._parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources as they were given."""
        return tuple(self._sources)

    @property
    def remarks(self) -> Remarks:
        """What people should know about the sources; see `PictureSource.remarks`."""
        remarks = Remarks()
        for part in self._parts:
            remarks.add(part.remarks)
        if self._texts:
            remarks.note(f"texts beside pictures with their names, which are not lists: {self._texts:,} skipped")
        return remarks

    @property
    def broken(self) -> str:
        """The error that `read` raises at the end of a truncated archive, which pieces of `split` do not reach."""
        return next((part.broken for part in self._parts if part.broken), "")

    def names(self) -> Iterator[str]:
        """The names of the chosen pictures, in the order of the sources."""
        for source, chosen in zip(self._sources, self._chosen, strict=True):
            yield from (self._name_of(source, name) for name in chosen)

    def split(self, size: int) -> "Iterator[PictureSelection]":
        """The chosen pictures in pieces of `size` each, the last with the rest; see `PictureSource.split`."""
        held: list[tuple[str, PictureSource]] = []
        room = size
        for source, part, chosen in zip(self._sources, self._parts, self._chosen, strict=True):
            if not chosen:
                continue
            others = frozenset(part.names()).difference(chosen)
            for piece in part.split(size, skip=others, first=room):
                held.append((source, piece))
                room -= len(piece.names())
                if not room:
                    yield self._of(held)
                    held, room = [], size
        if held:
            yield self._of(held)

    def _of(self, held: "list[tuple[str, PictureSource]]") -> "PictureSelection":
        piece = object.__new__(PictureSelection)
        piece._sources, piece._alone = [source for source, _ in held], self._alone
        piece._parts = [part for _, part in held]
        piece._chosen = [part.names() for part in piece._parts]
        piece._texts = 0
        piece.total = piece.count = sum(map(len, piece._chosen))
        return piece

    def read(self) -> Generator[RawPicture, None, None]:
        """The chosen pictures one by one, in the order of the sources; errors as for `PictureSource.read`."""
        for source, part, chosen in zip(self._sources, self._parts, self._chosen, strict=True):
            if not chosen:
                continue
            others = set(part.names()).difference(chosen)
            for count, picture in enumerate(part.read(skip=others), 1):
                yield replace(picture, name=self._name_of(source, picture.name))
                del picture  # otherwise its bytes would stay in memory while the next one is read
                if others and count == len(chosen):
                    break  # the rest of an archive is not read

    def _name_of(self, source: str, name: str) -> str:
        if name == source or Path(source).name == name:
            return source
        above = (is_remote(source) and not has_braces(source)) or Path(source).exists()
        if self._alone or not above or source.lower().endswith(LIST_SUFFIX):
            return name
        return f"{source.rstrip('/')}/{name}"


def _without_texts(sources: Sequence[str]) -> list[str]:
    """The sources without texts beside pictures, which a pattern of the shell may include."""
    kept = [source for source in sources if is_remote(source) or not is_text_beside_picture(Path(source))]
    return kept or list(sources)
