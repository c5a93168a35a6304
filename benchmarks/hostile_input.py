"""Mutates pictures, archives, caption files and model bundles, and checks that each is read or refused in one line.

    python benchmarks/hostile_input.py [--count 20000] [--seed 0] [--only KIND ...] [--keep FOLDER]
                                       [--results FILE] [--write docs/results/hostile-input.md]

Mutations know the formats: they rewrite segments, chunks, directories, headers, cells and tensors, and make checksums
anew. In one of eight streams of 250 files, files that reach new lines of code are kept and mutated further, which takes
several times as long. Every file is read in a process that is watched: a crash, a traceback, over 10 seconds of the
processor or over 2,560 MiB of memory are faults. Files depend on the seed alone. It needs Linux and the extra test.
With --results, each kind's figures are kept in a JSON file, from which the page is made, so that kinds can be run one
by one. The exit code is 1 if there was any fault.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hostile.kinds import KINDS
from hostile.page import page
from hostile.watch import Stream, Tally, preload, watch

STREAM = 250  # files that a process reads


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="files, shared out as in the table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=KINDS, help="only this kind; may be repeated")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time")
    parser.add_argument("--grow", type=int, default=8, help="one stream in so many keeps files; 0 for none")
    parser.add_argument("--keep", type=Path, help="keep files with faults in this folder")
    parser.add_argument("--results", type=Path, help="keep figures in this file, with those that it has")
    parser.add_argument("--write", type=Path, help="write the table to this page")
    args = parser.parse_args()
    preload()
    kept = json.loads(args.results.read_text()) if args.results and args.results.exists() else {}
    found: dict[str, Tally] = {}
    for name in args.only or KINDS:
        count = max(1, round(KINDS[name].count * args.count / 20_000))
        found[name] = of_kind(name, args.seed, count, args.workers, args.keep, args.grow)
        kept[name] = dataclasses.asdict(found[name])
        if args.results:
            args.results.write_text(json.dumps(kept, indent=1))
    if args.write:
        args.write.write_text(
            page({name: Tally(**kept[name]) for name in KINDS if name in kept}, args.seed, args.count)
        )
    return int(any(tally.faults for tally in found.values()))


def of_kind(name: str, seed: int, count: int, workers: int, keep: Path | None, grow: int) -> Tally:
    """Read so many files of a kind, and print what became of them."""
    tallies = [Tally() for _ in range(0, count, STREAM)]

    def stream(number: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            size = min(STREAM, count - number * STREAM)
            watch(
                Stream(name, f"{seed} {name} {number}", size, Path(folder), keep, bool(grow) and number % grow == 0),
                tallies[number],
            )

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(stream, range(len(tallies))))
    whole = Tally()
    for one in tallies:
        whole.add(one)
    print(
        f"{name}: {dict(sorted(whole.counts.items()))}, {whole.memory:,.0f} MiB and {whole.seconds:.1f} s at most, "
        f"{len(whole.faults)} faults",
        flush=True,
    )
    for fault in whole.faults:
        print(f"  {fault}", flush=True)
    return whole


if __name__ == "__main__":
    sys.exit(main())
