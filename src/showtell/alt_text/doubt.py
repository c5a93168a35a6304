"""Why a caption should not be published before a person has seen it: low confidence, an unfamiliar picture, or a tag
that contradicts it.

A tag contradicts a caption if it is likely, it names an animal, a vehicle or a food, and the caption names only others
of that kind: "a dog in the water" with the tag tiger. Objects and their kinds are those of
`showtell.captioning.objects`; those that no tag can name, such as a giraffe, are not contradicted. An animal that is
likely is also missing from a caption that names nothing but people.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from showtell.captioning.objects import kind_of, objects_of
from showtell.captioning.tags import Tag
from showtell.captioning.tags.names import imagenet_names

SURE = 0.6
"""The probability from which a tag counts as certain."""

MIN_CONFIDENCE = 0.5
"""Captions with a lower confidence are held back, unless the user names another limit."""

_KINDS = ("animal", "vehicle", "food")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a caption is held back: the `tag` that contradicts it, an `unfamiliar` picture, or too little confidence."""

    tag: str = ""
    unfamiliar: bool = False


def contradiction(caption: str, tags: Sequence[Tag], least: float = SURE) -> str:
    """The first tag that contradicts the caption; empty if none does.

    Arguments:
        caption: the model's caption.
        tags: the picture's tags, best first.
        least: the probability from which a tag counts.
    """
    named = objects_of(caption)
    kinds = {kind_of(name) for name in named}
    kinds -= {kind_of(name) for name in named if name not in _nameable() and kind_of(name) != "person"}
    for tag in tags:
        found = objects_of(tag.name)
        if tag.probability < least or not found or found[0] in named:
            continue
        kind = kind_of(found[0])
        if kind in _KINDS and (kind in kinds or (kind == "animal" and kinds == {"person"})):
            return tag.name
    return ""


@lru_cache(maxsize=1)
def _nameable() -> frozenset[str]:
    """The objects that tags can name."""
    return frozenset(found for name in imagenet_names() for found in objects_of(name.name))


def tags_to_text(tags: Sequence[Tag]) -> str:
    """Tags as the journal stores them."""
    return json.dumps([(tag.name, round(tag.probability, 4)) for tag in tags], ensure_ascii=False) if tags else ""


def tags_from_text(text: str) -> tuple[Tag, ...]:
    """The inverse of `tags_to_text`."""
    return tuple(Tag(str(name), float(probability)) for name, probability in json.loads(text)) if text else ()
