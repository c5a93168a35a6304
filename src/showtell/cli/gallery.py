"""Captioned pictures -> thumbnails with their captions on a page."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from showtell.captioner import Captioned
from showtell.data.images import RawPicture
from showtell.errors import InputError, PictureError
from showtell.files import write_bytes
from showtell.image import decode
from showtell.report.html import THUMBNAIL
from showtell.report.page import Entry, caption_page


class Gallery:
    """Thumbnails of what is captioned; they pass by on their way to the captioner, and captions come in their order."""

    def __init__(self) -> None:
        self._thumbnails: deque[Image.Image | None] = deque()
        self._entries: list[Entry] = []

    def watch(self, pictures: Iterable[RawPicture]) -> Iterator[RawPicture]:
        """The same pictures, once more."""
        for picture in pictures:
            thumbnail = None
            with contextlib.suppress(PictureError):
                thumbnail = decode(picture.data)
                thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
            self._thumbnails.append(thumbnail)
            yield picture

    def add(self, result: Captioned) -> None:
        """What became of the first picture that passed by and has not been added yet."""
        found = result.caption
        self._entries.append(
            Entry(
                name=result.name,
                caption=found.text if found else "",
                words=tuple((word.word, word.probability) for word in found.words) if found else (),
                score=found.score if found else 0.0,
                alternatives=tuple(one.text for one in found.alternatives) if found else (),
                picture=self._thumbnails.popleft(),
                error=result.error,
            )
        )

    def write(self, path: Path, model: str) -> None:
        """Write the page; `model` is the name of the model that wrote the captions."""
        page = caption_page(self._entries, title="Captioned pictures", footer=f"Captions by showtell, model {model}.")
        try:
            write_bytes(path, page.encode())
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error
