"""Texts in picture files: XMP, and IPTC's caption (2:120) in JPEG and TIFF, in copies or in the pictures themselves.

Exiv2, through pyexiv2, writes them; pixels are not decoded and do not change. The text stands in the same fields as in
`showtell.alt_text.xmp`, with the same marks. Before a picture itself is changed, its untouched bytes are kept beside
it as `photo.jpg_original`, as ExifTool does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from showtell.alt_text.journal import Entry
from showtell.alt_text.sidecars import AltText, Rights, Standing, changed_xmp, read_beside, replace_beside
from showtell.alt_text.xmp import FIELDS, read_packet
from showtell.errors import InputError, require
from showtell.files import sha256_of

KEPT = "_original"
"""Added to the name of a picture for the untouched file."""

_IPTC = "Iptc.Application2.Caption"
_UTF8 = {"Iptc.Envelope.CharacterSet": "\x1b%G"}  # ISO 2022's escape sequence for UTF-8
_WITH_IPTC = (b"\xff\xd8", b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class InFiles:
    """Writes into copies below `target`, or into the pictures if it is None. `root` is the folder of the pictures."""

    root: Path
    target: Path | None
    rights: Rights = Rights()

    def __post_init__(self) -> None:
        require("pyexiv2", extra="metadata", what="writing texts into pictures")
        if self.target and self.target.resolve().is_relative_to(self.root.resolve()):
            raise InputError(f"{self.target}: copies cannot lie within {self.root}: name a folder elsewhere")

    @property
    def changes_pictures(self) -> bool:
        return self.target is None

    def path(self, picture: Path) -> Path:
        return self.target / picture.relative_to(self.root) if self.target else picture

    def standing(self, path: Path, entry: Entry | None) -> Standing:
        data = read_beside(path)
        if data is None:
            return Standing(dict.fromkeys(FIELDS))
        xmp = _xmp_of(data)
        if not xmp:
            return Standing(dict.fromkeys(FIELDS), found=sha256_of(data))
        packet = read_packet(xmp)
        places = [
            name
            for name in FIELDS
            if name not in packet.texts
            or name in packet.ours
            or self.rights.others
            or (self.rights.overwrite and name in packet.marked)
        ]
        if len(places) < len(FIELDS):
            return Standing({})  # someone else's text
        held = {name: packet.texts.get(name) for name in FIELDS}
        return Standing(held, packet.ours, sha256_of(data), keywords=packet.keywords)

    def write(self, path: Path, wanted: AltText | None, standing: Standing) -> None:
        data = read_beside(path, standing)
        if self.target is None:
            assert data is not None  # it has just been captioned
            _keep(path, data)
        elif wanted is None:
            replace_beside(path, b"")
            return
        else:
            data = read_beside(self.root / path.relative_to(self.target))
            assert data is not None
            standing = self._of_original(data)
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_beside(path, with_text(data, wanted, standing))

    def _of_original(self, data: bytes) -> Standing:
        """The places in a picture of which a copy is made: all of them."""
        xmp = _xmp_of(data)
        packet = read_packet(xmp) if xmp else None
        return Standing(dict.fromkeys(FIELDS), packet.ours if packet else frozenset())


def with_text(data: bytes, wanted: AltText | None, standing: Standing) -> bytes:
    """The picture file with the text in the places of `standing`, or without our text if `wanted` is None.

    Raises:
        InputError: texts cannot be written into a file of this kind.
    """
    xmp = changed_xmp(_xmp_of(data) or None, wanted, standing)

    def change(image: Any) -> None:
        if xmp:
            image.modify_raw_xmp(xmp.decode())
        else:
            image.clear_xmp()
        if data.startswith(_WITH_IPTC):
            image.modify_iptc({_IPTC: wanted.text, **_UTF8} if wanted else {_IPTC: None})

    changed = _through_exiv2(data, change)
    texts: Mapping[str, str] = read_packet(found).texts if (found := _xmp_of(changed)) else {}
    if wanted and any(texts.get(name) != wanted.text for name in standing.places):
        raise InputError("the text could not be written into this picture: use --format xmp")
    return changed


def _keep(path: Path, data: bytes) -> None:
    """Keep the untouched picture beside it, if no earlier run did."""
    kept = path.with_name(path.name + KEPT)
    if not kept.exists():
        replace_beside(kept, data)


def _xmp_of(data: bytes) -> bytes:
    found: list[str] = []
    _through_exiv2(data, lambda image: found.append(image.read_raw_xmp()))
    return found[0].encode().strip(b"\0 \r\n")


def _through_exiv2(data: bytes, work: Any) -> bytes:
    import pyexiv2

    pyexiv2.set_log_level(4)  # its remarks about tags of cameras are of no use here
    try:
        with pyexiv2.ImageData(data) as image:
            work(image)
            changed: bytes = image.get_bytes()
    except (RuntimeError, UnicodeError) as error:
        raise InputError("texts cannot be written into a picture of this kind: use --format xmp") from error
    return changed
