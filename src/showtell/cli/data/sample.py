"""`showtell data sample`: a zip -> a smaller one for experiments."""

from pathlib import Path
from typing import Annotated

import typer


def sample(
    source: Annotated[Path, typer.Argument(metavar="IN.zip", help="Zip to sample from.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.zip", help="Zip to write.")],
    rate: Annotated[float, typer.Option(help="Probability of keeping each member, from 0 to 1.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Seed; the same one keeps the same members.")] = 42,
) -> None:
    """Keep each member of a zip with some probability.

    Captions need no sampling, because captions without pictures are skipped.

    Examples:

        showtell data sample train2014.zip small.zip --rate 0.01 --seed 42
    """
    from showtell.data.sample import sample_zip
    from showtell.progress import megabytes

    done = sample_zip(source, target, rate=rate, seed=seed)
    print(f"{target}: {done.kept:,} of {done.total:,} members, {megabytes(done.size)}")
