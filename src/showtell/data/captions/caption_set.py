"""A caption file -> name of picture -> its captions; and which captions belong to which pictures.

`read_captions` reads COCO JSON, Karpathy JSON, Flickr token files, CSV, TSV and JSON lines, plain or inside a zip (see
`caption_formats`). `align` matches the names they use to the names that pictures have.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path, PurePosixPath

from showtell.data.captions.formats import FORMATS, Columns, Row, lines, read_rows
from showtell.data.captions.text_file import read_text
from showtell.errors import InputError
from showtell.images.decode import SUFFIXES

__all__ = ["FORMATS", "Alignment", "CaptionSet", "align", "read_captions"]


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """The captions of a file.

    `captions` has them by picture name, names and captions in file order; `splits` has the name of each picture's
    split and is empty where there are none (it may name pictures that have no captions); `path` is the file; `blank`
    counts captions that held no text and were dropped. `ids` has the other ways in which the file names its pictures:
    COCO's `image_id`, Karpathy's `cocoid` and `imgid`, each from an id, as text, to the name.
    """

    captions: dict[str, tuple[str, ...]]
    splits: dict[str, str]
    path: str
    blank: int = 0
    ids: dict[str, dict[str, str]] = field(default_factory=dict, compare=False, repr=False)

    def only(self, *splits: str) -> "CaptionSet":
        """The captions of the pictures in these splits (Karpathy's `restval` is one of its own).

        Raises:
            InputError: there is no split of that name.
        """
        have = sorted(set(self.splits.values()))
        for split in splits:
            if not have:
                raise InputError(
                    f"{self.path}: has no splits: give lists of names for them, or the column that has them"
                )
            if split not in have:
                raise InputError(f"{self.path}: has no split {split!r}: its splits are {', '.join(have)}")
        chosen = {name: split for name, split in self.splits.items() if split in splits}
        captions = {name: texts for name, texts in self.captions.items() if name in chosen}
        return replace(self, captions=captions, splits=chosen)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which pictures have which captions.

    `names` are the pictures that have captions, in picture order; `captions` and `splits` go by picture name;
    `without_captions` are the other pictures; `without_pictures` are names that the caption file alone has.
    """

    names: tuple[str, ...]
    captions: dict[str, tuple[str, ...]]
    splits: dict[str, str]
    without_captions: tuple[str, ...]
    without_pictures: tuple[str, ...]

    def summary(self) -> str:
        """One line for people; what there is none of is left out."""
        parts = [f"{_count(len(self.names), 'picture')} with captions"]
        if self.without_captions:
            parts.append(f"{_count(len(self.without_captions), 'picture')} without captions")
        if self.without_pictures:
            parts.append(f"{_count(len(self.without_pictures), 'captioned name')} without a picture")
        return "; ".join(parts)


def read_captions(
    path: str | PathLike[str],
    *,
    format: str = "auto",
    member: str | None = None,
    split_lists: Mapping[str, str | PathLike[str]] | None = None,
    picture_column: str = "image",
    caption_column: str = "caption",
    split_column: str | None = None,
) -> CaptionSet:
    """Read a caption file.

    Arguments:
        path: the file, or a zip that holds it, or a path that leads into a zip: `annotations.zip/captions_val.json`.
        format: one of `FORMATS`, or `auto` to tell it from the content.
        member: which file of a zip, by path, file name or stem; needed where several look like caption files.
        split_lists: for each split a text file with one picture name on each line (Flickr30k's lack the suffix); it
            may lie in a zip, too.
        picture_column, caption_column, split_column: columns of a CSV or TSV, keys of JSON lines, where a caption
            may be a list of them.

    Raises:
        InputError: the file is missing, malformed, in no known format or without captions; the message names the line
            or record.
    """
    text, where = read_text(Path(path), member)
    columns = Columns(picture_column, caption_column, split_column)
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    ids: dict[str, dict[str, str]] = {}
    blank = 0
    for row in read_rows(text, where, format, columns):
        name = _name(row.name)
        if not name:
            raise InputError(f"{row.where}: the picture's name is empty")
        _check_text(row)
        kept = [caption.strip() for caption in row.captions if caption.strip()]
        blank += len(row.captions) - len(kept)
        if kept:
            captions.setdefault(name, []).extend(kept)
        for kind, value in row.ids:
            ids.setdefault(kind, {})[value] = name
        if row.split:
            _set_split(splits, name, row.split, row.where)
    if not captions:
        raise InputError(f"{where}: holds no captions")
    for split, list_path in (split_lists or {}).items():
        _read_split_list(Path(list_path), split, captions, splits)
    return CaptionSet({name: tuple(texts) for name, texts in captions.items()}, splits, where, blank, ids)


def align(names: Sequence[str], captions: CaptionSet) -> Alignment:
    """Match captions to pictures: by full name, and where that fails by file name without folders.

    Arguments:
        names: the pictures' names, such as `PictureSource.names` gives.
        captions: the captions.

    Raises:
        InputError: no name matches; or a file name that decides is shared by two pictures or two captioned names.
    """
    pictures = set(names)
    by_base: dict[str, list[str]] = {}
    for name in names:
        by_base.setdefault(_base(name), []).append(name)
    owner: dict[str, str] = {}  # picture -> the name that the caption file has for it
    without_pictures = []
    # Full names first, so that a picture's own captions win over those of a namesake.
    for key in sorted(captions.captions, key=lambda key: key not in pictures):
        found = [key] if key in pictures else by_base.get(_base(key), [])
        if not found:
            without_pictures.append(key)
            continue
        if len(found) > 1:
            raise InputError(
                f"{captions.path}: {key!r} may be the picture {found[0]!r} or {found[1]!r}: "
                "write the name with its folder, as the pictures have it"
            )
        if found[0] in owner:
            raise InputError(
                f"{captions.path}: {owner[found[0]]!r} and {key!r} both match the one picture {found[0]!r}: "
                "give all the pictures, or correct the names"
            )
        owner[found[0]] = key
    if not owner:
        raise _no_match(names, captions)
    matched = tuple(name for name in names if name in owner)
    return Alignment(
        names=matched,
        captions={name: captions.captions[owner[name]] for name in matched},
        splits={name: captions.splits[owner[name]] for name in matched if owner[name] in captions.splits},
        without_captions=tuple(name for name in names if name not in owner),
        without_pictures=tuple(without_pictures),
    )


def _no_match(names: Sequence[str], captions: CaptionSet) -> InputError:
    if not names or not captions.captions:
        return InputError(
            f"{captions.path}: nothing to match: {len(names)} pictures, {len(captions.captions)} captioned"
        )
    return InputError(
        f"{captions.path}: its names match no picture: it has {next(iter(captions.captions))!r}, "
        f"the pictures have {names[0]!r}: check that both are of one data set"
    )


def _name(written: str) -> str:
    return written.strip().replace("\\", "/").removeprefix("./")  # tables made on Windows have backslashes


def _check_text(row: Row) -> None:
    try:
        "".join((row.name, *row.captions)).encode()
    except UnicodeEncodeError as error:  # JSON's "\ud83d" alone; it could be read, but never written again
        raise InputError(f"{row.where}: half of a character (a lone surrogate): correct the escape") from error


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _read_split_list(path: Path, split: str, captions: Mapping[str, object], splits: dict[str, str]) -> None:
    by_stem = {posixpath.splitext(name)[0]: name for name in captions}
    for number, line in lines(read_text(path)[0]):
        name = _name(line)
        if name not in captions and PurePosixPath(name).suffix.lower() not in SUFFIXES:
            name = by_stem.get(name, name)  # Flickr30k lists the names without .jpg
        _set_split(splits, name, split, f"{path}, line {number}")


def _set_split(splits: dict[str, str], name: str, split: str, where: str) -> None:
    if splits.setdefault(name, split) != split:
        raise InputError(f"{where}: {name!r} is in split {split!r} here and in {splits[name]!r} elsewhere")
