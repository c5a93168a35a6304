"""`showtell caption`: pictures, folders, archives and patterns -> captions as text, JSON lines, CSV or a page."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from showtell.errors import InputError


class Format(StrEnum):
    """How captions are written."""

    text = "text"
    jsonl = "jsonl"
    csv = "csv"


class Resize(StrEnum):
    """How pictures are made square."""

    crop = "crop"
    squash = "squash"
    pad = "pad"


def caption(
    sources: Annotated[list[str], typer.Argument(help="Pictures, folders, zip or tar files, or patterns in quotes.")],
    model: Annotated[Path | None, typer.Option(help="A model bundle. [default: the model of the package]")] = None,
    format: Annotated[Format, typer.Option(help="How to write the captions.")] = Format.text,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the pictures, too.")] = None,
    beam: Annotated[int | None, typer.Option(help="Width of the beam search; 1 is greedy.")] = None,
    num_captions: Annotated[int, typer.Option(help="Captions for each picture.")] = 1,
    sample: Annotated[bool, typer.Option("--sample", help="Draw captions at random.")] = False,
    temperature: Annotated[float | None, typer.Option(help="Of sampling: below 1 is safer.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k likeliest words.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from the likeliest words that hold p.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of sampling.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Words of the longest caption.")] = None,
    resize: Annotated[Resize | None, typer.Option(help="How pictures are made square. [default: model's]")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through the network at once.")] = 16,
    workers: Annotated[int | None, typer.Option(min=1, help="Decoding threads. [default: one per core]")] = None,
) -> None:
    """Caption pictures.

    An unreadable picture is listed and makes the exit code 1; it never stops the run.
    """
    asked = {
        "beam": beam,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "max_length": max_length,
    }
    sampling = [name for name in ("temperature", "top_k", "top_p", "seed") if asked[name] is not None]
    if sampling and not sample:
        raise InputError(f"--{sampling[0].replace('_', '-')} only matters with --sample: add it, or leave this out")
    options = {name: value for name, value in asked.items() if value is not None}
    options |= {"num_captions": num_captions, "sample": sample}

    from showtell.captioner import Captioner
    from showtell.progress import bar

    pictures = _Pictures(sources)
    captioner = Captioner(model, resize=resize.value if resize else None)
    captioner.search_options(**options)  # a bad option is told before anything is listed or read
    gallery = _Gallery(pictures) if html else None
    failed = 0
    with _opened(output) as file, bar("captioning", pictures.count, "pictures", show=file is not sys.stdout) as tick:
        writer = _WRITERS[format](file)
        stream = gallery.watch(pictures.read()) if gallery else pictures.read()
        for result in captioner.caption_stream(stream, batch_size=batch_size, workers=workers, **options):
            writer(result)
            if gallery:
                gallery.add(result)
            failed += result.caption is None
            tick(1)
    if gallery and html:
        gallery.write(html, captioner)
        print(f"page: {html}", file=sys.stderr)
    if failed:
        print(f"{failed} of {pictures.count} pictures could not be read", file=sys.stderr)
        raise typer.Exit(1)


class _Pictures:
    """The pictures of every source, named so that a person finds them again.

    A picture file is called what the user called it; what lies in a folder or archive is called by its path in there,
    after the folder's or archive's own path where there are several sources.
    """

    def __init__(self, sources: list[str]) -> None:
        from showtell.data.images import PictureSource

        self.sources = sources
        self.parts = [PictureSource(source) for source in sources]
        self.count = sum(len(part.names()) for part in self.parts)

    def read(self) -> Iterator[Any]:
        from dataclasses import replace

        for source, part in zip(self.sources, self.parts, strict=True):
            for picture in part.read():
                yield replace(picture, name=self._called(source, picture.name))

    def _called(self, source: str, name: str) -> str:
        if Path(source).name == name:
            return source
        return name if len(self.sources) == 1 or not Path(source).exists() else f"{source.rstrip('/')}/{name}"


class _TextWriter:
    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def __call__(self, result: Any) -> None:
        if result.caption is None:
            print(f"{result.name}: cannot be captioned: {result.error}", file=self.file, flush=True)
            return
        print(f"{result.name}: {result.caption.text}", file=self.file, flush=not result.caption.alternatives)
        for other in result.caption.alternatives:
            print(f"{' ' * len(result.name)}  {other.text}", file=self.file, flush=True)


class _JsonWriter:
    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def __call__(self, result: Any) -> None:
        line: dict[str, Any] = {"name": result.name}
        if result.caption is None:
            line["error"] = result.error
        else:
            line |= _as_json(result.caption)
            if result.caption.alternatives:
                line["captions"] = [_as_json(one) for one in (result.caption, *result.caption.alternatives)]
        print(json.dumps(line, ensure_ascii=False), file=self.file, flush=True)


class _CsvWriter:
    def __init__(self, file: IO[str]) -> None:
        self.rows = csv.writer(file, lineterminator="\n")
        self.rows.writerow(["name", "caption", "score", "error"])

    def __call__(self, result: Any) -> None:
        if result.caption is None:
            self.rows.writerow([result.name, "", "", result.error])
            return
        for one in (result.caption, *result.caption.alternatives):
            self.rows.writerow([result.name, one.text, f"{one.score:.6g}", ""])


_WRITERS: dict[Format, Callable[[IO[str]], Callable[[Any], None]]] = {
    Format.text: _TextWriter,
    Format.jsonl: _JsonWriter,
    Format.csv: _CsvWriter,
}


def _as_json(caption: Any) -> dict[str, Any]:
    words = [{"word": word.word, "probability": round(word.probability, 6)} for word in caption.words]
    return {"caption": caption.text, "score": round(caption.score, 6), "words": words}


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """The file to write to, line by line, so that what is finished is never lost."""
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        yield sys.stdout
        return
    try:
        file = open(output, "w", encoding="utf-8", errors="surrogateescape", newline="")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror})") from error
    with file:
        yield file


class _Gallery:
    """Thumbnails of what is captioned, for the page; they pass by on their way to the captioner."""

    def __init__(self, pictures: _Pictures) -> None:
        self.thumbnails: dict[str, Any] = {}
        self.entries: list[Any] = []

    def watch(self, pictures: Iterator[Any]) -> Iterator[Any]:
        from showtell.errors import PictureError
        from showtell.image import decode
        from showtell.report.page import THUMBNAIL

        for picture in pictures:
            with contextlib.suppress(PictureError):
                image = decode(picture.data)
                image.thumbnail((THUMBNAIL, THUMBNAIL))
                self.thumbnails[picture.name] = image
            yield picture

    def add(self, result: Any) -> None:
        from showtell.report.page import Entry

        found = result.caption
        self.entries.append(
            Entry(
                name=result.name,
                caption=found.text if found else "",
                words=tuple((word.word, word.probability) for word in found.words) if found else (),
                score=found.score if found else 0.0,
                alternatives=tuple(one.text for one in found.alternatives) if found else (),
                picture=self.thumbnails.pop(result.name, None),
                error=result.error,
            )
        )

    def write(self, path: Path, captioner: Any) -> None:
        from showtell.files import write_bytes
        from showtell.report.page import caption_page

        footer = f"Captions by showtell, model {captioner.bundle.name}."
        page = caption_page(self.entries, title="Captioned pictures", footer=footer)
        try:
            write_bytes(path, page.encode())
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error
