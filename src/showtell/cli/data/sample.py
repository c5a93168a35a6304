"""`showtell data sample`: a zip -> a smaller one, to try things out on."""

from pathlib import Path
from typing import Annotated

import typer


def sample(
    source: Annotated[Path, typer.Argument(metavar="IN.zip", help="The zip to take from.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The zip to write.")],
    rate: Annotated[float, typer.Option(help="Probability with which each member is kept.")] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed keeps the same members.")] = 42,
) -> None:
    """Keep each member of a zip with some probability.

    Captions need no sampling: those of pictures that are not there are passed over.
    """
    from showtell.data.sample import sample_zip
    from showtell.progress import megabytes

    done = sample_zip(source, target, rate=rate, seed=seed)
    print(f"{target}: {done.kept:,} of {done.total:,} members, {megabytes(done.size)}")
