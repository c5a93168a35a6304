"""A captioning data set drawn by code: one to three coloured shapes, and what there is to say about them.

Comes in: a seed. Goes out: PNG pictures (`Shapes.read`), captions with the splits `train` and `val` (`Shapes.captions`),
and a judge of any caption (`is_true`). Nothing is downloaded, and a decoder learns it in about a minute on two cores.

As in CLEVR (Johnson et al. 2017, arXiv:1612.06890), some combinations of colour and kind never occur in training. Every
second validation picture shows one of them, so that naming it takes colour and kind learnt apart from each other.
"""

import io
import math
import re
from collections.abc import Collection, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from showtell.data.captions import CaptionSet
from showtell.data.images import RawPicture
from showtell.errors import InputError
from showtell.text import tokenize

Variant: TypeAlias = Literal["objects"]
Point: TypeAlias = tuple[float, float]
RGB: TypeAlias = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (216, 40, 44),
    "orange": (245, 134, 24),
    "yellow": (248, 210, 36),
    "green": (38, 156, 70),
    "blue": (36, 92, 210),
    "purple": (136, 52, 168),
}
KINDS = {"circle": "circles", "square": "squares", "triangle": "triangles", "star": "stars", "heart": "hearts", "cross": "crosses"}  # fmt: skip
SIZES = {"small": ("small", "little", "tiny"), "big": ("big", "large")}
NUMBERS = {1: ("a", "one"), 2: ("two",), 3: ("three",)}
OPENINGS = ("", "there is", "a picture of", "an image of", "here is")
HELD_OUT = frozenset(
    {("red", "star"), ("orange", "heart"), ("yellow", "circle"), ("green", "cross"), ("blue", "triangle"), ("purple", "square")}
)  # fmt: skip
"""Pairs of colour and kind that training never shows: each colour and each kind loses one."""

_RADII = {"small": (14.0, 19.0), "big": (32.0, 40.0)}  # in pixels of a picture of 224
_SUPERSAMPLING = 4


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """`number` equal shapes: 1 to 3 of one size, colour and kind."""

    number: int
    size: str
    colour: str
    kind: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows, in words: groups that differ in colour and kind, in sorted order."""

    groups: tuple[Group, ...]

    @property
    def held_out(self) -> bool:
        """Whether a combination that training never shows is among the shapes."""
        return any((group.colour, group.kind) in HELD_OUT for group in self.groups)


@dataclass(frozen=True, slots=True)
class ShapesOptions:
    pictures_train: int = 2000
    pictures_val: int = 400
    captions_per_picture: int = 4
    mixed: float = 0.4
    size: int = 224
    seed: int = 0
    variant: Variant = "objects"


class Shapes:
    def __init__(self, options: ShapesOptions = ShapesOptions()) -> None:
        self.options = options

    def __str__(self) -> str:
        return "shapes"

    def names(self) -> list[str]:
        return list(self._scenes)

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        for i, (name, scene) in enumerate(self._scenes.items()):
            if name in skip:
                continue
            buffer = io.BytesIO()
            draw(scene, self._rng(i, 1), self.options.size).save(buffer, "PNG", compress_level=1)
            yield RawPicture(name, buffer.getvalue())

    def captions(self) -> CaptionSet:
        count = self.options.captions_per_picture
        captions = {n: describe(s, self._rng(i, 2), count) for i, (n, s) in enumerate(self._scenes.items())}
        return CaptionSet(captions, {name: name.partition("-")[0] for name in captions}, str(self))

    def scene(self, name: str) -> Scene:
        return self._scenes[name]

    @cached_property
    def _scenes(self) -> dict[str, Scene]:
        o = self.options
        scenes = {}
        for i in range(o.pictures_train):
            scenes[f"train-{i:05}.png"] = sample(self._rng(i, 0), held_out=False, mixed=o.mixed)
        for i in range(o.pictures_val):
            scenes[f"val-{i:05}.png"] = sample(self._rng(o.pictures_train + i, 0), held_out=i % 2 == 1, mixed=o.mixed)
        return scenes

    def _rng(self, number: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.options.seed, number, purpose])


def sample(rng: np.random.Generator, *, held_out: bool, mixed: float) -> Scene:
    while True:
        if rng.random() < mixed:
            a, b = ((1, 1), (1, 2), (2, 1))[rng.integers(3)]
            colours = rng.permutation(list(COLOURS))
            kinds = rng.permutation(list(KINDS))
            sizes = rng.choice(list(SIZES), 2)
            groups = [Group(n, str(s), str(c), str(k)) for n, s, c, k in zip((a, b), sizes, colours, kinds)]
        else:
            groups = [Group(int(rng.integers(1, 4)), str(rng.choice(list(SIZES))), str(rng.choice(list(COLOURS))), str(rng.choice(list(KINDS))))]
        scene = Scene(tuple(sorted(groups)))
        if scene.held_out == held_out:
            return scene


def describe(scene: Scene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
    captions: dict[str, None] = {}
    while len(captions) < count:
        captions[_phrase(scene, rng)] = None
    return tuple(captions)


def _phrase(scene: Scene, rng: np.random.Generator) -> str:
    groups = list(scene.groups)
    if rng.random() < 0.5:
        groups.reverse()
    opening = str(rng.choice(OPENINGS))
    if groups[0].number > 1:
        opening = opening.replace("is", "are")
    parts = []
    for group in groups:
        number = str(rng.choice(NUMBERS[group.number]))
        size = str(rng.choice(SIZES[group.size]))
        kind = group.kind if group.number == 1 else KINDS[group.kind]
        parts.append(f"{number} {size} {group.colour} {kind}" if rng.random() < 0.75 else f"{number} {size} {kind} in {group.colour}")
    return f"{opening} {' and '.join(parts)}".strip()


def parse(caption: str) -> Scene | None:
    any_of = lambda words: "(" + "|".join(words) + ")"
    text = " ".join(tokenize(caption))
    m = re.fullmatch("(?:(there is|there are|here is|here are|a picture of|an image of) )?(.*)", text)
    groups = []
    kinds = [*KINDS, *KINDS.values()]
    numbers = {w: n for n, ws in NUMBERS.items() for w in ws}
    sizes = {w: n for n, ws in SIZES.items() for w in ws}
    for part in m[2].split(" and "):
        g = re.fullmatch(f"{any_of(numbers)} {any_of(sizes)} (?:{any_of(COLOURS)} {any_of(kinds)}|{any_of(kinds)} in {any_of(COLOURS)})", part)
        if not g:
            return None
        n, s, c, k, k2, c2 = g.groups()
        c, k = c or c2, k or k2
        n = numbers[n]
        if (k in KINDS) != (n == 1):
            return None
        groups.append(Group(n, sizes[s], c, k if k in KINDS else next(a for a, b in KINDS.items() if b == k)))
    if m[1] and m[1].split()[-1] in ("is", "are") and (m[1].split()[-1] == "is") != (groups[0].number == 1):
        return None
    return Scene(tuple(sorted(groups)))


def is_true(caption: str, scene: Scene) -> bool:
    return parse(caption) == scene


def draw(scene: Scene, rng: np.random.Generator, size: int = 224) -> Image.Image:
    image = _background(rng, size)
    radii = [(g, rng.uniform(*_RADII[g.size]) * size / 224) for g in scene.groups for _ in range(g.number)]
    centres = _place(rng, [r for _, r in radii], size)
    jitter = {g: rng.integers(-12, 13, 3) for g in scene.groups}
    for (group, radius), (x, y) in zip(radii, centres, strict=True):
        mask = _mask(group.kind, radius, rng.uniform(-20, 20))
        colour = tuple(int(v) for v in np.clip(np.array(COLOURS[group.colour]) + jitter[group], 0, 255))
        image.paste(colour, (round(x) - mask.width // 2, round(y) - mask.height // 2), mask)
    return image


def _background(rng: np.random.Generator, size: int) -> Image.Image:
    first, second = rng.uniform(205, 255, 3), rng.uniform(205, 255, 3)
    angle = rng.uniform(0, 2 * math.pi)
    axis = np.linspace(-0.5, 0.5, size)
    ramp = np.clip(0.5 + 0.7 * (math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None]), 0, 1)[:, :, None]
    return Image.fromarray((first + (second - first) * ramp + 0.5).astype(np.uint8))


def _place(rng: np.random.Generator, radii: list[float], size: int) -> list[Point]:
    margin = size / 56
    while True:
        centres = [tuple(rng.uniform(r + margin, size - r - margin, 2)) for r in radii]
        if all(
            math.dist(centres[i], centres[j]) > radii[i] + radii[j] + margin for i in range(len(radii)) for j in range(i)
        ):
            return centres


def _outline(kind: str) -> list[Point]:
    if kind == "square":
        return [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]
    if kind == "triangle":
        return [(math.sin(a), 0.15-math.cos(a)) for a in (0, 2.1, 4.18)]
    if kind == "star":
        return [((0.45 if i % 2 else 1) * math.sin(i * math.pi / 5), -(0.45 if i % 2 else 1) * math.cos(i * math.pi / 5)) for i in range(10)]
    if kind == "cross":
        w = 0.3
        return [(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w)]
    if kind == "heart":
        t = np.linspace(0, 2 * math.pi, 60)
        return [(x / 17, y / 17) for x, y in zip(16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)))]
    t = np.linspace(0, 2 * math.pi, 72)
    return [(0.92 * math.cos(a), 0.92 * math.sin(a)) for a in t]


def _mask(kind: str, radius: float, angle: float) -> Image.Image:
    side = 2 * math.ceil(radius + 1)
    mask = Image.new("L", (side * _SUPERSAMPLING,) * 2)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    half, scale = side * _SUPERSAMPLING / 2, radius * _SUPERSAMPLING
    ImageDraw.Draw(mask).polygon([(half + scale * (c * x - s * y), half + scale * (s * x + c * y)) for x, y in _outline(kind)], fill=255)
    return mask.reduce(_SUPERSAMPLING)
