"""Training steps a second alone and beside one busy process, with threads that sleep while they wait and that spin.

    python benchmarks/busy_machine.py [--seconds 10]

Each measurement runs in a process of its own, as PyTorch reads OMP_WAIT_POLICY once. The step is that of the notebook's
decoder on random numbers (`benchmarks/contenders/training_step.py`).
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 3
STEPS = """
import sys, time
from contenders.training_step import steps
work, seconds = steps([], False), float(sys.argv[1])
began = time.perf_counter()
done = 0
while time.perf_counter() - began < seconds:
    work(1)
    done += 1
print(done / (time.perf_counter() - began))
"""
POLICIES = {"PASSIVE": "sleep (the default)", "ACTIVE": "spin"}


def rate(policy: str, seconds: float, busy: bool) -> float:
    """Steps a second under a wait policy."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        done = subprocess.run(
            [sys.executable, "-c", STEPS, str(seconds)],
            cwd=Path(__file__).parent,
            env=os.environ | {"OMP_WAIT_POLICY": policy},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    finally:
        if other:
            other.kill()
            other.wait()
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Training steps a second alone and beside one busy process.")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    given = parser.parse_args()
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(ROUNDS):
        for policy in POLICIES:
            for busy in (False, True):
                found.setdefault((policy, busy), []).append(rate(policy, given.seconds, busy))
    print("| threads that wait | alone | beside one busy process |\n|---|---|---|")
    for policy, what in POLICIES.items():
        rates = [found[policy, busy] for busy in (False, True)]
        cells = [f"{statistics.median(one):.2f} ({min(one):.2f} to {max(one):.2f})" for one in rates]
        print(f"| {what} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
