"""A picture file and what a captioner says of it -> what the journal is to know, on this machine or on another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from showtell.alt_text.journal import Entry
from showtell.captioning.captioner import Captioned, Captioner
from showtell.captioning.options import CaptionOptions
from showtell.data.sources.base import RawPicture
from showtell.data.sources.folder import PictureFile, read_picture
from showtell.files import sha256_of

Elsewhere: TypeAlias = Callable[[Sequence[PictureFile], str], Iterator[tuple[int, Entry]]]
"""Captions pictures on other machines; `settings` go into the entries, which come in any order with their places."""

_NO_SIZE = -1  # of a picture that the disk did not give: no file has it, so it is tried again


@dataclass(frozen=True, slots=True)
class _ReadPicture:
    """The place of a picture that the captioner has in hand, and the SHA-256 of its bytes."""

    place: int
    content: str


def read(picture: PictureFile) -> tuple[RawPicture, str]:
    """The picture's bytes, and their SHA-256."""
    raw = read_picture(picture.path, picture.name, picture.decoding)
    return raw, sha256_of(raw.data)


def unreadable(reason: str, settings: str) -> Entry:
    """Of a picture that the disk did not give: the next run tries again."""
    return Entry(_NO_SIZE, 0, "", settings, error=reason)


def described(picture: PictureFile, content: str, settings: str, result: Captioned) -> Entry:
    """Of a picture with these bytes, what the captioner says."""
    entry = Entry(picture.size, picture.modified, content, settings, error=result.error)
    if (caption := result.caption) is None:
        return entry
    said = replace(entry, caption=caption.text, score=caption.score)
    return replace(said, confidence=caption.confidence, unfamiliar=caption.unfamiliar)


def describe(
    pictures: Sequence[PictureFile],
    settings: str,
    captioner: Captioner,
    options: CaptionOptions,
    *,
    batch_size: int = 32,
) -> Iterator[tuple[int, Entry]]:
    """Read and caption pictures; each entry comes with its picture's place.

    Arguments:
        pictures: the files.
        settings: SHA-256 of the model and its settings.
        captioner: the model.
        options: how captions are made, as `Captioner.caption_options` gives it.
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
