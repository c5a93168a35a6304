"""Pictures, captions and a split -> the pictures to evaluate, their references, and the training captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TypeAlias

from showtell.data.captions.caption_set import Alignment, CaptionSet, align, read_captions
from showtell.data.sources.base import Pictures
from showtell.data.sources.picture_source import PictureSource, Source
from showtell.errors import InputError

AnyPictures: TypeAlias = Source | Pictures
Captions: TypeAlias = CaptionSet | str | PathLike[str]

TRAINING_SPLITS = ("train", "restval")
"""Splits whose captions count as training captions unless others are named."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The pictures and, by name, the `references` of those to evaluate and the training captions (`training_captions`).

    `without_pictures` are names that have captions but no picture. `notes` are sentences on how names were matched.
    """

    source: Pictures
    references: dict[str, tuple[str, ...]]
    training_captions: dict[str, tuple[str, ...]]
    without_pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def select(
    pictures: AnyPictures,
    captions: Captions,
    split: str | None,
    training: Captions | None,
    *,
    partial: bool = False,
) -> Selection:
    """Find the pictures of `split` and their references; see `showtell.evaluation.evaluate` for the arguments.

    Raises:
        InputError: a file is wrong, no picture has captions, or, unless `partial`, some captions have no picture.
    """
    source = source_of(pictures)
    known = _read(captions)
    aligned = align(source.names(), known.only(split) if split else known)
    if aligned.without_pictures and not partial:
        raise _fewer(known.path, aligned)
    if training is not None:
        training_captions = _read(training).captions
    else:
        names = {name for name, of in known.splits.items() if of in TRAINING_SPLITS and of != split}
        training_captions = {name: known.captions[name] for name in known.captions if name in names}
    return Selection(source, aligned.captions, training_captions, aligned.without_pictures, aligned.notes)


def _fewer(path: str, aligned: Alignment) -> InputError:
    missing, total = aligned.without_pictures, len(aligned.names) + len(aligned.without_pictures)
    return InputError(
        f"{path}: {len(missing):,} of {total:,} captioned pictures are not among the pictures, such as "
        f"{missing[0]!r}: give all the pictures, or leave these out with --partial (partial=True)"
    )


def source_of(pictures: AnyPictures) -> Pictures:
    """A readable source of pictures, from a folder, an archive, files, a list of these, or a source itself."""
    return PictureSource(pictures) if isinstance(pictures, (str, PathLike, Sequence)) else pictures


def _read(captions: Captions) -> CaptionSet:
    return captions if isinstance(captions, CaptionSet) else read_captions(captions)
