"""The parts of pages: the document, escaped text, embedded pictures.

A page is self-contained: its style and its thumbnails are inside, it has no scripts, and its content security policy
forbids it to load anything, whatever names and captions contain.
"""

import base64
import html
import io
from collections.abc import Sequence
from importlib import resources

from PIL import Image

from showtell.images.decode import decode

THUMBNAIL = 480
"""Pixels of a thumbnail's longer side: sharp in the widest column of the grid."""

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{header}
</header>
<main>
{main}
</main>
{footer}
</body>
</html>
"""


def document(
    title: str, header: str, main: str, footer: str, *, styles: Sequence[tuple[str, str]] = ((__package__, "page.css"),)
) -> str:
    """A whole page; `title` and `footer` are plain text, `header` (below the title) and `main` are HTML.

    `styles` are style sheets, each a package and the name of a file in it.
    """
    return _DOCUMENT.format(
        title=escape(title),
        style="\n".join(resources.files(package).joinpath(name).read_text("utf-8") for package, name in styles),
        header=header,
        main=main,
        footer=f"<footer>{escape(footer)}</footer>" if footer else "",
    )


def grid(figures: list[str]) -> str:
    """Figures side by side, as many as fit."""
    items = "\n".join(f"<li>{figure}</li>" for figure in figures)
    return f'<ul class="grid" role="list">\n{items}\n</ul>'


def thumbnail(picture: Image.Image | None, alt: str, side: int = THUMBNAIL) -> str:
    """The picture as an embedded JPEG of at most `side` pixels, or a box that says that there is none."""
    if picture is None:
        return '<div class="missing">no picture</div>'
    small = decode(picture).copy()  # if EXIF is damaged, decode returns the caller's own image
    small.thumbnail((side, side), reducing_gap=3.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{small.width}" height="{small.height}" alt="{escape(alt)}">'
    )


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless the number is 1."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_DOUBT = (238, 159, 69)  # the hue in which pages mark doubtful words, too


def escape(text: str) -> str:
    """Text for an element or a quoted attribute. A file name's lone surrogates, which UTF-8 cannot hold, become `?`."""
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def percent(probability: float) -> str:
    """A whole percentage; 0% and 100% are used only for exact values."""
    if 0 < probability < 0.005:
        return "under 1%"
    if 0.995 <= probability < 1:
        return "over 99%"
    return f"{100 * probability:.0f}%"


def shaded(words: Sequence[tuple[str, float]]) -> str:
    """A sentence for a notebook, without a style sheet: the less probable a word, the stronger its background color.

    The color is translucent, so it suits dark and light notebooks. Each word's probability is its tooltip.
    """
    red, green, blue = _DOUBT
    return " ".join(
        f'<span style="background: rgba({red}, {green}, {blue}, {0.7 * (1 - probability):.2f}); border-radius: 0.2em; '
        f'padding: 0.05em 0.15em" title="{percent(probability)}">{escape(word)}</span>'
        for word, probability in words
    )
