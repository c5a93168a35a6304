"""A caption file -> name of picture -> its captions; and which captions belong to which pictures.

`read_captions` reads every format of `showtell.data.captions.registry`, plain or inside a zip. `align` matches the
names that the file uses to the names that pictures have.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path, PurePosixPath

from showtell.data.captions.columns import CAPTION, PICTURE, Columns
from showtell.data.captions.json_values import lines
from showtell.data.captions.names import EXACT, NameIndex, inexact_notes
from showtell.data.captions.registry import CaptionRow, read_rows
from showtell.data.captions.text_file import open_captions, read_text
from showtell.errors import InputError
from showtell.images.decode import SUFFIXES

__all__ = ["Alignment", "CaptionSet", "align", "read_captions"]


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """The captions of a file.

    `captions` has them by picture name, names and captions in file order. `splits` has each picture's split; it is
    empty if the file has none, and may name pictures without captions. `path` is the file. `blank` counts captions that
    were null or had no text and were left out. `ids` maps the file's other ids of pictures (COCO's `image_id`,
    Karpathy's `cocoid` and `imgid`), as text, to names. `notes` are sentences on anything unusual in how the file was
    read.
    """

    captions: dict[str, tuple[str, ...]]
    splits: dict[str, str]
    path: str
    blank: int = 0
    ids: dict[str, dict[str, str]] = field(default_factory=dict, compare=False, repr=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def only(self, *splits: str) -> "CaptionSet":
        """The captions of the pictures in these splits (Karpathy's `restval` is a split of its own).

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

    `names` are the pictures that have captions, in picture order. `captions` and `splits` are by picture name.
    `without_captions` are the other pictures, `without_pictures` the names that only the caption file has. `notes`
    count names that match only in another Unicode form or in another case.
    """

    names: tuple[str, ...]
    captions: dict[str, tuple[str, ...]]
    splits: dict[str, str]
    without_captions: tuple[str, ...]
    without_pictures: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for people, without counts of zero."""
        parts = [f"{_count(len(self.names), 'picture')} with captions"]
        if self.without_captions:
            parts.append(f"{_count(len(self.without_captions), 'picture')} without captions")
        if self.without_pictures:
            parts.append(f"{_count(len(self.without_pictures), 'captioned name')} without a picture")
        return "; ".join([*parts, *self.notes])


def read_captions(
    path: str | PathLike[str],
    *,
    format: str = "auto",
    member: str | None = None,
    split_lists: Mapping[str, str | PathLike[str]] | None = None,
    picture_column: str = PICTURE,
    caption_column: str = CAPTION,
    split_column: str | None = None,
) -> CaptionSet:
    """Read a caption file.

    Arguments:
        path: the file, or a zip that holds it, or a path that leads into a zip: `annotations.zip/captions_val.json`; or
            a folder or archive of pictures with texts beside them.
        format: the name of a registered format, or `auto` to detect it from the content.
        member: which file of a zip, by path, file name or stem; needed where several look like caption files.
        split_lists: for each split a text file with one picture name on each line (Flickr30k's lack the suffix). The
            file may be in a zip, too.
        picture_column, caption_column, split_column: columns of a table or keys of JSON records, in which a caption may
            be a list of captions. If the first two are missing, other usual names are tried.

    Raises:
        InputError: the file is missing, malformed, in no known format or without captions; the message names the line
            or record.
    """
    file = open_captions(Path(path), member)
    columns = Columns(picture_column, caption_column, split_column)
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    ids: dict[str, dict[str, str]] = {}
    blank = 0
    for row in read_rows(file, format, columns):
        name = _name(row.name)
        if not name:
            raise InputError(f"{row.where}: the picture's name is empty")
        _check_text(row)
        kept = [caption.strip() for caption in row.captions if caption and caption.strip()]
        blank += len(row.captions) - len(kept)
        if kept:
            captions.setdefault(name, []).extend(kept)
        for kind, value in row.ids:
            ids.setdefault(kind, {})[value] = name
        if row.split:
            _set_split(splits, name, row.split, row.where)
    if not captions:
        raise InputError(f"{file.where}: has no captions")
    for split, list_path in (split_lists or {}).items():
        _read_split_list(Path(list_path), split, captions, splits)
    gathered = {name: tuple(texts) for name, texts in captions.items()}
    return CaptionSet(gathered, splits, file.where, blank, ids, tuple(file.notes))


def align(names: Sequence[str], captions: CaptionSet) -> Alignment:
    """Match captions to pictures: by full name, or else by file name without folders.

    Exact matches are made first. The remaining names may match in another Unicode form, as names in a zip from a Mac
    do, and then without regard to case. `Alignment.notes` counts such names.

    Arguments:
        names: the pictures' names, such as those of `PictureSource.names`.
        captions: the captions.

    Raises:
        InputError: no name matches, or a match by file name is ambiguous.
    """
    index = NameIndex(names)
    owner: dict[str, str] = {}  # picture -> the name that the caption file has for it
    without_pictures = []
    inexact: list[tuple[str, str]] = []
    # Full names first, so that a picture's own captions win over those of a namesake.
    found = sorted(((index.find(key), key) for key in captions.captions), key=lambda one: one[0].tier)
    for match, key in found:
        pictures = match.names if match.tier <= EXACT else [name for name in match.names if name not in owner]
        if not pictures:
            without_pictures.append(key)
            continue
        if len(pictures) > 1:
            raise InputError(
                f"{captions.path}: {key!r} may be the picture {pictures[0]!r} or {pictures[1]!r}: "
                "write the name with its folder, as the pictures have it"
            )
        if pictures[0] in owner:
            raise InputError(
                f"{captions.path}: {owner[pictures[0]]!r} and {key!r} both match the one picture {pictures[0]!r}: "
                "give all the pictures, or correct the names"
            )
        owner[pictures[0]] = key
        if match.how:
            inexact.append((match.how, key))
    if not owner:
        raise _no_match(names, captions)
    matched = tuple(name for name in names if name in owner)
    return Alignment(
        names=matched,
        captions={name: captions.captions[owner[name]] for name in matched},
        splits={name: captions.splits[owner[name]] for name in matched if owner[name] in captions.splits},
        without_captions=tuple(name for name in names if name not in owner),
        without_pictures=tuple(without_pictures),
        notes=inexact_notes(inexact),
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


def _check_text(row: CaptionRow) -> None:
    try:
        "".join((row.name, *(caption or "" for caption in row.captions))).encode()
    except UnicodeEncodeError as error:  # JSON's "\ud83d" alone can be read but not written again
        raise InputError(f"{row.where}: half of a character (a lone surrogate): correct the escape") from error


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
