"""Opens a file for captions in any format, so that no finished result is lost."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from showtell.captioning.output.registry import EVERYTHING, Layout, OutputFormat, Write, find_output_format
from showtell.errors import InputError
from showtell.files import write_beside


@contextlib.contextmanager
def writing(format: str, output: Path | None, layout: Layout = EVERYTHING, *, at_once: bool = False) -> Iterator[Write]:
    """Give a function that writes one picture's result.

    Arguments:
        format: the name of an output format.
        output: the file; None for standard output.
        layout: what the file contains.
        at_once: whether all results exist already. Otherwise `OUTPUT.partial` grows result by result until it is
            complete, except for formats that are written as a whole.

    Raises:
        InputError: the file cannot be written, or the format is binary and there is no file.
        MissingExtra: the format needs a package that is not installed.
    """
    chosen = find_output_format(format)
    if output is None:
        if chosen.binary:
            raise InputError(f"--format {format} needs a file: name it with --output")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        with chosen.open(sys.stdout, layout) as write:
            yield write
    else:
        growing = not (at_once or chosen.whole)
        with write_beside(output, growing=growing) as file, writing_to(file, chosen, layout) as write:
            yield write


@contextlib.contextmanager
def writing_to(file: IO[bytes], format: OutputFormat, layout: Layout = EVERYTHING) -> Iterator[Write]:
    """Give a function that writes one picture's result to an open file."""
    if format.binary:
        with format.open(file, layout) as write:
            yield write
        return
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    with format.open(text, layout) as write:
        yield write
    text.detach()
