"""Patterns such as `photos/**/*.jpg` -> the paths that match, without cycles of links.

Patterns are those of Python's `glob` with `recursive`, which would follow a link to a parent folder until the system
refuses.
"""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from showtell.data.sources.folder import is_folder

_MAGIC = set("*?[")


def glob_files(pattern: str) -> tuple[Path, list[Path]]:
    """The folder above the first part that is a pattern, and every path below it that matches, sorted.

    `**` matches any number of folders. Hidden names match only parts of a pattern that begin with a dot.
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
    except OSError:  # not a folder, or one that cannot be listed: nothing in it matches
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
