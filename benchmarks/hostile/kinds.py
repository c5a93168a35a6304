"""The kinds of files that are mutated: seeds, mutations, and what reads each."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from hostile import archives, bundles, captions, pictures
from hostile.generic import mutated
from showtell.errors import ShowtellError

SIZE = 64
"""Side of the square that pictures are made."""


Outcome: TypeAlias = tuple[bool, list[str]]
"""Whether anything was read, and what was said of the rest, a line each."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind.

    `read` reads a file, as commands would; it may raise a `ShowtellError`. `count` is the kind's share of 20,000.
    """

    suffix: str
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], Outcome]
    count: int


def read_pictures(path: Path) -> Outcome:
    """As every command reads pictures; also what texts they have, and as much as there is of damaged ones."""
    from showtell.alt_text.existing import description_of
    from showtell.data.sources.base import ReadOptions
    from showtell.data.sources.picture_source import PictureSource
    from showtell.embeddings.pipeline import prepare
    from showtell.images.decode import DecodeOptions
    from showtell.images.preprocessing import Preprocessing

    found, refused = False, []
    description_of(path)
    for lenient in (False, True):
        source = PictureSource([path], options=ReadOptions(decoding=DecodeOptions(lenient=lenient)))
        source.remarks.lines()
        for picture in source.read():
            ready = prepare(picture, Preprocessing(size=SIZE))
            if ready.square is None:
                refused.append(ready.error)
            found |= ready.square is not None
    return found, refused


def read_captions(path: Path) -> Outcome:
    """As captions to train on, and as captions to be scored."""
    from showtell.data.captions.caption_set import align, read_captions
    from showtell.data.captions.predictions import read_predictions

    return _tried(
        lambda: bool(align(["0.png", "d/1.jpg", "2.gif"], read_captions(path))), lambda: bool(read_predictions(path))
    )


def read_archive(path: Path) -> Outcome:
    """For the captions in it, and for its pictures."""
    return _tried(lambda: read_captions(path), lambda: read_pictures(path))


def _tried(*reads: Callable[[], bool | Outcome]) -> Outcome:
    found, refused = False, []
    for read in reads:
        try:
            outcome = read()
        except ShowtellError as error:
            refused.append(str(error))
            continue
        some, lines = outcome if isinstance(outcome, tuple) else (True, [])
        found |= some
        refused += lines
    return found, refused


def read_bundle(path: Path) -> Outcome:
    """Caption a picture."""
    from showtell.captioning.captioner import Captioner

    captioner = Captioner(path, threads=1)
    picture = np.random.default_rng(3).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    captioner.caption(picture, num_captions=2, attention=captioner.bundle.model.get("output") == "grid")
    return True, []


def read_xmp(path: Path) -> Outcome:
    """As alt-text reads and changes the files of other programs."""
    from showtell.alt_text.xmp import FIELDS, changed_packet, read_packet

    changed_packet(read_packet(path.read_bytes()), dict.fromkeys(FIELDS, "a <b> & ]]> dog"))
    return True, []


def xmps() -> list[bytes]:
    """A file of our own, and one of another program."""
    from showtell.alt_text.xmp import new_packet

    other = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg">
<dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">a text</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""
    return [new_packet("a dog"), other]


def xmp(data: bytes, rng: random.Random) -> bytes:
    """Tags and attributes as in sheets, and bytes."""
    return captions.xml(data, rng, rng.randrange(2, 6)) if rng.random() < 0.8 else mutated(data, rng)


_COUNTS = {"JPEG": 2000, "PNG": 2000, "WebP": 1300, "GIF": 900, "TIFF": 2000, "BMP": 600, "AVIF": 700}
_OF_CAPTIONS = {"tables": 2200, "JSON and lines": 2000, "COCO": 900, "Karpathy": 700, "Excel": 900, "Parquet": 900}

KINDS: Mapping[str, Kind] = {
    **{name: Kind(*of, read_pictures, _COUNTS[name]) for name, of in pictures.FORMATS.items()},
    "zip": Kind(".zip", archives.zips, archives.zip_, read_archive, 1000),
    "tar": Kind(".tar", archives.tars, archives.tar, read_archive, 1000),
    **{name: Kind(*of, read_captions, _OF_CAPTIONS[name]) for name, of in captions.FORMATS.items()},
    "XMP": Kind(".xmp", xmps, xmp, read_xmp, 300),
    "bundle": Kind(".showtell", bundles.bundles, bundles.bundle, read_bundle, 600),
}
"""All kinds by the name in the table; 20,000 files."""
