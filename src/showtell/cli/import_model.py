"""`showtell import`: a pretrained captioner of Hugging Face Transformers -> a model bundle."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from showtell.cli import reading


class ImportPrecision(StrEnum):
    """How matrices are stored."""

    int8 = "int8"
    float32 = "float32"
    float16 = "float16"


class Detail(StrEnum):
    """How long captions are."""

    short = "short"
    detailed = "detailed"
    long = "long"


def import_model(
    origin: Annotated[
        str,
        typer.Argument(
            help="Folder with config.json, safetensors and tokenizer.json, or a name on the Hugging Face hub.",
            metavar="SOURCE",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Bundle to write.", show_default="SOURCE's own name, in this folder"),
    ] = None,
    precision: Annotated[
        ImportPrecision,
        typer.Option(help="Store matrices so; int8 also multiplies in int8, float16 computes in float32."),
    ] = ImportPrecision.int8,
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit on the hub.", show_default="the main branch", metavar="NAME"),
    ] = None,
    detail: Annotated[
        Detail | None, typer.Option(help="Florence-2: how long captions are.", show_default="short")
    ] = None,
    check_pictures: Annotated[
        list[str] | None,
        typer.Option(
            help="Pictures on which captions are compared with float32.",
            metavar="SOURCE",
            show_default="example photographs, or drawn pictures",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Compare captions with those of float32.")] = True,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Turn a pretrained captioner into a bundle that every command here runs.

    Known are BLIP, GIT, Florence-2, and ViT, DeiT or Swin before GPT-2 or BERT. Only safetensors are read: nothing of
    a model is ever executed.

    Examples:

        showtell import Salesforce/blip-image-captioning-base -o blip.showtell
        showtell import models/vit-gpt2/ -o vit-gpt2.showtell --precision float32
    """
    from showtell.models.names import HUB, SUFFIX
    from showtell.pretrained.run import import_model as import_bundle

    options = reading.read_options(exclude, zip_encoding, max_pixels, lenient)
    name = origin.removeprefix(HUB)
    made = import_bundle(
        origin,
        out or Path(Path(name).resolve().name + SUFFIX),
        precision=precision.value,
        revision=revision,
        detail=detail.value if detail else "",
        pictures=reading.open_pictures(check_pictures, options) if check_pictures else None,
        check=check,
        say=lambda line: print(line, file=sys.stderr),
    )
    print(f"licence: {made.licence or 'not stated'}")
    if made.agreement:
        print(f"check: {made.agreement.text}")
    print(f"model: {made.path}, {made.size / 1e6:.1f} MB")
