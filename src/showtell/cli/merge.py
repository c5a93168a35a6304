"""`showtell merge`: several models of one encoder as one file."""

from pathlib import Path
from typing import Annotated

import typer


def merge(
    models: Annotated[
        list[str], typer.Argument(help="Model bundles, or names of models, that share an encoder.", metavar="MODEL...")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model bundle to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the new model. Default: that of the file.")] = None,
) -> None:
    """Merge models into an ensemble in one file, which captions like any other model.

    The models must have one encoder and one vocabulary. The new model averages their probabilities of the next word. It
    has no calibration: run `showtell calibrate` on it.

    Examples:

        showtell merge seed1.showtell seed2.showtell -o both.showtell
    """
    from showtell.post_training.merge import merge as merge_models

    merge_models(models, out, name=name)
    print(f"model: {out}")
