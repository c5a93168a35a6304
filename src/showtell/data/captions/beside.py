"""Texts beside pictures, in a folder, zip or tar -> rows.

The captions of `X.jpg` are the lines of `X.jpg.txt` (which `showtell alt-text` writes), else of `X.txt` (WebDataset's
`KEY.txt`, and what trainers of picture generators read), else of `X.jpg.caption` or `X.caption`.
"""

import errno
import tarfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from showtell.data.captions.columns import Columns
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import MAX_UNPACKED, CaptionFile, decoded
from showtell.data.sources.base import DAMAGE, clean
from showtell.data.sources.picture_source import PictureSource
from showtell.data.sources.zip import is_zip, open_zip
from showtell.errors import InputError, one_line

ENDS = (".txt", ".caption")
_MOST = 1 << 20  # bytes of a text; longer ones are not captions


def _detect(file: CaptionFile, columns: Columns) -> bool:
    return file.is_archive


@caption_format(
    "beside",
    title="texts beside pictures",
    help="a folder, zip or tar in which `X.jpg.txt`, `X.txt` or `X.caption` holds the captions of `X.jpg`, one a line",
    detect=_detect,
    order=12,
)
def read_beside(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each picture that has a text."""
    names = PictureSource(str(file.path)).names()
    wanted = {name: places(name) for name in names}
    texts = _texts(file.path, {place for of in wanted.values() for place in of})
    encodings: dict[str, int] = {}
    for name, of in wanted.items():
        place = next((place for place in of if place in texts), None)
        if place is not None:
            here = f"{file.where}/{place}"
            text, encoding = decoded(texts[place], here)
            encodings[encoding] = encodings.get(encoding, 0) + 1
            yield CaptionRow(name, tuple(line for line in text.splitlines() if line.strip()) or ("",), "", here)
    if not encodings:
        raise InputError(f"{file.where}: no picture has a text beside it, such as {places(names[0])[0]}")
    for encoding, count in encodings.items():
        if encoding != "UTF-8":
            file.note(f"{count:,} texts are not UTF-8 and are read as {encoding}")


def places(name: str) -> list[str]:
    """The names that a picture's text may have; the first that exists is used."""
    path = PurePosixPath(name)
    return [f"{stem}{end}" for end in ENDS for stem in (name, str(path.with_suffix("")))]


def _texts(path: Path, wanted: Collection[str]) -> Mapping[str, bytes]:
    """The texts of those `wanted` names that exist."""
    if path.is_dir():
        return {place: text for place in wanted if (text := _of_file(path / place)) is not None}
    try:
        if is_zip(path):
            with open_zip(path) as archive:
                members = {_place(info.filename): info for info in archive.infolist() if info.file_size <= _MOST}
                _require_bounded(path, sum(members[place].file_size for place in wanted if place in members))
                return {place: _member(archive, members[place]) for place in wanted if place in members}
        texts: dict[str, bytes] = {}
        total = 0
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isreg() and member.size <= _MOST and (place := _place(member.name)) in wanted:
                    total += member.size
                    _require_bounded(path, total)
                    file = tar.extractfile(member)
                    texts[place] = file.read() if file else b""
        return texts
    except DAMAGE as error:
        raise InputError(f"{path}: its texts cannot be read ({one_line(error)}): copy or download it again") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        return file.read(_MOST)  # so that a header that states less than there is costs no memory


def _require_bounded(path: Path, size: int) -> None:
    if size > MAX_UNPACKED:
        limit = MAX_UNPACKED >> 20
        raise InputError(f"{path}: its texts unpack to {size >> 20:,} MiB (limit {limit}): unpack it, name the folder")


def _of_file(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _MOST else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the picture's name leaves no room for its ending
            return None
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _place(member: str) -> str:
    """A member's name in the form of picture names."""
    return clean("/".join(part for part in PurePosixPath(member).parts if part not in ("/", "//", "..")))
