"""A long captioning job, cut into pieces. Each finished piece is stored. Pieces run on this machine or on a cluster.

A piece is a group of pictures; pieces are numbered in the order of the sources. A worker writes its piece to a
temporary file in the job's folder and renames it to, for example, `part-000017.parquet`. So a piece that is done twice
is stored once. If a worker or the driver fails, some parts are missing, and the next run fills them in. Each part
records the cache key of its pictures, model and settings; a part with another key is done again.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, Unpack

from showtell.captioning.caption import Captioned
from showtell.captioning.captioner import Captioner, fingerprint
from showtell.captioning.options import CaptionKeywords, CaptionOptions
from showtell.captioning.output.formats.parquet import read_rows, require_arrow, row_writer
from showtell.data.sources.gather import PictureSelection
from showtell.errors import InputError, ShowtellError, one_line
from showtell.files import remove_unfinished, sha256_of, write_beside
from showtell.progress import bar

_KEY = "showtell piece"


@dataclass(frozen=True, slots=True)
class Piece:
    """`number` from 0, the position of its `first` picture, its `pictures`, and their cache `key`."""

    number: int
    first: int
    pictures: PictureSelection
    key: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many pictures there were, how many could not be read, and how many are unfamiliar.

    `error` is the reason of the first piece that failed.
    """

    pictures: int = 0
    failed: int = 0
    unfamiliar: int = 0
    error: str = ""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.pictures + other.pictures,
            self.failed + other.failed,
            self.unfamiliar + other.unfamiliar,
            self.error or other.error,
        )


Elsewhere: TypeAlias = Callable[[Sequence[Piece], Path], Iterator[Tally]]
"""Runs `caption_piece` on other machines, for pieces in any order."""


def caption_pieces(
    pictures: PictureSelection,
    captioner: Captioner,
    folder: Path,
    size: int,
    *,
    batch_size: int = 32,
    elsewhere: Elsewhere | None = None,
    show: bool = True,
    options: CaptionOptions | None = None,
    **keywords: Unpack[CaptionKeywords],
) -> tuple[Tally, int]:
    """Caption pictures piece by piece, and resume from the parts in the folder.

    Arguments:
        pictures: the pictures to caption.
        captioner: the model.
        folder: the folder for the parts; it is created if missing.
        size: pictures in a piece, a multiple of the batch size. So the batches, and with them the last digits of
            scores, are the same as in a run that is not cut into pieces.
        batch_size: pictures whose sentences are written at once.
        elsewhere: runs the pieces on other machines, such as `showtell.ray.pieces_on`; None runs them here.
        show: show progress on stderr.
        options: as for `Captioner.caption`.
        keywords: as for `Captioner.caption`.

    Returns:
        The tally of all pictures, and the number of parts.

    Raises:
        InputError: the size is not a multiple of the batch size, the folder cannot be used, or reading the pictures
            fails. All pieces that could be done are then stored.
        ShowtellError: other machines fail; finished pieces are kept.
        MissingExtra: pyarrow is not installed.
    """
    require_arrow()
    if size % batch_size:
        raise InputError(
            f"a piece of {size} pictures is not a multiple of the batch size {batch_size}: change one of them"
        )
    _make(folder)
    chosen = captioner.caption_options(options, **keywords)
    settings = _settings(captioner, chosen, batch_size)
    tally, count, todo = Tally(), 0, []
    for piece in _pieces(pictures, size, settings):
        count += 1
        if done := _finished(folder, piece):
            tally += done
        else:
            todo.append(piece)
    with bar("captioning", pictures.count, "pictures", done=tally.pictures, show=show) as tick:
        here = (caption_piece(piece, captioner, folder, chosen, batch_size=batch_size) for piece in todo)
        for done in elsewhere(todo, folder) if elsewhere else here:
            tally += done
            tick(done.pictures)
    if error := tally.error or pictures.broken:
        raise InputError(error)
    _remove_from(folder, count)
    _remove_unfinished(folder)
    return tally, count


def _settings(captioner: Captioner, options: CaptionOptions, batch_size: int) -> str:
    """Everything that the captions of a piece depend on besides its pictures."""
    return fingerprint(
        captioner,
        options.search,
        batch_size=batch_size,
        attention=options.attention,
        min_confidence=options.min_confidence,
        guide=options.guide,
        **({"careful": True} if options.careful else {}),  # so that finished pieces of earlier releases stay valid
    )


def caption_piece(
    piece: Piece, captioner: Captioner, folder: Path, options: CaptionOptions, *, batch_size: int = 32
) -> Tally:
    """Caption a piece and write its part; if reading its pictures fails, write no part."""
    tally = Tally()
    try:
        with write_beside(part_of(folder, piece.number)) as file, row_writer(file, {_KEY: piece.key}) as write:
            stream = captioner.caption_stream(
                piece.pictures.read(), batch_size=batch_size, first=piece.first, options=options
            )
            for result in stream:
                write(result)
                tally += _tally(result)
    except ShowtellError as failure:
        return Tally(error=str(failure))
    return tally


def captioned(folder: Path, count: int) -> Iterator[Captioned]:
    """The results of a finished job with `count` parts, in the order of the pictures."""
    for number in range(count):
        yield from read_rows(part_of(folder, number))


def remove_parts(folder: Path) -> None:
    """Remove the parts, and the folder if nothing else is in it."""
    _remove_from(folder, 0)
    if not any(folder.iterdir()):
        folder.rmdir()


def part_of(folder: Path, number: int) -> Path:
    """The path of the part with this number."""
    return folder / f"part-{number:06d}.parquet"


def _pieces(pictures: PictureSelection, size: int, settings: str) -> Iterator[Piece]:
    first = 0
    for number, piece in enumerate(pictures.split(size)):
        key = sha256_of(json.dumps([settings, first, piece.sources, *piece.names()]).encode())
        yield Piece(number, first, piece, key)
        first += piece.count


def _finished(folder: Path, piece: Piece) -> Tally | None:
    """The tally of the stored part, if it belongs to this piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part_of(folder, piece.number)) as file:
            if (file.schema_arrow.metadata or {}).get(_KEY.encode()) != piece.key.encode():
                return None
            rows = file.read(columns=["error", "unfamiliar"])
    except (OSError, pa.ArrowException):  # none, or a damaged one
        return None
    failed = len(rows) - rows["error"].null_count
    return Tally(len(rows), failed, sum(bool(one) for one in rows["unfamiliar"].to_pylist()))


def _tally(result: Captioned) -> Tally:
    return Tally(1, int(result.caption is None), int(bool(result.caption and result.caption.unfamiliar)))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
    except OSError as error:
        reason = one_line(error.strerror or error)
        raise InputError(f"{folder}: cannot be used ({reason}): give another --output") from error


def _remove_unfinished(folder: Path) -> None:
    """Remove unfinished files of a run or worker that failed."""
    remove_unfinished(folder)


def _remove_from(folder: Path, number: int) -> None:
    """Remove parts from this number on, left by an earlier job with more pictures."""
    for path in folder.glob("part-*.parquet"):
        digits = path.stem.removeprefix("part-")
        if digits.isdecimal() and int(digits) >= number:
            path.unlink(missing_ok=True)
