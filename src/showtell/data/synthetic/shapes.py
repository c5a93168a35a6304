"""A captioning data set drawn by code: one to three colored shapes, with sentences.

Input: a seed. Output: PNG pictures (`Shapes.read`), captions with splits `train` and `val` (`Shapes.captions`), and a
test whether any caption is true (`is_true`). Nothing is downloaded, and a decoder learns it in about a minute on two
cores.

As in CLEVR (Johnson et al. 2017, arXiv:1612.06890), some combinations of number, size, color and kind are held out
from training. Every fourth validation picture shows one, which only a model that learned the four separately can name.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from PIL import Image

from showtell.data.synthetic.base import Drawn
from showtell.data.synthetic.drawing import COLOURS, Shape, draw
from showtell.errors import InputError
from showtell.text import tokenize

Meaning = TypeVar("Meaning", int, str)

KINDS = {
    "circle": "circles",
    "square": "squares",
    "triangle": "triangles",
    "star": "stars",
    "heart": "hearts",
    "cross": "crosses",
}
SIZES = {"small": ("small", "little", "tiny"), "big": ("big", "large")}
NUMBERS = {1: ("a", "one"), 2: ("two",), 3: ("three",)}
OPENINGS = ("", "there is", "here is", "a picture of", "an image of")  # "is" becomes "are" before a plural


@dataclass(frozen=True, slots=True, order=True)
class ShapeGroup:
    """`number` equal shapes: 1 to 3 of one size, color and kind."""

    number: int
    size: str
    colour: str
    kind: str


HELD_OUT = frozenset(
    {
        ShapeGroup(2, "small", "red", "star"),
        ShapeGroup(3, "big", "red", "circle"),
        ShapeGroup(3, "small", "black", "heart"),
        ShapeGroup(2, "big", "black", "triangle"),
        ShapeGroup(2, "small", "yellow", "circle"),
        ShapeGroup(3, "big", "yellow", "square"),
        ShapeGroup(3, "small", "green", "cross"),
        ShapeGroup(2, "big", "green", "heart"),
        ShapeGroup(2, "small", "blue", "triangle"),
        ShapeGroup(3, "big", "blue", "cross"),
        ShapeGroup(3, "small", "purple", "square"),
        ShapeGroup(2, "big", "purple", "star"),
    }
)
"""Combinations that training never shows: each color and each kind loses one small and one big group."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows: its groups, in sorted order."""

    groups: tuple[ShapeGroup, ...]

    @property
    def shapes(self) -> list[Shape]:
        """Every shape that is to be drawn."""
        return [Shape(group.size, group.colour, group.kind) for group in self.groups for _ in range(group.number)]

    @property
    def held_out(self) -> bool:
        """Whether a combination that training never shows is among the shapes."""
        return not HELD_OUT.isdisjoint(self.groups)


@dataclass(frozen=True, slots=True)
class ShapesOptions:
    """Counts of pictures and captions of each, share of pictures with two different shapes, side in pixels, seed."""

    train_pictures: int = 4000
    val_pictures: int = 400
    captions_per_picture: int = 4
    mixed: float = 0.3
    size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        if self.train_pictures < 1 or self.val_pictures < 1 or self.captions_per_picture < 1:
            raise InputError("shapes need at least 1 picture of each split and 1 caption of each picture")
        if self.size < 32 or not 0 <= self.mixed <= 1 or self.seed < 0:
            raise InputError("shapes need a size of at least 32 pixels, mixed in [0, 1] and a seed of at least 0")


class Shapes(Drawn[Scene]):
    """The data set; the same options always give the same bytes. Reads as `showtell.data.sources.base.Pictures`."""

    name = "shapes"

    def __init__(self, options: ShapesOptions = ShapesOptions()) -> None:
        super().__init__(options)
        self.options = options

    def sample(self, number: int, *, validation: bool, rng: np.random.Generator) -> Scene:
        """See `Drawn.sample`."""
        return sample(rng, held_out=validation and number % 4 == 3, mixed=self.options.mixed)

    def draw(self, scene: Scene, rng: np.random.Generator) -> Image.Image:
        """See `Drawn.draw`."""
        return draw(scene.shapes, rng, self.options.size)

    def describe(self, scene: Scene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
        """See `Drawn.describe`."""
        return describe(scene, rng, count)

    def is_true(self, caption: str, name: str) -> bool:
        """See `Drawn.is_true`."""
        return is_true(caption, self.scene(name))


def sample(rng: np.random.Generator, *, held_out: bool, mixed: float) -> Scene:
    """A random scene with a held-out combination or without one; of two different shapes with probability `mixed`.

    Different shapes share size and color: an embedding that is the mean over a picture says which colors and kinds
    there are, but not which belong together.
    """
    while True:
        scene = Scene(_two_shapes(rng) if rng.random() < mixed else _equal_shapes(rng))
        if scene.held_out == held_out:
            return scene


def _equal_shapes(rng: np.random.Generator) -> tuple[ShapeGroup, ...]:
    number = int(rng.integers(1, 4))
    return (ShapeGroup(number, _one_of(SIZES, rng), _one_of(COLOURS, rng), _one_of(KINDS, rng)),)


def _two_shapes(rng: np.random.Generator) -> tuple[ShapeGroup, ...]:
    size, colour = _one_of(SIZES, rng), _one_of(COLOURS, rng)
    kinds = rng.choice(list(KINDS), 2, replace=False)
    return tuple(sorted(ShapeGroup(1, size, colour, str(kind)) for kind in kinds))


def _one_of(words: Collection[str], rng: np.random.Generator) -> str:
    return list(words)[rng.integers(len(words))]  # the same choice as `rng.choice`, five times as fast


def describe(scene: Scene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """`count` different true sentences about a scene."""
    captions: dict[str, None] = {}
    while len(captions) < count:
        captions[_sentence(scene, rng)] = None
    return tuple(captions)


def _sentence(scene: Scene, rng: np.random.Generator) -> str:
    groups = list(scene.groups)
    if rng.random() < 0.5:
        groups.reverse()
    opening = _one_of(OPENINGS, rng)
    if groups[0].number > 1:
        opening = opening.replace(" is", " are")
    return f"{opening} {' and '.join(_phrase(group, rng) for group in groups)}".strip()


def _phrase(group: ShapeGroup, rng: np.random.Generator) -> str:
    number, size = _one_of(NUMBERS[group.number], rng), _one_of(SIZES[group.size], rng)
    kind = group.kind if group.number == 1 else KINDS[group.kind]
    if rng.random() < 0.75:
        return f"{number} {size} {group.colour} {kind}"
    return f"{number} {size} {kind} in {group.colour}"


def is_true(caption: str, scene: Scene) -> bool:
    """Whether a caption says exactly what a scene shows: every number, size, color and kind, in a whole sentence."""
    return parse(caption) == scene


def parse(caption: str) -> Scene | None:
    """The scene that a sentence of the grammar describes; None for anything else."""
    sentence, phrase = _grammar()
    opened = sentence.fullmatch(" ".join(tokenize(caption)))
    if not opened:
        return None
    groups = [_read_phrase(phrase.fullmatch(part)) for part in opened["phrases"].split(" and ")]
    read = [group for group in groups if group]
    if len(read) < len(groups) or (opened["verb"] and (opened["verb"] == "is") != (read[0].number == 1)):
        return None
    return Scene(tuple(sorted(read)))


def _read_phrase(found: re.Match[str] | None) -> ShapeGroup | None:
    if not found:
        return None
    number, size = _meaning(found["number"], NUMBERS), _meaning(found["size"], SIZES)
    colour, kind = found["colour"] or found["colour_after"], found["kind"] or found["kind_before"]
    singular = kind if kind in KINDS else next(one for one, many in KINDS.items() if many == kind)
    return ShapeGroup(number, size, colour, singular) if (kind == singular) == (number == 1) else None


def _meaning(word: str, table: Mapping[Meaning, Collection[str]]) -> Meaning:
    return next(meaning for meaning, words in table.items() if word in words)


@cache
def _grammar() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of a whole sentence and of the phrase for one group."""
    numbers, sizes = ("|".join(word for words in table.values() for word in words) for table in (NUMBERS, SIZES))
    colours, kinds = "|".join(COLOURS), "|".join([*KINDS, *KINDS.values()])
    return (
        re.compile(r"(?:(?:there|here) (?P<verb>is|are) |(?:a picture|an image) of )?(?P<phrases>.+)"),
        re.compile(
            rf"(?P<number>{numbers}) (?P<size>{sizes}) (?:(?P<colour>{colours}) (?P<kind>{kinds})"
            rf"|(?P<kind_before>{kinds}) in (?P<colour_after>{colours}))"
        ),
    )
