"""Captions as lines of text for people: a picture's name and its caption."""

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from showtell.captioning.output.registry import Layout, Write, output_format
from showtell.errors import shown

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned


@output_format("text", "a line for each caption")
def write_text(file: IO[str], layout: Layout) -> Iterator[Write]:
    """Write a line for the best caption, and further lines for its alternatives."""
    from showtell.captioning.output.row import in_words, tag_names, with_tags

    def write(result: "Captioned") -> None:
        if result.caption is None:
            print(f"{shown(result.name)}: cannot be captioned: {shown(result.error)}", file=file, flush=True)
            return
        name = shown(result.name)
        caption = with_tags(result, layout.tags or 0).caption or result.caption
        names = tag_names(caption)
        line = f"{name}: {shown(in_words(caption))}{f' [{names}]' if names else ''}"
        print(line, file=file, flush=not caption.alternatives)
        for other in caption.alternatives:
            print(f"{' ' * len(name)}  {shown(in_words(other))}", file=file, flush=True)

    yield write
