"""Sentences -> the objects that they name.

Objects are COCO's 80 (Lin et al. 2014) with synonyms, in `objects.csv`, which was written by hand for this project, and
the names of ImageNet's classes (`showtell.captioning.tags.names`), each under its outermost name.

    object    its name; empty for phrases that contain the word of an object but name none: "train track" words
    words and phrases that name it, separated by bars; plurals need not be listed
"""

import csv
from functools import lru_cache
from importlib import resources
from typing import TypeAlias

from showtell.captioning.tags.names import imagenet_names
from showtell.captioning.tags.words import Phrase, plural
from showtell.text import tokenize


@lru_cache(maxsize=1 << 16)
def objects_of(sentence: str) -> tuple[str, ...]:
    """The objects that a sentence names, each once, in its order. Of overlapping phrases the longest counts."""
    return tuple(dict.fromkeys(_mentions(sentence, _phrases())))


@lru_cache(maxsize=1 << 16)
def coco_mentions(sentence: str) -> tuple[str, ...]:
    """Every mention of one of COCO's 80 objects, in the sentence's order."""
    return _mentions(sentence, _phrases_of_coco())


def _mentions(sentence: str, known: "_Phrases") -> tuple[str, ...]:
    phrases, longest = known
    words, found, at = tokenize(sentence), [], 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            name = phrases.get(tuple(words[at : at + length]))
            if name is not None:
                found.append(name)
                at += length - 1
                break
        at += 1
    return tuple(name for name in found if name)


_OF_COCO = {
    "vehicle": "bicycle|car|motorcycle|airplane|bus|train|truck|boat",
    "animal": "bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe",
    "food": "banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake",
    "person": "person",
}  # COCO's supercategories; the others do not exclude one another in a picture
_OF_IMAGENET = {"animal": range(398), "food": (*range(924, 958), *range(959, 970))}


@lru_cache(maxsize=1)
def _kinds() -> dict[str, str]:
    kinds = {name: kind for kind, names in _OF_COCO.items() for name in names.split("|")}
    for name in imagenet_names():
        for kind, classes in _OF_IMAGENET.items():
            if name.classes and all(one in classes for one in name.classes):
                kinds.setdefault(name.name, kind)
    return kinds


def kind_of(name: str) -> str:
    """Whether an object is an `animal`, a `vehicle`, a `food` or a `person`; empty for others."""
    return _kinds().get(name, "")


_Phrases: TypeAlias = tuple[dict[Phrase, str], int]
"""The object of every phrase, and the number of words of the longest phrase."""


@lru_cache(maxsize=1)
def _phrases_of_coco() -> _Phrases:
    text = (resources.files("showtell.captioning") / "objects.csv").read_text(encoding="utf-8")
    objects: dict[Phrase, str] = {}
    for row in csv.DictReader(text.splitlines()):
        for phrase in (tuple(tokenize(part)) for part in row["words"].split("|")):
            objects.setdefault(phrase, row["object"])
            if row["object"]:
                objects.setdefault(plural(phrase), row["object"])
    return objects, max(map(len, objects))


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    objects = dict(_phrases_of_coco()[0])
    by_name = {name.name: name for name in imagenet_names()}
    for name in imagenet_names():
        root = by_name[name.outermost]
        kind = next((objects[p] for p in (root.phrase, *name.phrases) if objects.get(p)), root.name)
        for phrase in name.phrases:
            objects.setdefault(phrase, kind)
    return objects, max(map(len, objects))
