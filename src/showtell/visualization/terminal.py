"""A picture and its captions on a terminal: two pixels in each character cell, as colored half blocks.

The foreground color of the upper half block (U+2580) is the upper pixel, its background the lower one. Terminals of
256 colors get the nearest ones. Without a terminal or without colors, only the text is written.
"""

import math
from typing import TYPE_CHECKING

from PIL import Image

from showtell.errors import shown
from showtell.visualization.example import Example

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_ROWS_BELOW = 2  # of the terminal, left for the next prompt


def can_draw(console: "Console") -> bool:
    """Whether this console can show pictures: it is a terminal of at least 256 colors."""
    return console.is_terminal and not console.no_color and console.color_system in ("256", "truecolor")


def show_example(console: "Console", example: Example, *, columns: int | None = None) -> None:
    """Write an example: the picture if the console can draw, its name, and its captions below.

    Arguments:
        console: the console to write to.
        example: what to show.
        columns: width of the picture in characters; None for what fits on the console with the captions.
    """
    from rich.text import Text

    if example.picture is not None and can_draw(console):
        rows = console.size.height - len(example.captions) - 1 - _ROWS_BELOW
        console.print(half_blocks(example.picture, *_fit(example.picture, console.width, rows, columns)))
    name = Text(shown(example.name), style="bold")
    if example.about:
        name.append(f"  {shown(example.about)}", style="dim not bold")
    console.print(name, soft_wrap=True)
    if example.error:
        console.print(Text(f"  cannot be read: {shown(example.error)}", style="red"), soft_wrap=True)
    captions = example.captions or (() if example.error else ("(no captions)",))
    for caption in captions:
        console.print(Text(f"  {shown(caption)}"), soft_wrap=True)


def half_blocks(picture: Image.Image, columns: int, rows: int) -> "Text":
    """An RGB picture in `columns` x `rows` character cells, `columns` x `2 * rows` pixels."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    small = picture.convert("RGB").resize((columns, 2 * rows), Image.Resampling.LANCZOS, reducing_gap=3.0)
    data = small.tobytes()
    pixels = [Color.from_rgb(*data[i : i + 3]) for i in range(0, len(data), 3)]
    text = Text(no_wrap=True)
    for top in range(0, len(pixels), 2 * columns):
        text.append("\n" if top else "")
        for x in range(top, top + columns):
            text.append("\N{UPPER HALF BLOCK}", Style(color=pixels[x], bgcolor=pixels[x + columns]))
    return text


def _fit(picture: Image.Image, width: int, height: int, columns: int | None) -> tuple[int, int]:
    """Columns and rows that keep the picture's shape; a cell is about twice as high as wide."""
    rows_per_column = picture.height / picture.width / 2
    if columns is None:
        columns = min(width, 80, math.floor(max(height, 8) / rows_per_column))
    columns = max(1, min(columns, width))
    return columns, max(1, round(columns * rows_per_column))
