"""Shapes in relation: left of, above, between. A single embedding of the whole picture does not suffice for it.

Input: a seed. Output: pictures of two or three shapes and sentences about their positions, as in
`showtell.data.synthetic.shapes`, and a test whether any caption is true. The shapes of a picture and their positions
are independent: a scene and the one with the shapes exchanged are equally frequent, so the shapes alone say nothing
about the relation.

As in CLEVR (Johnson et al. 2017, arXiv:1612.06890), validation has new combinations: no training picture shows one of
its sets of shapes in the same relation, in either order.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from showtell.data.synthetic.base import Drawn
from showtell.data.synthetic.drawing import COLOURS, Placement, Point, Shape, apart, draw, scattered
from showtell.data.synthetic.shapes import KINDS
from showtell.errors import InputError
from showtell.text import tokenize

LEFT, ABOVE, BETWEEN = "left of", "above", "between"
SAYINGS = {
    "left of": (LEFT, False),
    "to the left of": (LEFT, False),
    "right of": (LEFT, True),
    "to the right of": (LEFT, True),
    "above": (ABOVE, False),
    "over": (ABOVE, False),
    "below": (ABOVE, True),
    "under": (ABOVE, True),
    "between": (BETWEEN, False),
}
"""The relation that each phrase means, and whether it names the shapes in reverse order."""

OPENINGS = ("", "there is", "here is", "a picture of")
_MOST_CAPTIONS = 8  # sentences that every scene has
_SLANT = 0.35  # to the side, at most, of two shapes' distance along their axis
_OFF_THE_LINE = 0.1  # likewise of a shape between two others, to either side and along
_HELD_OUT = 5  # every so many sets of shapes


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """A shape, in words."""

    colour: str
    kind: str

    def __str__(self) -> str:
        return f"{self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class RelationScene:
    """What a picture shows: different shapes, the first left of or above the second, or between the sorted others."""

    relation: str
    things: tuple[Thing, ...]

    @property
    def held_out(self) -> bool:
        """Whether the scene belongs to validation, as do all with its shapes and relation in another order."""
        text = f"{self.relation}: {', '.join(map(str, sorted(self.things)))}"
        return hashlib.sha256(text.encode()).digest()[0] % _HELD_OUT == 0


@dataclass(frozen=True, slots=True)
class RelationOptions:
    """Counts of pictures and captions of each, side in pixels, and seed."""

    train_pictures: int = 4000
    val_pictures: int = 400
    captions_per_picture: int = 4
    size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        if self.train_pictures < 1 or self.val_pictures < 1:
            raise InputError("shapes in relation need at least 1 picture of each split")
        if not 1 <= self.captions_per_picture <= _MOST_CAPTIONS:
            raise InputError(f"a picture of shapes in relation has 1 to {_MOST_CAPTIONS} captions")
        if self.size < 32 or self.seed < 0:
            raise InputError("shapes in relation need a size of at least 32 pixels and a seed of at least 0")


class ShapesRelations(Drawn[RelationScene]):
    """The data set; the same options always give the same bytes."""

    name = "shapes-relations"

    def __init__(self, options: RelationOptions = RelationOptions()) -> None:
        super().__init__(options)
        self.options = options

    def sample(self, number: int, *, validation: bool, rng: np.random.Generator) -> RelationScene:
        """See `Drawn.sample`: the relations take turns."""
        return sample((LEFT, ABOVE, BETWEEN)[number % 3], rng, held_out=validation)

    def draw(self, scene: RelationScene, rng: np.random.Generator) -> Image.Image:
        """See `Drawn.draw`. Three shapes are small, so that they have room; two are of any size."""
        sizes = rng.choice(["small"] if scene.relation == BETWEEN else ["small", "big"], len(scene.things))
        shapes = [Shape(str(size), thing.colour, thing.kind) for size, thing in zip(sizes, scene.things, strict=True)]
        return draw(shapes, rng, self.options.size, _PLACEMENTS[scene.relation])

    def describe(self, scene: RelationScene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
        """See `Drawn.describe`."""
        return describe(scene, rng, count)

    def is_true(self, caption: str, name: str) -> bool:
        """See `Drawn.is_true`."""
        return is_true(caption, self.scene(name))


def sample(relation: str, rng: np.random.Generator, *, held_out: bool) -> RelationScene:
    """A random scene of different shapes, held out or not as `held_out` says."""
    everything = [Thing(colour, kind) for colour in COLOURS for kind in KINDS]
    while True:
        first, *others = (everything[i] for i in rng.choice(len(everything), 3 if relation == BETWEEN else 2, False))
        scene = RelationScene(relation, (first, *sorted(others)))
        if scene.held_out == held_out:
            return scene


def describe(scene: RelationScene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """`count` different true sentences about a scene, at most 8."""
    captions: dict[str, None] = {}
    while len(captions) < count:
        captions[_sentence(scene, rng)] = None
    return tuple(captions)


def _sentence(scene: RelationScene, rng: np.random.Generator) -> str:
    saying = str(rng.choice([words for words, (relation, _) in SAYINGS.items() if relation == scene.relation]))
    opening = str(rng.choice(OPENINGS))
    first, *others = reversed(scene.things) if SAYINGS[saying][1] else scene.things
    if rng.random() < 0.5:
        others.reverse()
    is_or_not = "is " if not opening and rng.random() < 0.5 else ""
    return f"{opening} a {first} {is_or_not}{saying} {' and '.join(f'a {other}' for other in others)}".strip()


def is_true(caption: str, scene: RelationScene) -> bool:
    """Whether a caption says exactly what a scene shows: every color and kind, and their relation."""
    return parse(caption) == scene


def parse(caption: str) -> RelationScene | None:
    """The scene that a sentence of the grammar describes; None for anything else."""
    found = _grammar().fullmatch(" ".join(tokenize(caption)))
    if not found or (found["opened"] and found["is"]):
        return None
    relation, reverse = SAYINGS[found["saying"]]
    first, *others = (Thing(*words.split()) for words in found.group(2, 5, 6) if words)
    if (len(others) == 2) != (relation == BETWEEN):
        return None
    return RelationScene(relation, (others[0], first) if reverse else (first, *sorted(others)))


@cache
def _grammar() -> re.Pattern[str]:
    thing = rf"a ((?:{'|'.join(COLOURS)}) (?:{'|'.join(KINDS)}))"
    openings = "|".join(opening for opening in OPENINGS if opening)
    sayings = "|".join(SAYINGS)
    return re.compile(
        rf"(?:(?P<opened>{openings}) )?{thing}(?P<is> is)? (?P<saying>{sayings}) {thing}(?: and {thing})?"
    )


def _beside(axis: int) -> Placement:
    """Places two shapes, the first at smaller x (`axis` 0) or y (`axis` 1), almost in line with the axis."""

    def place(rng: np.random.Generator, radii: Sequence[float], size: int) -> list[Point]:
        while True:
            first, second = scattered(rng, radii, size)
            along, aside = second[axis] - first[axis], second[1 - axis] - first[1 - axis]
            if along > 0 and abs(aside) <= _SLANT * along:
                return [first, second]

    return place


def _between(rng: np.random.Generator, radii: Sequence[float], size: int) -> list[Point]:
    """Three shapes, the first near the middle of the others."""
    while True:
        second, third = scattered(rng, radii[1:], size)
        length = math.dist(second, third)
        x, y = (
            (a + b) / 2 + length * rng.uniform(-_OFF_THE_LINE, _OFF_THE_LINE)
            for a, b in zip(second, third, strict=True)
        )
        if apart([(x, y), second, third], radii, size):
            return [(x, y), second, third]


_PLACEMENTS: dict[str, Placement] = {LEFT: _beside(0), ABOVE: _beside(1), BETWEEN: _between}
