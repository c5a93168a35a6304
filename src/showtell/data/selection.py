"""Pictures, captions and a split -> the pictures to evaluate, their references, and what the model learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TypeAlias

from showtell.data.captions.caption_set import CaptionSet, align, read_captions
from showtell.data.sources.base import Pictures
from showtell.data.sources.picture_source import PictureSource, Source

AnyPictures: TypeAlias = Source | Pictures
Captions: TypeAlias = CaptionSet | str | PathLike[str]

TRAINING_SPLITS = ("train", "restval")
"""Splits whose captions are taken for those that a model learnt from, where no others are named."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The pictures, and by name the references of those to evaluate and the captions that the model learnt from."""

    source: Pictures
    references: dict[str, tuple[str, ...]]
    learnt: dict[str, tuple[str, ...]]


def select(pictures: AnyPictures, captions: Captions, split: str | None, training: Captions | None) -> Selection:
    """Find the pictures of `split` and their references; see `showtell.evaluation.evaluate` for the arguments.

    Raises:
        InputError: a file is wrong, or no picture has captions.
    """
    source = source_of(pictures)
    known = _read(captions)
    references = align(source.names(), known.only(split) if split else known).captions
    if training is not None:
        return Selection(source, references, _read(training).captions)
    learnt = {name for name, of in known.splits.items() if of in TRAINING_SPLITS and of != split}
    return Selection(source, references, {name: known.captions[name] for name in known.captions if name in learnt})


def source_of(pictures: AnyPictures) -> Pictures:
    """Pictures as they are read: of a folder, an archive, files or a list of these, or of anything that reads them."""
    return PictureSource(pictures) if isinstance(pictures, (str, PathLike, Sequence)) else pictures


def _read(captions: Captions) -> CaptionSet:
    return captions if isinstance(captions, CaptionSet) else read_captions(captions)
