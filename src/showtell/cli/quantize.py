"""`showtell quantize`: a model in int8, smaller and faster, without training."""

from pathlib import Path
from typing import Annotated

import typer

from showtell.cli import reading


def quantize(
    model: Annotated[Path, typer.Argument(help="Model bundle; replaced unless --out is given.", metavar="MODEL")],
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            help="Picture source, like the pictures to caption. Without it, the encoder stays as it is.",
            metavar="SOURCE",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write another bundle instead of replacing MODEL.")
    ] = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Quantize a finished model: its encoder and decoder then compute in int8, in a smaller file.

    Training with an int8 encoder costs less quality: set precision in the recipe's table [encoder].

    Examples:

        showtell quantize model.showtell --pictures photos/ -o small.showtell
        showtell quantize model.showtell
    """
    from showtell.post_training.quantize import quantize as quantize_bundle

    options = reading.read_options(exclude, zip_encoding, max_pixels, lenient)
    made = quantize_bundle(model, out, reading.open_pictures(pictures, options) if pictures else None)
    for name, (before, after) in (("encoder", made.encoder), ("decoder", made.decoder), ("bundle", made.bundle)):
        print(f"{name}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
    print(f"model: {out or model}")
