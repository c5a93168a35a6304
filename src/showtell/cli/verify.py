"""`showtell verify`: check that a model bundle is intact and still gives its golden caption."""

from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import shown


def verify(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="Model bundle: a file, or a name such as flickr8k.", metavar="MODEL", show_default="flickr8k"
        ),
    ] = None,
) -> None:
    """Check every byte of a model bundle, and caption its golden picture again.

    Examples:

        showtell verify
        showtell verify model.showtell
    """
    from showtell.captioning.captioner import Captioner, default_model
    from showtell.captioning.golden import replay

    captioner = Captioner(model)
    result = replay(captioner)
    where = model or default_model().name
    name = shown(f"{where}: model {captioner.bundle.name}")
    print(f"{name}, {len(captioner.bundle.parts)} parts, SHA-256 of each as recorded")
    print(f"golden picture: {result.text!r}, score {result.score:.4f} (recorded {result.recorded_score:.4f})")
