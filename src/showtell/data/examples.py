"""The pictures and captions that a recipe names -> `Examples`: captions aligned with pictures, in splits."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from showtell.config import fill
from showtell.data.captions.caption_set import Alignment, CaptionSet, align, read_captions
from showtell.data.sources.base import ReadOptions, remarks_of
from showtell.data.sources.picture_source import PictureSource
from showtell.data.synthetic.base import Drawn
from showtell.data.synthetic.relations import ShapesRelations
from showtell.data.synthetic.shapes import Shapes
from showtell.errors import InputError
from showtell.images.decode import MAX_PIXELS, DecodeOptions

DRAWN: Mapping[str, Callable[[], Drawn[Any]]] = {"shapes": Shapes, "shapes-relations": ShapesRelations}
"""The built-in data sets by name."""

Source: TypeAlias = PictureSource | Drawn[Any]


@dataclass(frozen=True, slots=True)
class DataOptions:
    """The pictures and captions of a data set. Paths are relative to the current folder or the command's root.

    `captions` may be a file inside a zip, as `annotations.zip/captions_train2014.json`. `validation_captions` is a file
    of its own for the validation pictures; then `captions` are all for training.

    A recipe may have several data sets. Each then has a `name`, under which its scores are reported. `weight` is how
    often an epoch uses each of its training pictures, 0.5 for half of them. `captions_per_picture` is the number of
    captions drawn of each, some twice if a picture has fewer (0: all of them). `validation_weight` is the weight of its
    scores in the mean by which the best epoch is chosen.

    `pictures = ["shapes"]` draws a built-in data set; `captions` and the keys that describe them are then ignored. If
    the captions have no splits, `validation_fraction` of the pictures, chosen by a hash of their names, are for
    validation. `limit` is the number of pictures to use of each split (0: all). `exclude` has patterns of pictures and
    folders to skip, `zip_encoding` is the encoding of names in zips that do not declare it, `max_pixels` limits the
    size of a picture, and `lenient` decodes the complete part of truncated files.
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
    name: str = ""
    weight: float = 1.0
    captions_per_picture: int = 0
    validation_weight: float = 1.0
    exclude: tuple[str, ...] = ()
    zip_encoding: str = ""
    max_pixels: int = MAX_PIXELS
    lenient: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.validation_fraction <= 1:
            raise InputError(f"validation_fraction must lie in [0, 1], not {self.validation_fraction:g}")
        if self.weight < 0 or self.validation_weight < 0 or self.captions_per_picture < 0:
            raise InputError("weight, validation_weight and captions_per_picture must be at least 0")

    @property
    def reading(self) -> ReadOptions:
        """Which pictures are read, and how."""
        return ReadOptions(self.exclude, self.zip_encoding or None, DecodeOptions(self.max_pixels, self.lenient))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DataOptions":
        """The options that a bundle or a run stores as JSON."""
        fields: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**fields)


def data_options(values: Mapping[str, Any]) -> tuple[DataOptions, ...]:
    """The data sets of a recipe's tables: that of `[data]`, or those of every `[[data]]`.

    Raises:
        InputError: they are not tables, or one has an unknown key or a wrong value.
    """
    given = values.get("data", {})
    tables = given if isinstance(given, list) else [given]
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError("data must be a table, [data], or several, [[data]]")
    return tuple(fill("data", DataOptions, table) for table in tables)


def data_from_json(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[DataOptions, ...]:
    """The data sets, one or several, that a bundle or a run stores as JSON."""
    return tuple(DataOptions.from_json(one) for one in ([value] if isinstance(value, Mapping) else value))


@dataclass(frozen=True, slots=True)
class Group:
    """The pictures of one data set of several, by split, and how they are sampled; see `DataOptions`."""

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    weight: float = 1.0
    captions_per_picture: int = 0
    validation_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Pictures with captions: where the bytes come from, captions by picture name, and the names of each split.

    `alignment` has all matches, those of other splits included. `blank` counts captions that were null or had no text
    and were left out. `groups` are the data sets. `notes` are sentences on anything unusual in how caption files were
    read and their names matched.
    """

    source: Source
    captions: dict[str, tuple[str, ...]]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    summary: str
    alignment: Alignment
    blank: int
    groups: tuple[Group, ...]
    notes: tuple[str, ...] = ()

    def of(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The captions of `names`, in that order."""
        return {name: self.captions[name] for name in names}

    def counts(self) -> dict[str, int]:
        """Pictures of each split, and captions of the training split."""
        captions = sum(len(self.captions[name]) for name in self.train)
        return {"train": len(self.train), "validation": len(self.validation), "captions": captions}


def open_data(options: DataOptions, root: Path) -> tuple[Source, CaptionSet | None]:
    """The pictures and the captions that `options` names, not aligned yet; None if it names no captions.

    Raises:
        InputError: no pictures are named, or a file is missing or malformed.
    """
    if len(options.pictures) == 1 and options.pictures[0] in DRAWN:
        drawn = DRAWN[options.pictures[0]]()
        return drawn, drawn.captions()
    if not options.pictures:
        raise InputError("name the pictures and their captions, or the built-in data set: --data shapes")
    source = PictureSource([root / path for path in options.pictures], options=options.reading)
    return source, _read(options, root) if options.captions else None


def open_all(sets: Sequence[DataOptions], root: Path) -> tuple[Source, Alignment | None]:
    """The pictures of all data sets with their captions, in all splits; None if no captions are named."""
    if len(sets) == 1:
        source, captions = open_data(sets[0], root)
        return source, align(source.names(), captions) if captions else None
    examples = load_examples(sets, root)
    return examples.source, examples.alignment


def load_examples(options: DataOptions | Sequence[DataOptions], root: Path) -> Examples:
    """Find, read, align and split what `options` names; relative paths are taken from `root`.

    Raises:
        InputError: nothing is named, a file is missing or malformed, or a split is unknown or empty.
    """
    sets = (options,) if isinstance(options, DataOptions) else tuple(options)
    if len(sets) != 1:
        return _joined(sets, root)
    (only,) = sets
    source, captions = open_data(only, root)
    found = _examples(only, source, captions)
    for split, names in (("training", found.train), ("validation", found.validation)):
        if not names:
            raise InputError(f"{found.path}: no picture is left in the {split} split; {found.alignment.summary()}")
    summary = f"{found.alignment.summary()}; {len(found.train)} to train on, {len(found.validation)} to validate"
    summary = "; ".join([summary, *found.notes])
    return Examples(
        source,
        found.alignment.captions,
        found.train,
        found.validation,
        summary,
        found.alignment,
        found.blank,
        (found.group(only),),
        (*found.notes, *found.alignment.notes),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """One data set: its matches, its splits, its caption file, the number of blank captions, and notes on reading."""

    alignment: Alignment
    train: tuple[str, ...]
    validation: tuple[str, ...]
    path: str
    blank: int
    notes: tuple[str, ...]

    def group(self, options: DataOptions) -> Group:
        train = self.train if options.weight else ()
        met = options.weight, options.captions_per_picture, options.validation_weight
        return Group(options.name, train, self.validation if options.validation_weight else (), *met)


def _examples(options: DataOptions, source: Source, captions: CaptionSet | None) -> _Found:
    if captions is None:
        raise InputError("also name the captions to train on")
    try:
        aligned = align(source.names(), captions)
    except InputError as error:
        raise InputError("; ".join([str(error), *remarks_of(source).lines()])) from error
    if aligned.splits:
        captions.only(*options.train, *options.validation)  # raises an error that lists the splits if one is misspelt
    train, validation = _split(aligned, options)
    if options.limit:
        train, validation = train[: options.limit], validation[: options.limit]
    return _Found(aligned, train, validation, captions.path, captions.blank, captions.notes)


def _joined(sets: Sequence[DataOptions], root: Path) -> Examples:
    """Several data sets as one."""
    names = [options.name for options in sets]
    if not sets or not all(names) or len(set(names)) < len(names):
        raise InputError("several data sets need different names: give each [[data]] a name")
    if drawn := [options.name for options in sets if set(options.pictures) & DRAWN.keys()]:
        raise InputError(f"{drawn[0]}: a built-in data set cannot be combined: leave it out of [[data]]")
    found = [_examples(options, *open_data(options, root)) for options in sets]
    owner: dict[str, str] = {}
    for options, one in zip(sets, found, strict=True):
        for name in one.alignment.names:
            if owner.setdefault(name, options.name) != options.name:
                raise InputError(f"{owner[name]} and {options.name} both have captions of {name!r}: leave out one")
    groups = tuple(one.group(options) for options, one in zip(sets, found, strict=True))
    train = tuple(name for group in groups for name in group.train)
    validation = tuple(name for group in groups for name in group.validation)
    if not train or not validation:
        raise InputError("no picture is left to train on, or none to validate on, in any of the data sets")
    if any(options.reading != sets[0].reading for options in sets):
        raise InputError(
            "all data sets are read in the same way: give each [[data]] the same exclude, zip_encoding, ..."
        )
    paths = [root / path for options in sets for path in options.pictures]
    source = PictureSource(paths, options=sets[0].reading)
    parts = [
        f"{group.name}: {len(group.train):,} to train on, {len(group.validation):,} to validate" for group in groups
    ]
    alignment = Alignment(
        names=tuple(name for one in found for name in one.alignment.names),
        captions={name: texts for one in found for name, texts in one.alignment.captions.items()},
        splits={name: split for one in found for name, split in one.alignment.splits.items()},
        without_captions=tuple(name for name in source.names() if name not in owner),
        without_pictures=tuple(name for one in found for name in one.alignment.without_pictures),
    )
    blank = sum(one.blank for one in found)
    notes = tuple(
        f"{options.name}: {note}"
        for options, one in zip(sets, found, strict=True)
        for note in (*one.notes, *one.alignment.notes)
    )
    summary = "; ".join([*parts, *notes])
    return Examples(source, alignment.captions, train, validation, summary, alignment, blank, groups, notes)


def _read(options: DataOptions, root: Path) -> CaptionSet:
    if not options.validation_captions:
        return _read_file(root / options.captions, options, root)
    train = _read_file(root / options.captions, options, root)
    validation = _read_file(root / options.validation_captions, options, root)
    if both := sorted(set(train.captions) & set(validation.captions)):
        raise InputError(f"{both[0]} has captions to train on ({train.path}) and to validate ({validation.path})")
    splits = dict.fromkeys(train.captions, options.train[0]) | dict.fromkeys(validation.captions, options.validation[0])
    blank = train.blank + validation.blank
    notes = tuple(dict.fromkeys((*train.notes, *validation.notes)))
    return CaptionSet({**train.captions, **validation.captions}, splits, train.path, blank, notes=notes)


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
    least = 1 if options.validation_fraction else 0
    held_out = set(ranked[: max(least, round(options.validation_fraction * len(ranked)))])
    return (
        tuple(name for name in aligned.names if name not in held_out),
        tuple(name for name in aligned.names if name in held_out),
    )
