"""The 1,000 classes of ImageNet (ILSVRC 2012) as plain names that people use.

Input: `imagenet.csv`, a table that was written by hand for this project. Output: a `Name` for every row.

    name     the plain name: "cat" for five classes, "golden retriever" for one
    classes  the numbers of its classes in the usual order of networks, such as "281-285" or "2 5"; may be empty
    within   the wider name that also fits: "dog" for a golden retriever
    also     other words and phrases that name it, separated by bars; plurals need not be listed
    say      what captions say, if that is not the name itself or its plural
    like     words that are used like it in a sentence, nearest first, for models that do not know its name
    kind     "animal" or "vehicle" for an outermost name of that kind; names within it are of the same kind

A name also has the classes and words of the names within it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources

from showtell.captioning.tags.words import Phrase, plural
from showtell.text import tokenize

CLASSES = 1000


@dataclass(frozen=True)
class Name:
    """A plain name, the classes that it stands for, and the words that say it."""

    name: str
    classes: tuple[int, ...]
    within: str
    also: tuple[Phrase, ...]
    say: tuple[Phrase, ...]
    like: tuple[Phrase, ...]
    outermost: str
    """The outermost name that contains this one: `dog` for a golden retriever."""
    kind: str = ""
    """What a thing is one of only: what is a cat is no dog. Empty for names that do not exclude one another."""

    @cached_property
    def phrase(self) -> Phrase:
        """The words of the name."""
        return tuple(tokenize(self.name))

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """All phrases that say the name, singular and plural."""
        own = (self.phrase, *self.also)
        return tuple(dict.fromkeys((*own, *map(plural, own))))


@lru_cache(maxsize=1)
def imagenet_names() -> tuple[Name, ...]:
    """The names of ImageNet's classes, in the order of the table."""
    text = (resources.files("showtell.captioning.tags") / "imagenet.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    inner: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        inner.setdefault(row["within"], []).append(row)
    by_name = {row["name"]: row for row in rows}
    return tuple(_name(row, inner, by_name) for row in rows)


def _name(row: dict[str, str], inner: dict[str, list[dict[str, str]]], by_name: dict[str, dict[str, str]]) -> Name:
    classes, also = _numbers(row["classes"]), _phrases(row["also"])
    for one in _below(row, inner):
        classes += _numbers(one["classes"])
        also += [tuple(tokenize(one["name"])), *_phrases(one["also"])]
    say, root = _phrases(row["say"]), _outermost(row, by_name)
    return Name(
        name=row["name"],
        classes=tuple(sorted(set(classes))),
        within=row["within"],
        also=tuple(dict.fromkeys((*also, *say))),
        say=tuple(say),
        like=tuple(_phrases(row["like"])),
        outermost=root["name"],
        kind=root["kind"],
    )


def _outermost(row: dict[str, str], by_name: dict[str, dict[str, str]]) -> dict[str, str]:
    return _outermost(by_name[row["within"]], by_name) if row["within"] else row


def _below(row: dict[str, str], inner: dict[str, list[dict[str, str]]]) -> Iterable[dict[str, str]]:
    for one in inner.get(row["name"], []):
        yield one
        yield from _below(one, inner)


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _phrases(text: str) -> list[Phrase]:
    return [tuple(tokenize(part)) for part in text.split("|") if part]
