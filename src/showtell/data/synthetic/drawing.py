"""A list of shapes and a random generator -> a picture of colored shapes, for `showtell.data.synthetic.shapes`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

Point: TypeAlias = tuple[float, float]
Placement: TypeAlias = Callable[[np.random.Generator, Sequence[float], int], list[Point]]

COLOURS = {
    "red": (216, 40, 44),
    "yellow": (248, 210, 36),
    "green": (44, 184, 60),
    "blue": (36, 92, 210),
    "purple": (120, 34, 170),
    "black": (36, 36, 40),
}

_DESIGN_SIZE = 224  # pixels that the lengths below are in, whatever the size drawn
_RADII = {"small": (22.0, 24.0), "big": (38.0, 41.0)}
_MARGIN, _GAP = 10.0, 12.0  # to the picture's border, and between two shapes
_TILT = 10.0  # degrees to either side
_COLOUR_JITTER = 8
_DARKEST, _PALEST = 235, 255  # of backgrounds
_SUPERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape: `size` small or big, `colour` of `COLOURS`, `kind` circle, square, triangle, star, heart or cross."""

    size: str
    colour: str
    kind: str


def scattered(rng: np.random.Generator, radii: Sequence[float], size: int) -> list[Point]:
    """Random centers of circles of these radii that overlap neither each other nor the border."""
    while True:
        low = np.array(radii)[:, None] + _MARGIN * size / _DESIGN_SIZE
        centres = [(float(x), float(y)) for x, y in rng.uniform(low, size - low, (len(radii), 2))]
        if apart(centres, radii, size):
            return centres


def apart(centres: Sequence[Point], radii: Sequence[float], size: int) -> bool:
    """Whether circles keep their distance from each other."""
    gap = _GAP * size / _DESIGN_SIZE
    return all(
        math.dist(centres[i], centres[j]) > radii[i] + radii[j] + gap for i in range(len(radii)) for j in range(i)
    )


def draw(
    shapes: Sequence[Shape], rng: np.random.Generator, size: int = 224, place: Placement = scattered
) -> Image.Image:
    """A picture of `size` pixels square with random positions, tilts and background; equal shapes have one shade.

    Arguments:
        shapes: up to four big ones fit.
        rng: of everything random.
        size: pixels on a side.
        place: finds centers for circles of given radii.
    """
    image = _background(rng, size)
    radii = [rng.uniform(*_RADII[shape.size]) * size / _DESIGN_SIZE for shape in shapes]
    centres = place(rng, radii, size)
    shades = {shape: _shade(COLOURS[shape.colour], rng) for shape in dict.fromkeys(shapes)}
    for shape, radius, (x, y) in zip(shapes, radii, centres, strict=True):
        mask = _mask(shape.kind, radius, math.radians(rng.uniform(-_TILT, _TILT)))
        image.paste(shades[shape], (round(x) - mask.width // 2, round(y) - mask.height // 2), mask)
    return image


def _shade(colour: tuple[int, int, int], rng: np.random.Generator) -> tuple[int, ...]:
    jitter = rng.integers(-_COLOUR_JITTER, _COLOUR_JITTER + 1, 3)
    return tuple(int(value) for value in np.clip(np.array(colour) + jitter, 0, 255))


def _background(rng: np.random.Generator, size: int) -> Image.Image:
    """A pale ramp from one color to another, in any direction."""
    first, second = rng.uniform(_DARKEST, _PALEST, (2, 3))
    angle = rng.uniform(0, 2 * math.pi)
    axis = np.linspace(-0.5, 0.5, size)
    ramp = np.clip(0.5 + 0.7 * (math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None]), 0, 1)
    planes = (second - first)[:, None, None] * ramp  # by planes and in place: a third of the time
    planes += first[:, None, None]
    planes += 0.5
    return Image.fromarray(np.ascontiguousarray(planes.astype(np.uint8).transpose(1, 2, 0)))


def _outline(kind: str) -> list[Point]:
    """The corners of a shape that fits the unit circle, y downwards."""
    match kind:
        case "square":
            return [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]
        case "triangle":
            return [(math.sin(turn), 0.15 - math.cos(turn)) for turn in (0, 2 * math.pi / 3, 4 * math.pi / 3)]
        case "star":
            spikes = [(0.45 if i % 2 else 1.0, i * math.pi / 5) for i in range(10)]
            return [(radius * math.sin(turn), -radius * math.cos(turn)) for radius, turn in spikes]
        case "cross":
            arm = 0.3
            corner = [(arm, -1.0), (arm, -arm), (1.0, -arm), (1.0, arm)]
            return [(x * a - y * b, x * b + y * a) for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1)) for x, y in corner]
        case "heart":
            turns = np.linspace(0, 2 * math.pi, 60)
            heights = 13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns)
            return [(float(x), float(y)) for x, y in zip(16 * np.sin(turns) ** 3 / 17, -heights / 17, strict=True)]
    return [(0.92 * math.cos(turn), 0.92 * math.sin(turn)) for turn in np.linspace(0, 2 * math.pi, 72)]


def _mask(kind: str, radius: float, angle: float) -> Image.Image:
    """A shape's coverage, 0 to 255, with smooth edges."""
    side = 2 * math.ceil(radius + 1)
    mask = Image.new("L", (side * _SUPERSAMPLING, side * _SUPERSAMPLING))
    cos, sin, scale = math.cos(angle), math.sin(angle), radius * _SUPERSAMPLING
    middle = side * _SUPERSAMPLING / 2
    corners = [(middle + scale * (cos * x - sin * y), middle + scale * (sin * x + cos * y)) for x, y in _outline(kind)]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return mask.reduce(_SUPERSAMPLING)
