"""`showtell verify`: check that a model bundle is intact and still gives its golden caption."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import shown
from showtell.models.names import DEFAULT_NAME


def verify(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="Model bundle: a file, or a name such as flickr8k.", metavar="MODEL", show_default=DEFAULT_NAME
        ),
    ] = None,
) -> None:
    """Check every byte of a model bundle, and caption its golden picture again.

    Also names the versions that the bundle was made with and that differ here.

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
    print(_versions(captioner.bundle.versions))
    print(f"golden picture: {result.text!r}, score {result.score:.4f} (recorded {result.recorded_score:.4f})")


def _versions(recorded: Mapping[str, str]) -> str:
    """What the bundle was made with, and what of it differs here."""
    from showtell.models.versions import differences

    if not recorded:
        return "versions: not recorded, the bundle is of an earlier release"
    made = ", ".join(shown(f"{name} {version}") for name, version in recorded.items())
    differing = [shown(f"{name} {here}") for name, (_, here) in differences(recorded).items()]
    return f"made with {made}; {'here ' + ', '.join(differing) if differing else 'the same here'}"
