"""The pictures and captions that a recipe names -> aligned, with their splits."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from showtell.data.captions.caption_set import Alignment, CaptionSet, align, read_captions
from showtell.data.sources.picture_source import PictureSource
from showtell.data.synthetic.base import Drawn
from showtell.data.synthetic.relations import ShapesRelations
from showtell.data.synthetic.shapes import Shapes
from showtell.errors import InputError

DRAWN: Mapping[str, Callable[[], Drawn[Any]]] = {"shapes": Shapes, "shapes-relations": ShapesRelations}
"""The built-in data sets by name."""

Source: TypeAlias = PictureSource | Drawn[Any]


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Which pictures and captions. Paths are relative to the current folder, or to the root given to the command.

    `captions` may be a file inside a zip, as `annotations.zip/captions_train2014.json`. `validation_captions` is a file
    of its own for the validation pictures; then `captions` are all for training.
    `pictures = ["shapes"]` draws a built-in data set; then `captions` and what describes them are ignored. Where the
    captions carry no splits, `validation_fraction` of the pictures, chosen by a hash of their names, validate. `limit`
    keeps so many pictures of each split (0: all).
    """

    pictures: tuple[str, ...] = ()
    captions: str = ""
    validation_captions: str = ""
    format: str = "auto"
    picture_column: str = "image"
    caption_column: str = "caption"
    split_column: str = ""
    split_lists: dict[str, str] = field(default_factory=dict)
    train: tuple[str, ...] = ("train",)
    validation: tuple[str, ...] = ("val",)
    validation_fraction: float = 0.1
    limit: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.validation_fraction < 1:
            raise InputError(f"validation_fraction must lie in (0, 1), not {self.validation_fraction:g}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DataOptions":
        """The options that a bundle or a run wrote down as JSON."""
        fields: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Examples:
    """Pictures with captions: where the bytes come from, captions by picture name, and the names of each split.

    `alignment` is what was matched, in other splits too; `blank` counts captions that held no text and were dropped.
    """

    source: Source
    captions: dict[str, tuple[str, ...]]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    summary: str
    alignment: Alignment
    blank: int

    def of(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The captions of `names`, in that order."""
        return {name: self.captions[name] for name in names}

    def counts(self) -> dict[str, int]:
        """Pictures of each split, and captions of the training split."""
        captions = sum(len(self.captions[name]) for name in self.train)
        return {"train": len(self.train), "validation": len(self.validation), "captions": captions}


def open_data(options: DataOptions, root: Path) -> tuple[Source, CaptionSet | None]:
    """The pictures and the captions that `options` names, not aligned yet; None where it names no captions.

    Raises:
        InputError: no pictures are named, or a file is missing or malformed.
    """
    if len(options.pictures) == 1 and options.pictures[0] in DRAWN:
        drawn = DRAWN[options.pictures[0]]()
        return drawn, drawn.captions()
    if not options.pictures:
        raise InputError("name the pictures and their captions, or the built-in data set: --data shapes")
    source = PictureSource([root / path for path in options.pictures])
    return source, _read(options, root) if options.captions else None


def load_examples(options: DataOptions, root: Path) -> Examples:
    """Find, read, align and split what `options` names; relative paths are taken from `root`.

    Raises:
        InputError: nothing is named, a file is missing or malformed, or a split is unknown or empty.
    """
    source, captions = open_data(options, root)
    if captions is None:
        raise InputError("name the captions to train on, too")
    aligned = align(source.names(), captions)
    if aligned.splits:
        captions.only(*options.train, *options.validation)  # says which splits there are when one is misspelt
    train, validation = _split(aligned, options)
    if options.limit:
        train, validation = train[: options.limit], validation[: options.limit]
    for split, names in (("training", train), ("validation", validation)):
        if not names:
            raise InputError(f"{captions.path}: no picture is left in the {split} split; {aligned.summary()}")
    summary = f"{aligned.summary()}; {len(train)} to train on, {len(validation)} to validate"
    return Examples(source, aligned.captions, train, validation, summary, aligned, captions.blank)


def _read(options: DataOptions, root: Path) -> CaptionSet:
    if not options.validation_captions:
        return _read_file(root / options.captions, options, root)
    train = _read_file(root / options.captions, options, root)
    validation = _read_file(root / options.validation_captions, options, root)
    if both := sorted(set(train.captions) & set(validation.captions)):
        raise InputError(f"{both[0]} has captions to train on ({train.path}) and to validate ({validation.path})")
    splits = dict.fromkeys(train.captions, options.train[0]) | dict.fromkeys(validation.captions, options.validation[0])
    blank = train.blank + validation.blank
    return CaptionSet({**train.captions, **validation.captions}, splits, train.path, blank)


def _read_file(path: Path, options: DataOptions, root: Path) -> CaptionSet:
    return read_captions(
        path,
        format=options.format,
        split_lists={split: root / listed for split, listed in options.split_lists.items()},
        picture_column=options.picture_column,
        caption_column=options.caption_column,
        split_column=options.split_column or None,
    )


def _split(aligned: Alignment, options: DataOptions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if aligned.splits:
        of = aligned.splits
        return (
            tuple(name for name in aligned.names if of.get(name) in options.train),
            tuple(name for name in aligned.names if of.get(name) in options.validation),
        )
    ranked = sorted(aligned.names, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(ranked[: max(1, round(options.validation_fraction * len(ranked)))])
    return (
        tuple(name for name in aligned.names if name not in held_out),
        tuple(name for name in aligned.names if name in held_out),
    )
