"""A folder tree of any size -> its files, one after the other, in the order of their paths.

Only the folders on the way to the present file are listed at any time, so memory is bounded by the largest of them.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from showtell.data.sources.base import RawPicture, hidden, picture_name, too_large
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture in a tree: its `name` is the path below the tree's top, with forward slashes, for people to read.

    `size` is in bytes and `modified` in nanoseconds since 1970. Where `error` says why it is not to be had, they are 0.
    """

    path: Path
    name: str
    size: int = 0
    modified: int = 0
    error: str = ""


def walk_pictures(top: Path) -> Iterator[PictureFile]:
    """Every picture file below `top`, told by its suffix, in the order of the paths.

    Hidden files and folders and `__MACOSX` are passed over. A folder below `top` that cannot be listed is given as a
    `PictureFile` with its error.

    Raises:
        InputError: `top` itself is no folder, or cannot be listed.
    """
    if not top.is_dir():
        raise InputError(f"{top}: {'not a folder' if top.exists() else 'there is no such folder'}: check the path")
    failed: list[PictureFile] = []

    def note(folder: str, error: OSError) -> None:
        if Path(folder) == top:
            raise InputError(f"{top}: cannot be listed ({error.strerror}): check its permissions") from error
        name = Path(folder).relative_to(top).as_posix()
        failed.append(PictureFile(Path(folder), name, error=f"the folder cannot be listed ({error.strerror})"))

    for path in walk_files(top, note):
        yield from failed
        failed.clear()
        if name := picture_name(Path(path).relative_to(top).as_posix()):
            yield _looked_at(Path(path), name)
    yield from failed


def walk_files(folder: str | Path, failed: Callable[[str, OSError], None]) -> Iterator[str]:
    """Every file below `folder` in the order of the paths; folders that cannot be listed are handed to `failed`.

    Hidden folders are passed over. Linked folders are followed (data sets often are links), but not round in circles.
    """
    yield from _below(os.fspath(folder), (), failed)


def read_picture(path: Path, name: str) -> RawPicture:
    """The bytes of one picture file, or the reason why there are none."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait forever
            return RawPicture(name, b"", "not a regular file")
        if reason := too_large(status.st_size):
            return RawPicture(name, b"", reason)
        return RawPicture(name, path.read_bytes())
    except OSError as error:
        return RawPicture(name, b"", f"cannot be read ({error.strerror})")


def _below(folder: str, above: tuple[str, ...], failed: Callable[[str, OSError], None]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = list(os.scandir(folder))
    except OSError as error:  # os.walk would pass over it without a word
        failed(folder, error)
        return
    # A folder stands where its files stand in the order of whole paths: "a.png" before "a/b.png" before "a0.png".
    for entry in sorted(entries, key=lambda entry: entry.name + "/" * entry.is_dir()):
        if entry.is_dir():
            if not hidden(entry.name):
                yield from _below(entry.path, (*above, real), failed)
        elif entry.is_file() or entry.is_symlink():  # a link that leads nowhere becomes a reject; pipes are passed over
            yield entry.path


def _looked_at(path: Path, name: str) -> PictureFile:
    try:
        status = os.stat(path)
    except OSError as error:
        return PictureFile(path, name, error=f"cannot be read ({error.strerror})")
    return PictureFile(path, name, status.st_size, status.st_mtime_ns)
