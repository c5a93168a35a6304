"""Pictures with their captions as titles -> one image, as in notebooks that show training examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from showtell.errors import InputError, shown
from showtell.visualization.example import Example

_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
_WIDTH = 480  # pixels of a picture and of the text above it
_GAP = 24
_LINE, _BETWEEN, _ABOVE, _BELOW = 23, 5, 8, 24  # a line of a caption; between captions; above and below the picture
_PAPER, _INK, _SOFT, _MISSING = (255, 255, 255), (29, 28, 26), (98, 95, 88), (222, 219, 212)


@dataclass(frozen=True, slots=True)
class _Tile:
    """`lines` are (pixels from the top of the text, words); the text is `text` pixels high."""

    lines: tuple[tuple[int, str], ...]
    text: int
    picture: Image.Image
    name: str


def poster(examples: Sequence[Example], *, columns: int | None = None, font: Path | None = None) -> Image.Image:
    """One RGB image of all examples, each with its captions above and its name below the picture.

    Arguments:
        examples: at least one; those without a picture get a gray box.
        columns: examples side by side; None for about a square, three at most.
        font: a TrueType or OpenType file, for scripts other than Latin, which Pillow's own font lacks.

    Raises:
        InputError: the font cannot be read.
    """
    large, small = _font(font, 18), _font(font, 14)
    tiles = [_tile(example, large) for example in examples]
    columns = columns or min(3, math.ceil(math.sqrt(len(tiles))))
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    pictures = [max(tile.text for tile in row) + _ABOVE for row in rows]  # their tops
    names = [top + max(tile.picture.height for tile in row) for top, row in zip(pictures, rows, strict=True)]
    image = Image.new("RGB", (len(rows[0]) * (_WIDTH + _GAP) + _GAP, sum(names) + len(rows) * (_BELOW + _GAP)), _PAPER)
    draw = ImageDraw.Draw(image)
    top = _GAP // 2
    for row, picture_top, name_top in zip(rows, pictures, names, strict=True):
        for left, tile in zip(range(_GAP, image.width, _WIDTH + _GAP), row, strict=False):
            centre = left + _WIDTH / 2
            text_top = top + picture_top - _ABOVE - tile.text  # captions end just above their picture
            for y, words in tile.lines:
                draw.text((centre - large.getlength(words) / 2, text_top + y), words, _INK, large)
            image.paste(tile.picture, (left + (_WIDTH - tile.picture.width) // 2, top + picture_top))
            draw.text((centre - small.getlength(tile.name) / 2, top + name_top + 5), tile.name, _SOFT, small)
        top += name_top + _BELOW + _GAP
    return image


def _tile(example: Example, font: _Font) -> _Tile:
    texts = list(example.captions) or ["(no captions)"]
    if example.picture is None:
        texts.append(f"cannot be read: {example.error}")
        picture = Image.new("RGB", (_WIDTH, _WIDTH * 3 // 4), _MISSING)
    else:
        scale = min(_WIDTH / example.picture.width, 1.5 * _WIDTH / example.picture.height)
        size = (max(1, round(example.picture.width * scale)), max(1, round(example.picture.height * scale)))
        picture = example.picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    lines, height = [], 0
    for caption in texts:
        for words in wrap(caption, font, _WIDTH):
            lines.append((height, words))
            height += _LINE
        height += _BETWEEN
    name = shown(example.name)  # a line break cannot be measured
    name = name if len(name) <= 60 else f"...{name[-57:]}"
    return _Tile(tuple(lines), height, picture, f"{name}  {shown(example.about)}".strip())


def wrap(text: str, font: _Font, width: int) -> list[str]:
    """The text in lines of at most `width` pixels, broken at spaces, and inside words that are longer than a line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


def _font(path: Path | None, size: int) -> _Font:
    if path is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(path, size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a font ({error})") from error
