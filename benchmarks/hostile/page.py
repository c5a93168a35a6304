"""The page of what became of the files."""

import datetime
import platform
from collections.abc import Mapping

from hostile.watch import MEBIBYTES, SECONDS, Tally

_HEAD = """# Results: hostile input

`python benchmarks/hostile_input.py{options} --write docs/results/hostile-input.md` made this page on {day} ({system},
Python {python}).

It makes {total:,} files, each from the seed and its number alone, and reads each in a process that is watched.
Mutations know the formats: they drop, double, move and rewrite segments of JPEG, chunks of PNG and WebP, directories of
TIFF, boxes of AVIF, headers of zips and tars, cells and columns of tables, values of JSON, sheets of workbooks, columns
of Parquet, and the JSON, tensors and graphs of models; they make checksums anew, lie about sizes and counts, and give
members names such as `../../up.png`. In one of eight streams, files that reach new lines of Showtell, Pillow and the
readers of archives and sheets are kept and mutated further.

- Pictures are read as every command reads them, once leniently, with the texts that they carry.
- Archives are read for their pictures and for captions.
- Caption files are read as captions to train on and as captions to score.
- Models caption a picture.

A crash, a traceback, over {seconds:g} seconds of the processor or over {memory:,} MiB for one file are faults.

{table}

The columns for memory and seconds have the largest values of any file; where lines are traced, Python is several times
slower.
"""


def page(found: Mapping[str, Tally], seed: int, count: int) -> str:
    """The page as Markdown."""
    options = (f" --count {count}" if count != 20_000 else "") + (f" --seed {seed}" if seed else "")
    lines = ["| kind | files | read | refused in one line | faults | MiB | seconds |", "|---|---|---|---|---|---|---|"]
    whole = Tally()
    for name, tally in found.items():
        lines.append(_row(name, tally))
        whole.add(tally)
    return _HEAD.format(
        options=options,
        day=f"{datetime.date.today():%d %B %Y}",
        system=platform.system(),
        python=platform.python_version(),
        total=whole.files,
        seconds=SECONDS,
        memory=MEBIBYTES,
        table="\n".join([*lines, _row("all", whole)]),
    )


def _row(name: str, tally: Tally) -> str:
    read, refused = tally.counts.get("read", 0), tally.counts.get("refused", 0)
    counts = f"{tally.files:,} | {read:,} | {refused:,} | {len(tally.faults)}"
    return f"| {name} | {counts} | {tally.memory:,.0f} | {tally.seconds:.1f} |"
