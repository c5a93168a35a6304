"""Token files of Flickr8k and Flickr30k, `name#k<TAB>caption` -> rows."""

import re
from collections.abc import Iterator

from showtell.data.captions.columns import Columns
from showtell.data.captions.json_values import lines
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError

_LINE = re.compile(r"(.+)#\d+\t(.*)")


def _detect(file: CaptionFile, columns: Columns) -> bool:
    return file.is_text and _LINE.fullmatch(file.first_line) is not None


@caption_format(
    "flickr",
    title="Flickr (name#k<TAB>caption)",
    help="Flickr8k's and Flickr30k's token files: a line `name#k`, a tab, the caption",
    detect=_detect,
    order=40,
)
def read_flickr(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each line."""
    for number, line in lines(file.text):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{file.where}, line {number}: not of the form name#k<TAB>caption")
        yield CaptionRow(match[1], (match[2],), "", f"{file.where}, line {number}")
