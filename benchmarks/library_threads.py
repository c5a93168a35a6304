"""The time of captions by the command and by a program that imports Showtell, with NumPy's threads and without.

    python benchmarks/library_threads.py [--pictures FOLDER] [--count 200] [--rounds 5] [--model NAME]

Every run is a process of its own that captions the same pictures by the library's defaults and prints nothing. The runs
of a round follow one another, and what counts is each one's ratio to the command of its round: by the clock, and by
processor time. With `OPENBLAS_NUM_THREADS=1` NumPy has no threads of its own, so a run that is slower without it loses
time to them. Without `--pictures`, JPEGs of 500 x 375 are drawn.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from captioning import drawn

COMMAND = "from showtell.cli import main; main()"
PROGRAM = """
import sys
from showtell import Captioner, PictureSource
captioner = Captioner(sys.argv[2])
captions = [result.caption for result in captioner.caption_stream(PictureSource(sys.argv[1]).read())]
assert all(captions)
"""
ONE = {"OPENBLAS_NUM_THREADS": "1"}


def contenders(pictures: Path, model: str, out: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """The command line and the environment of each, the first being what the others are compared with."""
    caption = [COMMAND, "caption", str(pictures), "--model", model, "-o", str(out), "--format", "jsonl"]
    program = [PROGRAM, str(pictures), model]
    return {
        "`showtell caption`": (caption, {}),
        "`showtell caption`, OPENBLAS_NUM_THREADS=1": (caption, ONE),
        "`import showtell`": (program, {}),
        "`import showtell`, OPENBLAS_NUM_THREADS=1": (program, ONE),
    }


def cost(program: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds by the clock and of processors that a run takes."""
    given = {name: value for name, value in os.environ.items() if name not in ONE} | environment
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", *program], env=given, check=True, stderr=subprocess.DEVNULL)
    clock, after = time.perf_counter() - began, os.times()
    return clock, sum(after[2:4]) - sum(before[2:4])


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="a folder of pictures (default: some are drawn)")
    parser.add_argument("--count", type=int, default=200, help="pictures to draw (default: 200)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--model", default="flickr8k", help="a model by name or file (default: flickr8k)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.pictures or Path(temporary) / "pictures"
        if not args.pictures:
            folder.mkdir()
            for i in range(args.count):
                drawn(i).save(folder / f"{i:03}.jpg", quality=90)
        runs = contenders(folder, args.model, Path(temporary) / "captions.jsonl")
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for number in range(args.rounds):
            turns = list(runs.items())
            for name, run in turns if number % 2 == 0 else reversed(turns):
                costs[name].append(cost(*run))
    first = next(iter(costs.values()))
    print("| run | seconds by the clock | of processors | clock, against the command | processors |")
    print("|---|---|---|---|---|")
    for name, of in costs.items():
        seconds = [spread([one[kind] for one in of]) for kind in (0, 1)]
        ratios = [spread([a[kind] / b[kind] for a, b in zip(of, first, strict=True)]) for kind in (0, 1)]
        print(f"| {name} | {' | '.join(seconds)} | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
