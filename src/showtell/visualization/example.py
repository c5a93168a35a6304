"""A picture with its captions, to be shown on a terminal, as a PNG or on a page."""

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from showtell.visualization.html import counted, document, escape, grid, thumbnail


@dataclass(frozen=True, slots=True)
class Example:
    """One picture with its captions.

    Arguments:
        name: the picture's name.
        captions: its captions, in order; may be empty.
        picture: RGB, or None if it could not be read.
        about: more about the picture, such as its split and size.
        error: why there is no picture; empty if there is one.
    """

    name: str
    captions: tuple[str, ...]
    picture: Image.Image | None
    about: str = ""
    error: str = ""


def examples_page(examples: Iterable[Example], *, title: str, footer: str = "") -> str:
    """The text of an HTML page that shows pictures, each with all its captions below it."""
    figures = [_figure(example) for example in examples]
    return document(title, f"<p>{counted(len(figures), 'picture')}</p>", grid(figures), footer)


def _figure(example: Example) -> str:
    if example.error:
        said = f'<p class="error"><strong>No picture:</strong> {escape(example.error)}</p>\n'
    else:
        said = "" if example.captions else '<p class="error">No captions.</p>\n'
    if example.captions:
        said += '<ul class="said">' + "".join(f"<li>{escape(one)}</li>" for one in example.captions) + "</ul>\n"
    about = f"<span>{escape(example.about)}</span>" if example.about else ""
    image = thumbnail(example.picture, example.captions[0] if example.captions else example.name)
    return (
        f"<figure>\n{image}\n<figcaption>\n{said}"
        f'<p class="about"><bdi>{escape(example.name)}</bdi>{about}</p>\n</figcaption>\n</figure>'
    )
