"""Patterns such as `photos/**/*.jpg` -> the paths that they fit, without going round in circles of links.

As Python's own `glob` with `recursive`, which follows a link to a folder above it until the system refuses.
"""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from showtell.data.sources.folder import is_folder

_MAGIC = set("*?[")


def glob_files(pattern: str) -> tuple[Path, list[Path]]:
    """The folder above the first part that is a pattern, and every path below it that fits, sorted.

    `**` stands for any number of folders; hidden names are passed over where their part begins otherwise.
    """
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if _MAGIC & set(part))
    base = Path(*parts[:fixed])
    found = dict.fromkeys(_matches(base, parts[fixed:], ()))
    return base, sorted(found, key=str)


def _matches(folder: Path, parts: Sequence[str], above: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    first, rest = parts[0], parts[1:]
    if not _MAGIC & set(first):
        if os.path.lexists(folder / first):
            yield from _matches(folder / first, rest, above)
        return
    real = os.path.realpath(folder)
    if first == "**" and real in above:
        return
    try:
        with os.scandir(folder) as listing:
            entries = [(entry.name, is_folder(entry)) for entry in listing]
    except OSError:  # no folder, or one that may not be listed: nothing in it fits
        return
    if first != "**":
        for name, _ in entries:
            if fnmatch(name, first) and (not name.startswith(".") or first.startswith(".")):
                yield from _matches(folder / name, rest, above)
        return
    yield from _matches(folder, rest, above)  # no folder in between
    for name, folds in entries:
        if name.startswith("."):
            continue
        if folds:
            yield from _matches(folder / name, parts, (*above, real))
        elif not rest:
            yield folder / name
