"""Which column or key of a table holds the picture's name, its caption and its split.

A column is found by the name that was asked for, without regard to case. Where the usual names are asked for, those
that other programs write do as well: `file_name` and `text` of Hugging Face, `image_name` and `comment` of Flickr30k.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PICTURE, CAPTION = "image", "caption"
OWN_PICTURE = "name"
"""What the tables are headed with that Showtell itself writes."""
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
    """The columns of one file by the names that they have there; `note` says which, where that was not asked for."""

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
        """The columns among `have`, or the name of one that is not there."""
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
    """The column that is called `asked`, or by another usual name where a usual one was asked for."""
    if asked in have:
        return asked
    by_folded = {name.casefold(): name for name in reversed(have)}
    for name in (asked, *(usual if asked == next(iter(usual), None) else ())):
        if name.casefold() in by_folded:
            return by_folded[name.casefold()]
    return None
