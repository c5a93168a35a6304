"""A contender in a process of its own, which works on request and reports the cost.

Child and parent exchange lines of JSON: first `{"ready": true}` or `{"missing": "why"}`, then a `Cost` for every number
n received. Whatever a package prints goes to the child's standard error, which is a file.
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType

from contenders import CONTENDERS


@dataclass(frozen=True, slots=True)
class Cost:
    """What n items cost: seconds by the clock, seconds of processors, and the most memory so far, in MiB."""

    items: int
    clock: float
    work: float
    memory: float


class Process:
    """The parent's end. `missing` says why the contender cannot run here; empty when it can."""

    def __init__(self, name: str, pictures: Path, log: Path) -> None:
        self.name = name
        with log.open("wb") as file:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "contenders.process", name, str(pictures)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                cwd=Path(__file__).parents[1],
            )
        self._log = log
        self.missing = ""

    def wait(self) -> None:
        """Wait until the contender is ready, or known to be missing."""
        self.missing = str(self._answer().get("missing", ""))

    def run(self, items: int) -> Cost:
        """Let it do so many items."""
        assert self._child.stdin
        print(items, file=self._child.stdin, flush=True)
        return Cost(**self._answer())

    def _answer(self) -> dict[str, float]:
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            tail = " ".join(self._log.read_text(errors="replace").splitlines()[-3:])
            raise SystemExit(f"error: {self.name} ended: {tail}")
        return dict(json.loads(line))

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()


def main() -> None:
    name, folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    contender = CONTENDERS[name]
    module, function = contender.opens.split(":")
    try:
        opened = getattr(import_module(f"contenders.{module}"), function)
        work = opened(sorted(Path(folder).iterdir()), **contender.arguments)
    except (ImportError, FileNotFoundError) as error:  # a package or a program that is not installed
        print(json.dumps({"missing": str(error)}), file=answers, flush=True)
        return
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        before, began = os.times(), time.perf_counter()
        work(int(line))
        clock, after = time.perf_counter() - began, os.times()
        seconds = sum(after[:4]) - sum(before[:4])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cost = {"items": int(line), "clock": clock, "work": seconds, "memory": memory}
        print(json.dumps(cost), file=answers, flush=True)


if __name__ == "__main__":
    main()
