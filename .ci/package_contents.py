"""What a wheel and an sdist of Showtell must hold, and must not.

    python .ci/package_contents.py dist/*

prints a line for each fault, and exits with 1 if there are any. A wheel holds the files of `src/showtell` and its own
metadata; an sdist holds what `pyproject.toml` includes. Neither holds pictures of others, except those that
`examples/photos/CREDITS.md` lists with their licences, nor any other kind of file that may be data.
"""

import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
KINDS = {".py", ".css", ".js", ".html", ".svg", ".csv", ".showtell", ".typed"}
"""Suffixes of the package's files."""
MODELS = 25_000_000  # bytes of the largest model bundle
OTHERS = 1_000_000  # bytes of any other file


def main() -> int:
    faults = [f"{path}: {fault}" for path in map(Path, sys.argv[1:]) for fault in faults_of(path)]
    print("\n".join(faults) or f"{len(sys.argv) - 1} files hold what they must, and nothing else")
    return 1 if faults else 0


def faults_of(path: Path) -> list[str]:
    """What is wrong with a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel_faults({one.filename: one.file_size for one in wheel.infolist()})
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        odd = [f"{one.name} is no regular file" for one in members if not one.isfile()]
        return odd + sdist_faults({one.name.partition("/")[2]: one.size for one in members if one.isfile()})


def wheel_faults(sizes: dict[str, int]) -> list[str]:
    """Of a wheel's files, by their names and sizes."""
    own = {name for name in sizes if ".dist-info/" not in name}
    metadata = {name.partition(".dist-info/")[2] for name in set(sizes) - own}
    wanted = {str(PurePosixPath("showtell") / name) for name in package_files()}
    return [
        *(f"lacks {name}" for name in sorted(wanted - own)),
        *(f"holds {name}" for name in sorted(own - wanted)),
        *(f"lacks {name} in its metadata" for name in ("METADATA", "licenses/LICENSE") if name not in metadata),
        *_kinds(own),
        *_sizes(sizes),
    ]


def sdist_faults(sizes: dict[str, int]) -> list[str]:
    """Of an sdist's files below its first folder."""
    wanted = {f"src/showtell/{name}" for name in package_files()}
    wanted |= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "Makefile", "constraints.txt"}
    wanted |= {"requirements-demo.txt", "tests/conftest.py", "docs/README.md", ".ci/run"}
    credits = (ROOT / "examples" / "photos" / "CREDITS.md").read_text()
    pictures = [name for name in sizes if name.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif"))]
    foreign = [
        name
        for name in pictures
        if f"`{PurePosixPath(name).name}`" not in credits and not name.startswith("docs/pictures/")
    ]
    return [
        *(f"lacks {name}" for name in sorted(wanted - set(sizes))),
        *(f"holds the picture {name}, of which CREDITS.md knows nothing" for name in sorted(foreign)),
        *_kinds(name.removeprefix("src/") for name in sizes if name.startswith("src/")),
        *_sizes(sizes),
    ]


def package_files() -> set[str]:
    """The files below `src/showtell`, without what Python writes there."""
    folder = ROOT / "src" / "showtell"
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths}


def _kinds(names: Iterable[str]) -> Iterator[str]:
    for name in sorted(names):
        if PurePosixPath(name).suffix not in KINDS:
            yield f"holds {name}, a kind of file that the package does not have"


def _sizes(sizes: dict[str, int]) -> Iterator[str]:
    for name, size in sorted(sizes.items()):
        if size > (MODELS if name.endswith(".showtell") else OTHERS):
            yield f"holds {name} of {size:,} bytes"


if __name__ == "__main__":
    sys.exit(main())
