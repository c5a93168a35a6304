"""A path -> the text of the caption file that it names, plain or in a zip."""

from pathlib import Path, PurePosixPath

from showtell.data.sources.zip import is_zip, open_zip
from showtell.errors import InputError, one_line

_SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".token")


def read_text(path: Path, member: str | None = None) -> tuple[str, str]:
    """The text of a caption file, and what to call it in messages.

    Arguments:
        path: the file, or a zip that holds it, or a path that leads into a zip.
        member: which file of a zip, by path, file name or stem; needed where several look like caption files.

    Raises:
        InputError: the file is missing, cannot be read or is not UTF-8, or it is not clear which one of a zip is meant.
    """
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive and member is None:
        path, member = archive, path.relative_to(archive).as_posix()
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not a caption file' if path.is_dir() else 'does not exist'}")
    if is_zip(path):
        return _read_member(path, member)
    if member is not None:
        raise InputError(f"{path}: not a zip, so it has no member {member!r}")
    try:
        return _text(path.read_bytes(), str(path)), str(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _read_member(path: Path, member: str | None) -> tuple[str, str]:
    with open_zip(path) as archive:
        chosen = _choose(path, [name for name in archive.namelist() if not name.endswith("/")], member)
        where = f"{path}/{chosen}"
        try:
            data = archive.read(chosen)
        except Exception as error:  # passwords, wrong checksums, compression methods that Python lacks
            raise InputError(f"{where}: cannot be read from the zip ({one_line(error)})") from error
    return _text(data, where), where


def _choose(path: Path, names: list[str], member: str | None) -> str:
    texts = [
        name for name in names if PurePosixPath(name).suffix.lower() in _SUFFIXES and not name.startswith("__MACOSX/")
    ]
    if member is not None:
        fits = [name for name in names if member in (name, PurePosixPath(name).name, PurePosixPath(name).stem)]
        fits = [member] if member in fits else fits
    else:
        fits = texts if len(texts) == 1 else [name for name in texts if PurePosixPath(name).name.startswith("captions")]
    if len(fits) == 1:
        return fits[0]
    have = ", ".join(fits or texts) or "no caption files"
    wanted = f"no one file {member!r}" if member is not None else "no one file that is sure to be the captions"
    raise InputError(f"{path}: {wanted}; it holds {have}: name the member to read")


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{where}, line {line}: not UTF-8 text (byte {error.start}): save it as UTF-8") from error
