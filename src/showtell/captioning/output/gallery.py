"""Captioned pictures -> thumbnails with their captions on a page, or drawn on the terminal."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from rich.console import Console

from showtell.captioning.attention import overlay
from showtell.captioning.captioner import Caption, Captioned
from showtell.captioning.output.html import LOOK, Entry, caption_page
from showtell.captioning.output.writers import said
from showtell.data.sources.base import RawPicture
from showtell.errors import InputError, PictureError
from showtell.files import write_bytes
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, square
from showtell.visualization.example import Example
from showtell.visualization.html import THUMBNAIL
from showtell.visualization.terminal import show_example


class Gallery:
    """What is captioned, as people look at it.

    Thumbnails are made of pictures as they pass by on their way to the captioner; captions come back in their order.

    Arguments:
        page: whether a page is going to be written, for which thumbnails and captions are kept.
        screen: whether each picture is drawn on the terminal with its captions under it.
        tags: how many names of what is seen the page shows of each picture, at most; None for all.
        preprocessing: the encoder's; the page shows attention over the square that the encoder sees.
    """

    def __init__(self, *, page: bool, screen: bool, preprocessing: Preprocessing, tags: int | None = None) -> None:
        self.page, self.screen = page, Console(highlight=False) if screen else None
        self._tags = tags
        self._square = replace(preprocessing, size=LOOK)
        self._thumbnails: deque[Image.Image | None] = deque()
        self._entries: list[Entry] = []

    def watch(self, pictures: Iterable[RawPicture]) -> Iterator[RawPicture]:
        """The same pictures, once more."""
        for picture in pictures:
            thumbnail = None
            with contextlib.suppress(PictureError):
                thumbnail = decode(picture.data, picture.decoding, least=2 * THUMBNAIL)
                thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
            self._thumbnails.append(thumbnail)
            yield picture

    def add(self, result: Captioned) -> None:
        """What became of the first picture that passed by and has not been added yet."""
        picture = self._thumbnails.popleft()
        if self.page:
            self._entries.append(_entry(result, picture, self._square, self._tags))
        if self.screen:
            found = result.caption
            captions = (found, *found.alternatives) if found else ()
            lines = tuple(said(one) for one in captions)
            show_example(self.screen, Example(result.name, lines, picture, error=result.error))

    def write(self, path: Path, model: str) -> None:
        """Write the page; `model` is the name of the model that wrote the captions."""
        page = caption_page(self._entries, title="Captioned pictures", footer=f"Captions by showtell, model {model}.")
        try:
            write_bytes(path, page.encode())
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def _entry(result: Captioned, picture: Image.Image | None, preprocessing: Preprocessing, tags: int | None) -> Entry:
    found = result.caption
    return Entry(
        name=result.name,
        caption=found.guess or found.text if found else "",
        words=tuple((word.word, word.probability) for word in found.words) if found else (),
        score=found.score if found else 0.0,
        alternatives=tuple(said(one) for one in found.alternatives) if found else (),
        picture=picture,
        error=result.error,
        looks=_looks(picture, found, preprocessing) if picture and found else (),
        confidence=found.confidence if found else None,
        unfamiliar=bool(found and found.unfamiliar),
        unsure=found.text if found and found.guess else "",
        tags=tuple((tag.name, tag.probability) for tag in found.tags[:tags]) if found else (),
    )


def _looks(picture: Image.Image, caption: Caption, preprocessing: Preprocessing) -> tuple[Image.Image, ...]:
    seen = Image.fromarray(square(picture, preprocessing))
    return tuple(overlay(seen, word.attention) for word in caption.words if word.attention is not None)
