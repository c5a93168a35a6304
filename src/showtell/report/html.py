"""The pieces that pages are made of: the document around them, text made safe, pictures inside the page.

A page needs nothing else: its style and its thumbnails are inside, it has no scripts, and a content security policy in
it forbids it to load anything, whatever the names and captions hold.
"""

import base64
import io
from collections.abc import Sequence
from importlib import resources

from PIL import Image

from showtell.image import decode
from showtell.markup import escape

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


def document(title: str, header: str, main: str, footer: str, *, styles: Sequence[str] = ("page.css",)) -> str:
    """A whole page; `title` and `footer` are plain text, `header` (below the title) and `main` are HTML.

    `styles` are style sheets of this folder.
    """
    sheets = resources.files(__package__)
    return _DOCUMENT.format(
        title=escape(title),
        style="\n".join(sheets.joinpath(name).read_text("utf-8") for name in styles),
        header=header,
        main=main,
        footer=f"<footer>{escape(footer)}</footer>" if footer else "",
    )


def grid(figures: list[str]) -> str:
    """Figures side by side, as many as fit."""
    items = "\n".join(f"<li>{figure}</li>" for figure in figures)
    return f'<ul class="grid" role="list">\n{items}\n</ul>'


def thumbnail(picture: Image.Image | None, alt: str, side: int = THUMBNAIL) -> str:
    """A JPEG of the picture inside the page, of at most `side` pixels, or a box that says that there is none."""
    if picture is None:
        return '<div class="missing">no picture</div>'
    small = decode(picture).copy()  # where EXIF is damaged, decode hands back the caller's own
    small.thumbnail((side, side), reducing_gap=3.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{small.width}" height="{small.height}" alt="{escape(alt)}">'
    )


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural where it is not one."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
