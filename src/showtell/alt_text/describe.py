"""Picture files -> entries of the journal with their captions, on this machine or on others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from showtell.alt_text.doubt import tags_to_text
from showtell.alt_text.journal import Entry
from showtell.captioning.captioner import Captioned, Captioner
from showtell.captioning.options import CaptionOptions
from showtell.data.sources.base import RawPicture
from showtell.data.sources.folder import PictureFile, read_picture
from showtell.files import sha256_of

Elsewhere: TypeAlias = Callable[[Sequence[PictureFile], str], Iterator[tuple[int, Entry]]]
"""Captions pictures on other machines. `settings` go into the entries, which come in any order with their positions."""

_NO_SIZE = -1  # for a picture that could not be read: no file has this size, so the next run retries it


@dataclass(frozen=True, slots=True)
class _ReadPicture:
    """The position of a picture that is being captioned, and the SHA-256 of its bytes."""

    place: int
    content: str


def read(picture: PictureFile) -> tuple[RawPicture, str]:
    """The picture's bytes, and their SHA-256."""
    raw = read_picture(picture.path, picture.name, picture.decoding)
    return raw, sha256_of(raw.data)


def unreadable(reason: str, settings: str) -> Entry:
    """The entry of a picture whose file could not be read; the next run retries it."""
    return Entry(_NO_SIZE, 0, "", settings, error=reason)


def described(picture: PictureFile, content: str, settings: str, result: Captioned) -> Entry:
    """The entry of a picture with these bytes, from the captioner's result."""
    entry = Entry(picture.size, picture.modified, content, settings, error=result.error)
    if (caption := result.caption) is None:
        return entry
    captioned = replace(entry, caption=caption.text, score=caption.score, tags=tags_to_text(caption.tags))
    return replace(captioned, confidence=caption.confidence, unfamiliar=caption.unfamiliar)


def describe(
    pictures: Sequence[PictureFile],
    settings: str,
    captioner: Captioner,
    options: CaptionOptions,
    *,
    batch_size: int = 32,
) -> Iterator[tuple[int, Entry]]:
    """Read and caption pictures; yield each entry with its picture's position.

    Arguments:
        pictures: the files.
        settings: SHA-256 of the model and its settings.
        captioner: the model.
        options: options of captioning, from `Captioner.caption_options`.
        batch_size: pictures whose sentences are written at once.
    """
    failed: list[tuple[int, Entry]] = []

    def whole() -> Iterator[RawPicture]:
        for place, picture in enumerate(pictures):
            raw, content = read(picture)
            if raw.error:
                failed.append((place, unreadable(raw.error, settings)))
            else:
                yield replace(raw, source=_ReadPicture(place, content))

    for result in captioner.caption_stream(whole(), batch_size=batch_size, options=options):
        read_one = result.source
        assert isinstance(read_one, _ReadPicture)
        yield read_one.place, described(pictures[read_one.place], read_one.content, settings, result)
    yield from failed
