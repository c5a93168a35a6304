"""A folder tree of any size -> its files, one after the other, in the order of their paths.

Only the folders on the path to the current file are listed at any time, so the largest of them bounds memory.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from showtell.data.sources.base import READ_AS_USUAL, RawPicture, ReadOptions, Remarks, clean, hidden, picture_name
from showtell.errors import InputError, PictureError
from showtell.images.decode import USUAL, DecodeOptions
from showtell.images.inputs import read_file


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture in a tree: its `name` is the path below the tree's top, with forward slashes, for people to read.

    `size` is in bytes and `modified` in nanoseconds since 1970. Both are 0 if `error` says why it cannot be read.
    """

    path: Path
    name: str
    size: int = 0
    modified: int = 0
    error: str = ""
    decoding: DecodeOptions = DecodeOptions()


def walk_pictures(
    top: Path, options: ReadOptions = READ_AS_USUAL, remarks: Remarks | None = None
) -> Iterator[PictureFile]:
    """Every picture file below `top`, by its suffix, in the order of the paths.

    Hidden files and folders, those of operating systems and those that `options` exclude are skipped. A folder below
    `top` that cannot be listed becomes a `PictureFile` with an error.

    Arguments:
        top: the folder.
        options: what is skipped, and how the pictures are to be decoded.
        remarks: counts files that look like pictures and are not read.

    Raises:
        InputError: `top` is not a folder, or cannot be listed.
    """
    if not top.is_dir():
        raise InputError(f"{top}: {'not a folder' if top.exists() else 'there is no such folder'}: check the path")
    failed: list[PictureFile] = []

    def note(folder: str, error: OSError) -> None:
        if Path(folder) == top:
            raise InputError(f"{top}: cannot be listed ({error.strerror}): check its permissions") from error
        name = clean(Path(folder).relative_to(top).as_posix())
        failed.append(PictureFile(Path(folder), name, error=f"the folder cannot be listed ({error.strerror})"))

    for path in walk_files(top, note, options):
        yield from failed
        failed.clear()
        inside = Path(path).relative_to(top).as_posix()
        if name := picture_name(inside):
            yield _looked_at(Path(path), name, options.decoding)
        elif remarks is not None:
            remarks.see(inside)
    yield from failed


def walk_files(
    folder: str | Path, failed: Callable[[str, OSError], None], options: ReadOptions = READ_AS_USUAL
) -> Iterator[str]:
    """Every file below `folder` in the order of the paths; `failed` is called with folders that cannot be listed.

    Hidden folders, those of operating systems and what `options` exclude are skipped. Links to folders are followed,
    because data sets often are links, but never in cycles.
    """
    yield from _below(os.fspath(folder), "", (), failed, options)


def read_picture(path: Path, name: str, decoding: DecodeOptions = USUAL) -> RawPicture:
    """The bytes of one picture file, or why it cannot be read."""
    try:
        return RawPicture(name, read_file(path), decoding=decoding)
    except PictureError as error:
        return RawPicture(name, b"", str(error))
    except MemoryError:
        return RawPicture(name, b"", "the file needs more memory than there is")


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder or a link to one; a link to itself is neither folder nor error."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _below(
    folder: str, inside: str, above: tuple[str, ...], failed: Callable[[str, OSError], None], options: ReadOptions
) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as listing:
            entries = [(entry, is_folder(entry)) for entry in listing]
    except OSError as error:  # os.walk would skip it silently
        failed(folder, error)
        return
    # Folders sort like their files in the order of whole paths: "a.png" before "a/b.png" before "a0.png".
    for entry, folds in sorted(entries, key=lambda one: one[0].name + "/" * one[1]):
        name = f"{inside}{entry.name}"
        if options.excludes(name):
            continue
        if folds:
            if not hidden(entry.name):
                yield from _below(entry.path, f"{name}/", (*above, real), failed, options)
        elif entry.is_symlink() or _is_file(entry):  # a broken link becomes a reject; pipes are skipped
            yield entry.path


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _looked_at(path: Path, name: str, decoding: DecodeOptions) -> PictureFile:
    try:
        status = os.stat(path)
    except OSError as error:
        return PictureFile(path, name, error=f"cannot be read ({error.strerror})", decoding=decoding)
    return PictureFile(path, name, status.st_size, status.st_mtime_ns, decoding=decoding)
