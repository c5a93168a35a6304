"""`showtell caption`: pictures in files, archives or on the web -> captions as text, JSON lines, CSV or a page."""

import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from showtell.cli.settings import Resize
from showtell.cli.writers import WRITERS, Format, opened
from showtell.errors import InputError


def caption(
    sources: Annotated[
        list[str], typer.Argument(help="Pictures, folders, zip or tar files, patterns in quotes, or http(s) addresses.")
    ],
    model: Annotated[Path | None, typer.Option(help="A model bundle. [default: the model of the package]")] = None,
    random: Annotated[int | None, typer.Option(help="Only so many of the pictures, chosen at random.")] = None,
    index: Annotated[
        list[int] | None, typer.Option(help="Only the picture at this place, from 0; may be given again.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to write the captions.")] = Format.text,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the pictures, too.")] = None,
    beam: Annotated[int | None, typer.Option(help="Width of the beam search; 1 is greedy.")] = None,
    num_captions: Annotated[int, typer.Option(help="Captions for each picture.")] = 1,
    sample: Annotated[bool, typer.Option("--sample", help="Draw captions at random.")] = False,
    temperature: Annotated[float | None, typer.Option(help="Of sampling: below 1 is safer.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k likeliest words.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from the likeliest words that hold p.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of sampling, and of --random.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Of beams: above 0 favours longer captions.")] = None,
    min_length: Annotated[int | None, typer.Option(help="Words of the shortest caption.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Words of the longest caption.")] = None,
    no_repeat_ngram: Annotated[int | None, typer.Option(help="No so many words in a row twice.")] = None,
    must_not: Annotated[
        list[str] | None, typer.Option(help="A word or phrase that is not to be said; may be given again.")
    ] = None,
    resize: Annotated[Resize | None, typer.Option(help="How pictures are made square. [default: model's]")] = None,
    max_size: Annotated[float, typer.Option(help="Megabytes of the largest picture to download.")] = 50.0,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a picture on the web.")] = 30.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through the network at once.")] = 16,
    workers: Annotated[int | None, typer.Option(min=1, help="Decoding threads. [default: one per core]")] = None,
) -> None:
    """Caption pictures.

    An unreadable picture is listed and makes the exit code 1; it never stops the run.
    """
    if seed is not None and not sample and random is None:
        raise InputError("--seed only matters with --sample or --random: add one, or leave this out")
    drawing = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    options = _search_options(sample, drawing | {"seed": seed if sample else None})
    options |= _given({"num_captions": num_captions, "beam": beam, "length_penalty": length_penalty})
    options |= _given({"min_length": min_length, "max_length": max_length, "no_repeat_ngram": no_repeat_ngram})
    options |= _given({"must_not": must_not})

    from showtell.captioner import Captioner
    from showtell.data.gather import Choice, Gathered, WebOptions
    from showtell.progress import bar

    drawn = secrets.randbelow(10**6) if seed is None else seed
    choice = Choice(random, drawn, tuple(index or ()))
    pictures = Gathered(sources, choice, WebOptions(round(max_size * 10**6), timeout))
    captioner = Captioner(model, resize=resize.value if resize else None)
    captioner.search_options(**options)  # a bad option is told before anything is read
    gallery = None
    if html:
        from showtell.cli.gallery import Gallery

        gallery = Gallery()
    if random is not None:
        print(f"{pictures.count:,} of {pictures.total:,} pictures; --seed {drawn} chooses them again", file=sys.stderr)
    failed = 0
    with opened(output) as file:
        # A download has a bar of its own, and captions that come one by one need none.
        show = file is not sys.stdout and not pictures.on_the_web
        write = WRITERS[format](file)
        stream = gallery.watch(pictures.read()) if gallery else pictures.read()
        with bar("captioning", pictures.count, "pictures", show=show) as tick:
            for result in captioner.caption_stream(stream, batch_size=batch_size, workers=workers, **options):
                write(result)
                if gallery:
                    gallery.add(result)
                failed += result.caption is None
                tick(1)
    if gallery and html:
        gallery.write(html, captioner.bundle.name)
        print(f"page: {html}", file=sys.stderr)
    if failed:
        print(f"{failed} of {pictures.count} pictures could not be read", file=sys.stderr)
        raise typer.Exit(1)


def _search_options(sample: bool, drawing: dict[str, Any]) -> dict[str, Any]:
    given = _given(drawing)
    if given and not sample:
        name = next(iter(given)).replace("_", "-")
        raise InputError(f"--{name} only matters with --sample: add it, or leave this out")
    return {"sample": sample, **given}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
