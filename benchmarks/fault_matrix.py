"""Strikes the commands that write files, at random points, and checks that nothing is lost and nothing half is taken
for whole.

    python benchmarks/fault_matrix.py [--seed 0] [--trials N] [--only COMMAND ...]
                                      [--results FILE] [--write docs/results/faults.md]

Each trial begins a command on small inputs in an empty place, strikes it, checks what it left, gives the same command
again, and compares the results with those of an unbroken run, byte for byte. Full and read-only disks are file systems
in memory, which only root may mount; elsewhere they are left out, and the table says so. All of it takes an hour or
two: with --results, each command's figures are kept in a JSON file, from which the page is made, so that commands can
be run one by one. The exit code is 1 if anything was wrong.
"""

import argparse
import dataclasses
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from faults.commands import Command, commands
from faults.inputs import published, write_inputs
from faults.page import page
from faults.processes import preload
from faults.server import SlowServer
from faults.strikes import NEED_A_MOUNT, STRIKES, Subject, Trials, can_mount, first_run

OTHER_TRIALS = 5  # of each strike but kill -9
PAUSE = 0.02  # seconds for 32 KiB of a download


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, help="trials of every strike, instead of 50, 20 and 5")
    parser.add_argument("--only", action="append", help="only this command; may be repeated")
    parser.add_argument("--strike", action="append", choices=STRIKES, help="only this strike; may be repeated")
    parser.add_argument("--pictures", type=int, help="pictures of the inputs, instead of 24 and, for train, 48")
    parser.add_argument("--results", type=Path, help="keep figures in this file, with those that it has")
    parser.add_argument("--note", default="", help="what the page says of how the trials were run")
    parser.add_argument("--write", type=Path, help="write the table to this page")
    args = parser.parse_args()
    kept = json.loads(args.results.read_text()) if args.results and args.results.exists() else {}
    found = matrix(args.seed, args.trials, args.pictures, args.only or (), args.strike or tuple(STRIKES))
    for command, row in found.items():
        figures = {name: there and dataclasses.asdict(there) for name, there in row.items()}
        kept[command] = kept.get(command, {}) | figures
    if args.results:
        args.results.write_text(json.dumps(kept, indent=1))
    if args.write:
        args.write.write_text(page(kept, args.seed, args.note))
    return int(any(there.wrong for row in found.values() for there in row.values() if there))


def matrix(
    seed: int, trials: int | None, pictures: int | None, only: Sequence[str], strikes: Sequence[str]
) -> dict[str, dict[str, Trials | None]]:
    """All trials by command and strike, None for those that cannot run here."""
    data_set, files = published()
    server = SlowServer(files, PAUSE)
    mounts = can_mount()
    found: dict[str, dict[str, Trials | None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        chosen = [one for one in commands(server.base, data_set) if not only or one.name in only]
        preload(any(one.name == "train" for one in chosen))
        for command in chosen:
            inputs = Path(folder) / "inputs"
            write_inputs(inputs, pictures or command.pictures)
            subject = first_run(command, inputs, Path(folder), server)
            print(f"{command.name}: {subject.seconds:.2f} s unbroken", flush=True)
            found[command.name] = {
                name: struck(subject, name, seed, trials) if mounts or name not in NEED_A_MOUNT else None
                for name in strikes
            }
            shutil.rmtree(inputs)
    server.close()
    return found


def struck(subject: Subject, name: str, seed: int, trials: int | None) -> Trials:
    """The trials of one strike on one command."""
    rng = random.Random(f"{seed} {subject.command.name} {name}")
    there = Trials()
    for _ in range(trials or count_of(subject.command, name)):
        met, faults = STRIKES[name](subject, rng)
        there.count += 1
        there.at_work += met
        there.wrong += bool(faults)
        there.faults += faults
    print(f"  {name}: {there.count} trials, {there.at_work} at work, {there.wrong} wrong", flush=True)
    for fault in dict.fromkeys(there.faults):
        print(f"    {fault}", flush=True)
    return there


def count_of(command: Command, strike: str) -> int:
    return command.kills if strike == "kill -9" else OTHER_TRIALS


if __name__ == "__main__":
    sys.exit(main())
