"""A zip -> a smaller zip with a random sample of its members, for quick trials.

A number is drawn for every entry of the zip in its order, folders included, from NumPy's legacy generator, whose stream
is frozen. So a seed selects the same members in every release and on every machine.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from showtell.data.sources.base import DAMAGE
from showtell.data.sources.zip import open_zip, zip_name
from showtell.errors import InputError, ShowtellError, one_line
from showtell.files import write_beside
from showtell.progress import bar


@dataclass(frozen=True, slots=True)
class Sampled:
    """How many files the zip had, how many were kept, and the bytes of the new zip."""

    total: int
    kept: int
    size: int


def sample_zip(source: Path, target: Path, *, rate: float = 0.01, seed: int = 42, show: bool = True) -> Sampled:
    """Copy each member of `source` to `target` with probability `rate`.

    Members are copied in chunks, with their dates and compression; memory holds only the list of names. `target` is
    written to a temporary file and renamed.

    Arguments:
        source: a zip.
        target: the zip to write; an existing one is replaced.
        rate: in (0, 1].
        seed: of the draws, from 0 to 2**32 - 1.
        show: show a progress bar.

    Raises:
        InputError: `source` is not a complete zip, a member is damaged or encrypted, no member was selected, or an
            argument is out of range.
        ShowtellError: `target` cannot be written.
    """
    if not 0 < rate <= 1:
        raise InputError(f"the rate must lie in (0, 1], not {rate:g}")
    if not 0 <= seed < 2**32:
        raise InputError(f"the seed must lie between 0 and 2**32 - 1, not {seed}")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target}: is the zip to sample from: name another file to write")
    with open_zip(source) as archive:
        entries = archive.infolist()
        drawn = np.random.RandomState(seed).random_sample(len(entries)) < rate
        files = [entry for entry in entries if not entry.is_dir()]
        kept = [entry for entry, keep in zip(entries, drawn, strict=True) if keep and not entry.is_dir()]
        if not kept:
            raise InputError(f"{source}: none of its {len(files):,} members was kept at rate {rate:g}: raise the rate")
        try:
            with (
                write_beside(target) as file,
                zipfile.ZipFile(file, "w") as sampled,
                bar("sampling", len(kept), "members", show=show) as tick,
            ):
                for entry in kept:
                    _copy(archive, entry, sampled)
                    tick()
        except OSError as error:
            raise ShowtellError(f"{target}: cannot be written ({one_line(error)})") from error
    return Sampled(len(files), len(kept), target.stat().st_size)


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    copied = zipfile.ZipInfo(zip_name(entry), entry.date_time)
    copied.compress_type, copied.external_attr = entry.compress_type, entry.external_attr
    copied.file_size = entry.file_size  # decides whether the entry needs the format for more than 4 GB
    with target.open(copied, "w") as writer:
        for piece in _pieces(archive, entry):
            writer.write(piece)


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as reader:
            while piece := reader.read(1 << 20):
                yield piece
    except DAMAGE as error:
        raise InputError(
            f"{archive.filename}: the member {entry.filename!r} cannot be read ({one_line(error)})"
        ) from error
