"""The file beside a picture that holds its text: what stands in it now, whether it may be written, and writing it.

`photo.jpg` has `photo.jpg.txt` or `photo.jpg.xmp`, so that `photo.png` beside it has its own; or, where the user wants
that, `photo.txt` and `photo.xmp`. Where only the other name is there, that is the file. What a person or another
program wrote is left alone unless the user says otherwise; the picture itself is never opened for writing.
"""

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from showtell.alt_text.journal import Entry
from showtell.alt_text.xmp import FIELDS, changed_packet, new_packet, read_packet
from showtell.errors import InputError, OutputError
from showtell.files import sha256_of, write_bytes
from showtell.images.decode import SUFFIXES

SidecarName: TypeAlias = Literal["full", "stem"]
"""Whether a picture's whole name is in that of its text, or the name without its ending."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user allows: to `merge` a text into XMP files of other programs where they have none, to `overwrite` texts
    that Showtell wrote and someone has changed since, and to replace, or add to, what `others` wrote.
    """

    merge: bool = False
    overwrite: bool = False
    others: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands beside a picture.

    `places` are those that may be written, with the text that each holds now (None: none); `ours` are those of them
    whose text we wrote. Without a place there is a text that is not ours to change; `mergeable` tells that there would
    be one with the right to merge. `found` is the SHA-256 of the file, empty where there is none; `written` is what the
    journal is to remember it by, None where the file says itself whose it is.
    """

    places: dict[str, str | None]
    ours: frozenset[str] = frozenset()
    found: str = ""
    written: str | None = None
    mergeable: bool = False

    def says(self, text: str) -> bool:
        """Whether every place that may be written holds this text already."""
        return all(held == text for held in self.places.values())


class Sidecar(Protocol):
    """A kind of file beside a picture."""

    def path(self, picture: Path) -> Path:
        """The file beside this picture."""
        ...

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        """What stands in the file, given what the journal knows; an `InputError` where it cannot be understood."""
        ...

    def write(self, path: Path, text: str | None, standing: Standing) -> str | None:
        """Put the text into the places of `standing`, or take it out of those that are ours where it is None.

        Returns:
            What the journal is to remember the file by, as `Standing.written`.

        Raises:
            InputError: the file is another than when `standing` was looked at, or cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class TextSidecar:
    """`photo.jpg.txt`, a line of UTF-8: ours while its SHA-256 is that of something that we wrote."""

    rights: Rights = Rights()
    naming: SidecarName = "full"

    def path(self, picture: Path) -> Path:
        return _path(picture, ".txt", self.naming)

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        data = _read(path)
        if data is None:
            return Standing({"text": None}, written="")
        found = sha256_of(data)
        ours = entry is not None and found in (entry.written, sha256_of(_line(entry.caption)))
        changed = entry is not None and bool(entry.written)
        if not ours and not self.rights.others and not (changed and self.rights.overwrite):
            return Standing({}, found=found, written="")
        text = data.decode(errors="replace").removesuffix("\n")
        return Standing({"text": text}, frozenset({"text"} if ours else ()), found, found if ours else "")

    def write(self, path: Path, text: str | None, standing: Standing) -> str:
        _read(path, standing)
        line = b"" if text is None else _line(text)
        _write(path, line)
        return sha256_of(line)


@dataclass(frozen=True, slots=True)
class XmpSidecar:
    """`photo.jpg.xmp`: a field is ours while the mark beside it fits its text (see `showtell.alt_text.xmp`)."""

    rights: Rights = Rights()
    naming: SidecarName = "full"

    def path(self, picture: Path) -> Path:
        return _path(picture, ".xmp", self.naming)

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        data = _read(path)
        if data is None:
            return Standing(dict.fromkeys(FIELDS))
        packet = read_packet(data)
        empty = [name for name in FIELDS if name not in packet.texts]
        if self.rights.others:
            places = list(FIELDS)
        else:
            replaced = packet.marked if self.rights.overwrite else packet.ours
            places = [name for name in FIELDS if name in replaced or (self.rights.merge and name in empty)]
        held = {name: packet.texts.get(name) for name in places}
        return Standing(held, packet.ours, sha256_of(data), mergeable=bool(empty) and not places)

    def write(self, path: Path, text: str | None, standing: Standing) -> None:
        data = _read(path, standing)
        if data is None:
            _write(path, new_packet(text) if text is not None else b"")
        else:
            texts = dict.fromkeys(standing.places if text is not None else standing.ours, text)
            _write(path, changed_packet(read_packet(data), texts))


def _path(picture: Path, ending: str, naming: SidecarName) -> Path:
    full, stem = picture.with_name(picture.name + ending), picture.with_suffix(ending)
    if naming == "stem" and _shares_its_stem(picture):
        return full
    wanted, other = (full, stem) if naming == "full" else (stem, full)
    return other if _exists(other) and not _exists(wanted) else wanted


def _shares_its_stem(picture: Path) -> bool:
    """Whether another picture beside it would have the same file."""
    endings = {end for suffix in SUFFIXES for end in (suffix, suffix.upper())} - {picture.suffix}
    return any(_exists(picture.with_suffix(ending)) for ending in endings)


def _exists(path: Path) -> bool:
    """Whether there is such a file; a name that is too long is none."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _line(text: str) -> bytes:
    return f"{text}\n".encode()


def _read(path: Path, standing: Standing | None = None) -> bytes | None:
    """The file's bytes, None where there is none; an `InputError` where it is another than `standing` knows."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(
                f"the picture's name leaves no room for a file that ends in {path.suffix}: "
                "rename the picture, or write a table with --format csv"
            ) from error
        raise InputError(f"cannot be read ({error.strerror})") from error
    if standing and standing.found != (sha256_of(data) if data is not None else ""):
        raise InputError("was changed in the meantime: run the command again")
    return data


def _write(path: Path, data: bytes) -> None:
    """Write the file, or delete it where nothing is to be in it."""
    try:
        if data:
            write_bytes(path, data, alone=True)
        else:
            path.unlink(missing_ok=True)
    except OutputError as error:
        raise InputError(f"cannot be written ({error.reason})") from error
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})") from error
