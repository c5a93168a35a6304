"""Pictures with their captions: on a terminal, as one image and on a page."""

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageFont
from rich.console import Console

from showtell.errors import InputError
from showtell.visualization.example import Example, examples_page
from showtell.visualization.poster import poster, wrap
from showtell.visualization.terminal import can_draw, half_blocks, show_example


def picture(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def console(color_system="truecolor", width=60, height=30, **options):
    return Console(
        file=io.StringIO(), force_terminal=True, color_system=color_system, width=width, height=height, **options
    )


def drawn(console):
    """The pixels that a terminal would show, from its escape sequences: `uint8 (2 * rows, columns, 3)`."""
    rows = []
    for line in console.file.getvalue().splitlines():
        cells = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)", line)
        if cells:
            colours = [tuple(map(int, cell[:6])) for cell in cells for _ in cell[6]]
            rows += [[c[:3] for c in colours], [c[3:] for c in colours]]
    return np.array(rows, np.uint8)


def test_each_character_shows_two_pixels_in_their_colours():
    shown = picture(12, 10)
    screen = console()
    screen.print(half_blocks(shown, 12, 5))
    np.testing.assert_array_equal(drawn(screen), np.asarray(shown))


@pytest.mark.parametrize(
    ("size", "columns"), [((100, 100), None), ((400, 50), None), ((50, 400), None), ((64, 48), 20)]
)
def test_a_drawn_picture_keeps_its_shape_and_fits_the_terminal(size, columns):
    screen = console()
    show_example(screen, Example("x.jpg", ("One.", "Two."), picture(*size)), columns=columns)
    height, width, _ = drawn(screen).shape
    assert width == columns if columns else width <= 60
    assert height / 2 <= 30 - 3  # the name and the captions below are in sight, too
    assert abs(width / height - size[0] / size[1]) <= 0.06 * size[0] / size[1] + 0.5 / height
    assert screen.file.getvalue().splitlines()[-2:] == ["  One.", "  Two."]


@pytest.mark.parametrize(
    "screen",
    [
        Console(file=io.StringIO(), width=60),
        console(None),
        console("standard"),
        console(no_color=True),
    ],
    ids=["no terminal", "no colours", "16 colours", "NO_COLOR"],
)
def test_where_nothing_can_be_drawn_the_words_are_written(screen):
    assert not can_draw(screen)
    show_example(screen, Example("[red]x.jpg", ("A [bold] one.",), picture(9, 9), "train, 9 x 9"))
    said = re.sub(r"\x1b\[[0-9;]*m", "", screen.file.getvalue())
    assert said == "[red]x.jpg  train, 9 x 9\n  A [bold] one.\n"


def test_a_picture_that_cannot_be_read_is_told_on_the_terminal():
    screen = Console(file=io.StringIO(), width=40)
    show_example(screen, Example("x.jpg", ("One.",), None, error="the file is empty"))
    assert screen.file.getvalue() == "x.jpg\n  cannot be read: the file is empty\n  One.\n"


def test_words_are_wrapped_within_the_width():
    font = ImageFont.load_default(18)
    text = "a long road " * 9 + "Donaudampfschifffahrtsgesellschaftskapitän" * 3
    lines = wrap(text, font, 200)
    assert max(map(font.getlength, lines)) <= 200
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "a long road a long road"
    assert wrap("", font, 200) == []


def test_an_image_shows_every_picture_below_its_captions():
    examples = [Example(f"{i}.jpg", ("A caption.",) * (i + 1), picture(480, 480, seed=i)) for i in range(3)]
    image = np.asarray(poster(examples, columns=2), np.int16)
    for example in examples:
        pixels = np.asarray(example.picture, np.int16)
        rows, columns = np.nonzero(np.all(image == pixels[0, 0], axis=2))
        tops = [(y, x) for y, x in zip(rows, columns, strict=True) if np.array_equal(image[y, x : x + 480], pixels[0])]
        ((top, left),) = tops
        np.testing.assert_array_equal(image[top : top + 480, left : left + 480], pixels)
        above = image[max(0, top - 23 * len(example.captions) - 20) : top - 8, left : left + 480]
        inked = np.any(above < 128, axis=(1, 2))
        assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == len(example.captions)


def test_an_image_shows_what_has_no_picture_and_no_captions():
    alone = poster([Example("x.jpg", (), None, error="the file is empty")])
    assert alone.size == (528, alone.height)
    assert poster([Example("x.jpg", (), picture(10, 4000))]).height < 1000


def test_a_font_that_is_none_is_told(tmp_path):
    (tmp_path / "x.ttf").write_bytes(b"none")
    with pytest.raises(InputError, match=r"x\.ttf: cannot be read as a font"):
        poster([Example("x.jpg", (), None)], font=tmp_path / "x.ttf")


def test_a_page_has_every_caption_and_is_safe_from_them():
    hostile = "<script>alert(1)</script>"
    page = examples_page(
        [Example(hostile, (hostile, "Two."), picture(9, 9), "9 x 9"), Example("b", (), None, error="empty")],
        title="Pictures",
    )
    assert "<script" not in page
    assert page.count("<figure>") == 2
    assert page.count("&lt;script&gt;") >= 3
    assert "<li>Two.</li>" in page
    assert "<p>2 pictures</p>" in page
    assert "No picture:</strong> empty" in page
