"""A path -> the caption file that it names, plain or in a zip: its bytes, its text, and notes on how it was read."""

import tarfile
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from showtell.data.sources.base import DAMAGE, picture_name
from showtell.data.sources.zip import is_zip, open_zip
from showtell.errors import InputError, one_line

_TEXTS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".token")
_BOOKS = (".xlsx", ".xlsm")
_SUFFIXES = (*_TEXTS, *_BOOKS)
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_GROWTH = 32  # text compresses to a fifth or a tenth; a member that unpacks to far more is meant to fill memory
_SMALL = 16 << 20

MAX_UNPACKED = 256 << 20
"""Limit of the bytes of captions in an archive, unpacked."""


@dataclass(frozen=True)
class CaptionFile:
    """A caption file, open for any reader.

    `path` is the file or folder on disk, `where` its name in messages (with the member, in a zip). `data` are its
    bytes, empty if readers take the path instead: for a folder, an archive of pictures, or Parquet. `notes` are
    sentences for users on how it was read.
    """

    path: Path
    where: str
    data: bytes = b""
    is_archive: bool = False
    is_parquet: bool = False
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add to the notes, unless there is nothing to add."""
        if text:
            self.notes.append(text)

    @property
    def suffix(self) -> str:
        """The suffix of its name, in lower case, such as `.csv`."""
        return PurePosixPath(self.where).suffix.lower()

    @property
    def is_text(self) -> bool:
        """Whether it is read as text."""
        return not (self.is_archive or self.is_parquet or self.suffix in _BOOKS)

    @cached_property
    def text(self) -> str:
        """Its text; an `InputError` if it is not text."""
        text, encoding = decoded(self.data, self.where)
        if encoding != "UTF-8":
            self.note(f"it is not UTF-8 and is read as {encoding}")
        return text

    @cached_property
    def first_line(self) -> str:
        """The first line that is not blank."""
        end = self.text.find("\n", len(self.text) - len(self.text.lstrip()))
        return self.text[: end if end >= 0 else None].lstrip("\r\n").rstrip("\r\n")

    @property
    def is_json(self) -> bool:
        """Whether it looks like a single JSON value; `.jsonl` files are lines instead."""
        named_lines = self.suffix in (".jsonl", ".ndjson")
        return self.is_text and not named_lines and self.first_line.lstrip().startswith(("{", "["))


def open_captions(path: Path, member: str | None = None) -> CaptionFile:
    """Open a caption file.

    Arguments:
        path: the file, a zip that holds it, a path into a zip, or a folder or archive of pictures with texts.
        member: which file of a zip, by path, file name or stem; needed where several look like caption files.

    Raises:
        InputError: the file is missing or cannot be read, or it is unclear which file of a zip is meant.
    """
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive and member is None:
        path, member = archive, path.relative_to(archive).as_posix()
    if path.is_dir() and member is None:
        return CaptionFile(path, str(path), is_archive=True)
    if not path.is_file():
        raise InputError(f"{path}: does not exist")
    if is_zip(path) and path.suffix.lower() not in _BOOKS:
        return _member(path, member)
    if member is not None:
        raise InputError(f"{path}: not a zip, so it has no member {member!r}")
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PAR1":
                return CaptionFile(path, str(path), is_parquet=True)
        if path.suffix.lower() not in _TEXTS and _is_tar(path):
            return CaptionFile(path, str(path), is_archive=True)
        return CaptionFile(path, str(path), path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _is_tar(path: Path) -> bool:
    """Whether it is a tar, perhaps a damaged one: its reader then says what is wrong."""
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        raise
    except DAMAGE:  # of a header that is read before it is checked, or of what the tar is packed by
        return True


def read_text(path: Path, member: str | None = None) -> tuple[str, str]:
    """The text of a caption file, and its name in messages; arguments and errors as for `open_captions`."""
    file = open_captions(path, member)
    if not file.is_text:
        raise InputError(f"{path}: {'is a folder, not a text file' if path.is_dir() else 'not a text file'}")
    return file.text, file.where


def decoded(data: bytes, where: str) -> tuple[str, str]:
    """Bytes as text, and the encoding that they are in.

    UTF-8 and UTF-16 are detected by their marks and their bytes. Anything else is taken for Windows-1252, which Excel
    writes in western Europe and America.

    Raises:
        InputError: the bytes are not text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec, name = "utf-16", "UTF-16"
    elif 0 in data[1:64:2] and 0 not in data[:64:2]:
        codec, name = "utf-16-le", "UTF-16"
    elif 0 in data[:64:2] and 0 not in data[1:64:2]:
        codec, name = "utf-16-be", "UTF-16"
    else:
        codec, name = "utf-8-sig", "UTF-8"
    try:
        return data.decode(codec), name
    except UnicodeDecodeError as error:
        if data.startswith(_OLD_EXCEL):
            raise InputError(f"{where}: an old Excel workbook: save it as .xlsx or as CSV") from error
        if name == "UTF-8" and 0 not in data:
            try:
                return data.decode("cp1252"), "Windows-1252"
            except UnicodeDecodeError:
                pass
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{where}, line {line}: not {name} text (byte {error.start}): save it as UTF-8") from error


def _member(path: Path, member: str | None) -> CaptionFile:
    with open_zip(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if member is None and _holds_texts_beside(names):
            return CaptionFile(path, str(path), is_archive=True)
        chosen = _choose(path, names, member)
        where = f"{path}/{chosen}"
        try:
            return CaptionFile(path, where, _unpacked(archive, archive.getinfo(chosen), where))
        except InputError:
            raise
        except Exception as error:  # passwords, wrong checksums, compression methods that Python lacks
            raise InputError(f"{where}: cannot be read from the zip ({one_line(error)})") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> bytes:
    """The bytes of a member; an `InputError` where they are too many, whatever size its header states."""
    limit = min(MAX_UNPACKED, max(_SMALL, _GROWTH * member.compress_size))
    with archive.open(member) as file:
        data = file.read(limit + 1) if member.file_size <= limit else b""
    if member.file_size > limit or len(data) > limit:
        raise InputError(
            f"{where}: unpacks to {max(member.file_size, len(data)) >> 20:,} MiB, too many for captions of its packed "
            f"size (limit {limit >> 20:,}): unpack it yourself if that is right, and name the file"
        )
    return data


def _holds_texts_beside(names: list[str]) -> bool:
    """Whether an archive has pictures and no other caption files than texts of single pictures."""
    pictures = {name for name in names if picture_name(name)}
    stems = pictures | {str(PurePosixPath(name).with_suffix("")) for name in pictures}
    texts = [name for name in names if PurePosixPath(name).suffix.lower() in (*_SUFFIXES, ".caption")]
    own = [name for name in texts if str(PurePosixPath(name).with_suffix("")) in stems]
    return len(own) == len(texts) and any(name.lower().endswith((".txt", ".caption")) for name in own)


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
    wanted = f"no single file {member!r}" if member is not None else "no single file that is sure to have the captions"
    raise InputError(f"{path}: {wanted}; it has {have}: name the member to read")
