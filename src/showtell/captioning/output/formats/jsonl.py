"""Captions as JSON lines (jsonlines.org): an object for each picture."""

import json
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from showtell.captioning.output.registry import Layout, Write, output_format

if TYPE_CHECKING:
    from showtell.captioning.caption import Captioned


@output_format(
    "jsonl",
    "an object for each picture, with all values",
    table=True,
    attention=True,
    suffixes=(".jsonl", ".ndjson"),
)
def write_json_lines(file: IO[str], layout: Layout) -> Iterator[Write]:
    """Write an object on a line for each picture."""
    from showtell.captioning.output.row import to_json, to_row, with_tags

    def write(result: "Captioned") -> None:
        chosen = with_tags(result, layout.tags)
        line = to_row(chosen) if layout.exact else to_json(chosen)
        if layout.columns is not None:
            line = {name: line[name] for name in layout.columns if line.get(name) is not None}
        print(json.dumps(line, ensure_ascii=False), file=file, flush=True)

    yield write
