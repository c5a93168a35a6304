"""Thumbnails of a stream's pictures, for showing them beside their captions on a page or in the terminal."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from showtell.captioning.caption import Captioned
from showtell.captioning.output.row import in_words
from showtell.data.sources.base import RawPicture
from showtell.errors import PictureError
from showtell.images.decode import decode
from showtell.visualization.example import Example
from showtell.visualization.html import THUMBNAIL
from showtell.visualization.terminal import show_example

if TYPE_CHECKING:
    from rich.console import Console


def with_thumbnails(pictures: Iterable[RawPicture]) -> Iterator[RawPicture]:
    """The same pictures, each with a thumbnail as its `source` if it can be read."""
    for picture in pictures:
        thumbnail = None
        with contextlib.suppress(PictureError):
            thumbnail = decode(picture.data, picture.decoding, least=2 * THUMBNAIL)
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
        yield replace(picture, source=thumbnail)


def show_result(console: "Console", result: Captioned) -> None:
    """Draw a result's picture, its `source`, on the terminal, with its captions below."""
    lines = tuple(in_words(one) for one in result.caption.n_best) if result.caption else ()
    picture = result.source if isinstance(result.source, Image.Image) else None
    show_example(console, Example(result.name, lines, picture, error=result.error))
