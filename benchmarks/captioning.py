"""Showtell and other systems on the same pictures, in one run: captions, encoders, a training step, metrics.

    python benchmarks/captioning.py [--pictures FOLDER_OR_ZIP] [--rounds 5] [--seconds 6] [--only WORD ...]
        [--sizes 1000 10000] [--write docs/results/benchmarks.md] [--quick]

Every contender is a process of its own. All are started and warmed up; then they take turns for `--rounds` rounds, each
doing as many items a turn as take about `--seconds`. What counts is the ratio within a round, by the clock and by
processor time, so that other work on the machine slows down both sides. Without `--pictures`, JPEGs of 500 x 375 are
drawn. A contender that is not installed is left out, and reported. Afterwards come the start of `showtell caption`, and
time and memory against the number of pictures.
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from contenders import COMPARISONS, CONTENDERS
from contenders.process import Cost, Process
from contenders.tables import Results, markdown, plot, say, write_into
from showtell.onnx_graphs.session import available_cores
from showtell.progress import bar

PACKAGES = ("showtell", "onnxruntime", "numpy", "pillow", "torch", "tensorflow-cpu", "keras", "transformers")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="a folder or zip of JPEGs (default: some are drawn)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contender (default: 5)")
    parser.add_argument("--seconds", type=float, default=6.0, help="about how long a turn takes (default: 6)")
    parser.add_argument("--only", nargs="*", default=[""], help="contenders whose names hold one of these")
    parser.add_argument(
        "--sizes", nargs="*", type=int, default=[1000, 10_000], help="pictures of the runs of growing size"
    )
    parser.add_argument("--write", type=Path, help="a Markdown page to put the tables into, with a plot beside it")
    parser.add_argument("--quick", action="store_true", help="one small turn each: whether it runs, not how fast")
    args = parser.parse_args()
    rounds, seconds, sizes = (1, 0.0, [16, 32]) if args.quick else (args.rounds, args.seconds, args.sizes)
    names = [name for name in CONTENDERS if any(word in name for word in args.only)]
    with tempfile.TemporaryDirectory() as temporary:
        pictures, which = gathered(args.pictures, Path(temporary))
        costs, missing = side_by_side(names, pictures, Path(temporary), rounds, seconds)
        starts = [start_of(next(pictures.iterdir())) for _ in range(rounds)]
        growing = [alone("showtell, greedy", pictures, Path(temporary), size) for size in sizes]
    results = Results(described(which), costs, missing, starts, growing, COMPARISONS)
    say(results)
    if args.write:
        write_into(args.write, markdown(results))
        plot(results, args.write.with_suffix(".svg"))


def gathered(source: Path | None, temporary: Path) -> tuple[Path, str]:
    """A flat folder of pictures, and what they are."""
    folder = temporary / "pictures"
    folder.mkdir()
    if source is None:
        for i in range(64):
            drawn(i).save(folder / f"{i:03}.jpg", quality=90)
        return folder, "64 drawn 500 x 375 JPEGs"
    if source.is_dir():
        return source, f"the pictures of {source.name}"
    with zipfile.ZipFile(source) as archive:
        members = [name for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
        for i, name in enumerate(members):
            (folder / f"{i:05}.jpg").write_bytes(archive.read(name))
    return folder, f"the {len(members)} JPEGs of {source.name}"


def drawn(seed: int) -> Image.Image:
    """Soft shapes with some grain: a JPEG of about the size that a photograph has."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)).resize((500, 375), 3), np.float32)
        for size in (4, 16, 64)
    ]
    grain = rng.normal(0, 6, (375, 500, 3))
    mixed = 0.55 * layers[0] + 0.3 * layers[1] + 0.15 * layers[2] + grain
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def side_by_side(
    names: Sequence[str], pictures: Path, logs: Path, rounds: int, seconds: float
) -> tuple[dict[str, list[Cost]], dict[str, str]]:
    """The cost of every contender's turns, and why others had none."""
    with ExitStack() as stack:
        running: dict[str, Process] = {}
        missing: dict[str, str] = {}
        with bar("starting", len(names), "contenders") as tick:
            for name in names:  # one after the other: they would disturb each other
                process = stack.enter_context(Process(name, pictures, logs / f"{len(running) + len(missing)}.log"))
                process.wait()
                if process.missing:
                    missing[name] = process.missing
                else:
                    running[name] = process
                tick(1, note=name)
        turns = {name: turn_of(process, seconds) for name, process in running.items()}
        costs: dict[str, list[Cost]] = {name: [] for name in running}
        with bar("running", rounds * len(running), "turns") as tick:
            for _ in range(rounds):
                for name, process in running.items():
                    costs[name].append(process.run(turns[name]))
                    tick(1, note=name)
    return costs, missing


def turn_of(process: Process, seconds: float) -> int:
    """Items of one turn: so many pieces that they take about `seconds`."""
    piece = CONTENDERS[process.name].piece
    process.run(piece)
    once = process.run(piece).clock if seconds else 1.0
    return piece * max(1, round(seconds / once))


def start_of(picture: Path) -> Cost:
    """`showtell caption` of one picture, from nothing to the end of its process."""
    command = [sys.executable, "-c", "from showtell.cli import main; main()", "caption", str(picture)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(1, clock, work, 0.0)


def alone(name: str, pictures: Path, logs: Path, count: int) -> Cost:
    """One turn of so many pictures in a fresh process."""
    with Process(name, pictures, logs / f"alone-{count}.log") as process:
        process.wait()
        return process.run(count)


def described(pictures: str) -> list[str]:
    """Machine, versions, date and pictures, a line each."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    load = f"{os.getloadavg()[2]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{processor()}, {available_cores()} cores; load of the last 15 minutes, this run's own among it: {load}",
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(versions)}",
        f"{datetime.date.today():%d %B %Y}; pictures: {pictures}",
    ]


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
