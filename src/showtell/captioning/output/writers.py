"""Captions -> lines of text, JSON or CSV, written one by one, so that what is finished is never lost; or Parquet."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from showtell.errors import InputError, shown
from showtell.files import csv_cell, write_beside

if TYPE_CHECKING:
    from showtell.captioning.captioner import Caption, Captioned


class Format(StrEnum):
    """How captions are written."""

    text = "text"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


_BY_SUFFIX = {
    ".csv": Format.csv,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".parquet": Format.parquet,
}


class _Text:
    def __init__(self, file: IO[str], tags: int | None) -> None:
        self.file, self.tags = file, tags or 0

    def __call__(self, result: "Captioned") -> None:
        if result.caption is None:
            print(f"{shown(result.name)}: cannot be captioned: {shown(result.error)}", file=self.file, flush=True)
            return
        names = tag_names(result.caption, self.tags)
        name = shown(result.name)
        line = f"{name}: {said(result.caption)}{f' [{names}]' if names else ''}"
        print(line, file=self.file, flush=not result.caption.alternatives)
        for other in result.caption.alternatives:
            print(f"{' ' * len(name)}  {said(other)}", file=self.file, flush=True)


class _JsonLines:
    def __init__(self, file: IO[str], tags: int | None) -> None:
        self.file, self.tags = file, tags

    def __call__(self, result: "Captioned") -> None:
        line: dict[str, Any] = {"name": result.name}
        if result.caption is None:
            line["error"] = result.error
        else:
            line |= result.caption.to_json()
            if tags := result.caption.tags[: self.tags]:
                line["tags"] = [tag.to_json() for tag in tags]
            if result.caption.alternatives:
                line["captions"] = [one.to_json() for one in result.caption.n_best]
        print(json.dumps(line, ensure_ascii=False), file=self.file, flush=True)


class _Csv:
    def __init__(self, file: IO[str], tags: int | None) -> None:
        self.tags = tags
        self.rows = csv.writer(file, lineterminator="\n")
        self.rows.writerow(["name", "caption", "score", "error", "confidence", "unfamiliar", "guess", "tags"])

    def __call__(self, result: "Captioned") -> None:
        if result.caption is None:
            self.rows.writerow([csv_cell(result.name), "", "", csv_cell(result.error), "", "", "", ""])
            return
        for one in (result.caption, *result.caption.alternatives):
            confidence = "" if one.confidence is None else f"{one.confidence:.4f}"
            unfamiliar = "" if one.unfamiliar is None else str(one.unfamiliar).lower()
            name, text, guess, tags = map(csv_cell, (result.name, one.text, one.guess, tag_names(one, self.tags)))
            self.rows.writerow([name, text, f"{one.score:.6g}", "", confidence, unfamiliar, guess, tags])


WRITERS: dict[Format, Callable[[IO[str], int | None], Callable[["Captioned"], None]]] = {
    Format.text: _Text,
    Format.jsonl: _JsonLines,
    Format.csv: _Csv,
}
"""What makes, for an open file and a number of tags, the function that writes one picture's result to it.

None is all tags, but in text, where it is none.
"""


def said(caption: "Caption") -> str:
    """A caption in a line of text: where the model is not sure, with its guess."""
    return f"{caption.text} (perhaps: {caption.guess})" if caption.guess else caption.text


def tag_names(caption: "Caption", most: int | None) -> str:
    """The names of a caption's first tags, best first."""
    return ", ".join(tag.name for tag in caption.tags[:most])


def format_of(given: Format | None, output: Path | None) -> Format:
    """The format that was given, or that the output's name says, or else text.

    Raises:
        InputError: the two contradict each other, or the name says one that is not written.
    """
    suffix = output.suffix.lower() if output else ""
    said = _BY_SUFFIX.get(suffix)
    if given and said and given is not said:
        raise InputError(f"{output}: is named like {said.value}, and --format says {given.value}: change one of them")
    if not given and suffix == ".json":
        raise InputError(f"{output}: JSON is written one object a line: name it .jsonl, or add --format jsonl")
    return given or said or Format.text


@contextlib.contextmanager
def writing(
    format: Format, output: Path | None, tags: int | None, *, at_once: bool = False
) -> Iterator[Callable[["Captioned"], None]]:
    """What writes one picture's result.

    Arguments:
        format: how.
        output: the file; None for standard output.
        tags: names of what is seen, at most; None for all, but in text, where it is none.
        at_once: whether the results are all at hand. Otherwise `OUTPUT.partial` grows line by line until it is whole,
            but for Parquet.

    Raises:
        InputError: the file cannot be written, or is a table and there is none.
    """
    if output is None:
        if format is Format.parquet:
            raise InputError("--format parquet is written to a file: name it with --output")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        yield WRITERS[format](sys.stdout, tags)
    elif format is Format.parquet:
        from showtell.captioning.output.parquet import require_arrow, row_writer

        require_arrow()
        with write_beside(output) as file, row_writer(file) as write:
            yield lambda result: write(_with_tags(result, tags))
    else:
        with write_beside(output, growing=not at_once) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
            yield WRITERS[format](text, tags)
            text.detach()


def _with_tags(result: "Captioned", tags: int | None) -> "Captioned":
    return (
        replace(result, caption=replace(result.caption, tags=result.caption.tags[:tags])) if result.caption else result
    )
