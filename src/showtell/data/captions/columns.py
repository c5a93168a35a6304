"""The header of a table or record -> the columns of the picture's name, its caption and its split.

A column is found by the given name, without regard to case. If that is a default name, names that other programs write
are tried, too: `file_name` and `text` of Hugging Face, `image_name` and `comment` of Flickr30k.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PICTURE, CAPTION = "image", "caption"
OWN_PICTURE = "name"
"""The column of names in tables that Showtell writes."""
_PICTURES = (
    PICTURE,
    "file_name",
    "filename",
    "image_name",
    "image_path",
    "image_file",
    "filepath",
    "file",
    "path",
    "picture",
    "photo",
    "img",
    OWN_PICTURE,
    "image_id",
)
_CAPTIONS = (CAPTION, "captions", "text", "comment", "sentence", "description", "alt_text")


@dataclass(frozen=True, slots=True)
class FoundColumns:
    """The columns of one file, by their names in it; `note` names them if they differ from those given."""

    picture: str
    caption: str
    split: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns (CSV, TSV, Excel, Parquet) or keys (JSON) that hold the picture's name, its caption and its split."""

    picture: str = PICTURE
    caption: str = CAPTION
    split: str | None = None

    def find(self, have: Sequence[str]) -> FoundColumns | str:
        """The columns among `have`, or the name of one that is missing."""
        picture = _match(self.picture, have, _PICTURES)
        caption = _match(self.caption, have, _CAPTIONS)
        split = None if self.split is None else _match(self.split, have, ())
        for asked, found in ((self.picture, picture), (self.caption, caption), (self.split, split)):
            if asked is not None and found is None:
                return asked
        assert picture is not None
        assert caption is not None
        usual = picture in (self.picture, OWN_PICTURE) and caption == self.caption
        note = "" if usual else f"names are taken from {picture!r}, captions from {caption!r}"
        return FoundColumns(picture, caption, split, note)


def _match(asked: str, have: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column called `asked`, or by another of the `usual` names if `asked` is their first."""
    if asked in have:
        return asked
    by_folded = {name.casefold(): name for name in reversed(have)}
    for name in (asked, *(usual if asked == next(iter(usual), None) else ())):
        if name.casefold() in by_folded:
            return by_folded[name.casefold()]
    return None
