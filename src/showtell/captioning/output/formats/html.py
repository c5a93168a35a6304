"""Captions as a page with the pictures: one HTML file that needs nothing else."""

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from showtell.captioning.output.registry import Layout, Write, output_format

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned
    from showtell.captioning.output.page import PageEntry


@output_format(
    "html", "a page with the pictures", whole=True, attention=True, pictures=True, suffixes=(".html", ".htm")
)
def write_html(file: IO[str], layout: Layout) -> Iterator[Write]:
    """Write a page of all pictures at the end; thumbnails are kept until then (see
    `showtell.captioning.output.gallery`).
    """
    from showtell.captioning.output.page import caption_page, entry_of

    entries: list[PageEntry] = []

    def write(result: "Captioned") -> None:
        entries.append(entry_of(result, layout.preprocessing, layout.tags))

    yield write
    file.write(caption_page(entries, title="Captioned pictures", footer=f"Captions by showtell, model {layout.model}."))
