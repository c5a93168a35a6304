"""The file beside a picture with its text (sidecar): its current content, whether it may be changed, and writing it.

`photo.jpg` has `photo.jpg.txt` or `photo.jpg.xmp`, so that `photo.png` beside it can have its own; users may choose
`photo.txt` and `photo.xmp` instead. If only a file with the other name exists, that one is used. Texts by people or
other programs are kept unless the user allows changes. The picture itself is never opened for writing.
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
"""Whether the sidecar's name has the picture's full name or the name without its ending."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user allows: to `merge` a text into other programs' XMP files that have none, to `overwrite` texts that
    Showtell wrote and someone changed, and to replace or add to texts by `others`.
    """

    merge: bool = False
    overwrite: bool = False
    others: bool = False


@dataclass(frozen=True, slots=True)
class AltText:
    """What goes beside or into a picture: its text, keywords, and whether a person chose the text."""

    text: str
    keywords: tuple[str, ...] = ()
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the file beside a picture.

    `places` are the places that may be written, with their current text (None: empty); `ours` are those with text that
    we wrote. Without places there is a text that we may not change; `mergeable` says that the right to merge would
    allow one. `keywords` are those that we wrote, None where there are none that we may change. `found` is the SHA-256
    of the file, empty if there is none. `written` is the value for the journal, None if the file itself shows that the
    text is ours.
    """

    places: dict[str, str | None]
    ours: frozenset[str] = frozenset()
    found: str = ""
    written: str | None = None
    mergeable: bool = False
    keywords: tuple[str, ...] | None = None

    def says(self, wanted: AltText) -> bool:
        """Whether every place that may be written already has this text, and the keywords."""
        same_keywords = self.keywords is None or self.keywords == wanted.keywords
        return same_keywords and all(held == wanted.text for held in self.places.values())


class Sidecar(Protocol):
    """A kind of file beside a picture."""

    def path(self, picture: Path) -> Path:
        """The file beside this picture."""
        ...

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        """The state of the file, given the journal's entry; an `InputError` if it cannot be parsed."""
        ...

    @property
    def changes_pictures(self) -> bool:
        """Whether the file is the picture itself."""
        ...

    def write(self, path: Path, wanted: AltText | None, standing: Standing) -> str | None:
        """Write the text to the places of `standing`; if it is None, remove our text from its places.

        Returns:
            The value for the journal, as `Standing.written`.

        Raises:
            InputError: the file has changed since `standing` was read, or cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True)
class TextSidecar:
    """`photo.jpg.txt`, a line of UTF-8: ours if we wrote a text with its SHA-256."""

    rights: Rights = Rights()
    naming: SidecarName = "full"
    changes_pictures: bool = False

    def path(self, picture: Path) -> Path:
        return _path(picture, ".txt", self.naming)

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        data = read_beside(path)
        if data is None:
            return Standing({"text": None}, written="")
        found = sha256_of(data)
        ours = entry is not None and found in entry.ours
        changed = entry is not None and bool(entry.written)
        if not ours and not self.rights.others and not (changed and self.rights.overwrite):
            return Standing({}, found=found, written="")
        text = data.decode(errors="replace").removesuffix("\n")
        return Standing({"text": text}, frozenset({"text"} if ours else ()), found, found if ours else "")

    def write(self, path: Path, wanted: AltText | None, standing: Standing) -> str:
        read_beside(path, standing)
        line = b"" if wanted is None else text_line(wanted.text)
        replace_beside(path, line)
        return "" if wanted and wanted.by_person else sha256_of(line)


@dataclass(frozen=True, slots=True)
class XmpSidecar:
    """`photo.jpg.xmp`: a field is ours if the mark beside it matches its text (see `showtell.alt_text.xmp`)."""

    rights: Rights = Rights()
    naming: SidecarName = "full"
    changes_pictures: bool = False

    def path(self, picture: Path) -> Path:
        return _path(picture, ".xmp", self.naming)

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        data = read_beside(path)
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
        keywords = packet.keywords if places else None
        return Standing(held, packet.ours, sha256_of(data), mergeable=bool(empty) and not places, keywords=keywords)

    def write(self, path: Path, wanted: AltText | None, standing: Standing) -> None:
        data = read_beside(path, standing)
        replace_beside(path, changed_xmp(data, wanted, standing))


def changed_xmp(data: bytes | None, wanted: AltText | None, standing: Standing) -> bytes:
    """The XMP with the text in the places of `standing`, or without our text if `wanted` is None; empty if nothing is
    left.
    """
    if data is None:
        return new_packet(wanted.text, wanted.keywords, marked=not wanted.by_person) if wanted else b""
    texts = dict.fromkeys(standing.places, wanted.text) if wanted else dict.fromkeys(standing.ours)
    keywords = wanted.keywords if wanted else ()
    return changed_packet(read_packet(data), texts, keywords, marked=not (wanted and wanted.by_person))


def _path(picture: Path, ending: str, naming: SidecarName) -> Path:
    full, stem = picture.with_name(picture.name + ending), picture.with_suffix(ending)
    if naming == "stem" and _shares_its_stem(picture):
        return full
    wanted, other = (full, stem) if naming == "full" else (stem, full)
    return other if _exists(other) and not _exists(wanted) else wanted


def _shares_its_stem(picture: Path) -> bool:
    """Whether another picture in the folder would have the same sidecar."""
    endings = {end for suffix in SUFFIXES for end in (suffix, suffix.upper())} - {picture.suffix}
    return any(_exists(picture.with_suffix(ending)) for ending in endings)


def _exists(path: Path) -> bool:
    """Whether the file exists; a name that is too long does not."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def text_line(text: str) -> bytes:
    """The content of a text file."""
    return f"{text}\n".encode()


def read_beside(path: Path, standing: Standing | None = None) -> bytes | None:
    """The file's bytes, None if there is no file; an `InputError` if it has changed since `standing` was read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(
                f"the picture's name is too long to add {path.suffix}: "
                "rename the picture, or write a table with --format csv"
            ) from error
        raise InputError(f"cannot be read ({error.strerror})") from error
    if standing and standing.found != (sha256_of(data) if data is not None else ""):
        raise InputError("was changed in the meantime: run the command again")
    return data


def replace_beside(path: Path, data: bytes) -> None:
    """Write the file, or delete it if the data are empty."""
    try:
        if data:
            write_bytes(path, data, alone=True)
        else:
            path.unlink(missing_ok=True)
    except OutputError as error:
        raise InputError(f"cannot be written ({error.reason})") from error
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})") from error
