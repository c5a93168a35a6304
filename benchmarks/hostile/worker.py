"""A process that reads mutated files one after the other, and says before and after each what it does."""

import os
import random
import sys
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from hostile.generic import spliced
from hostile.kinds import KINDS, Kind
from showtell.errors import ShowtellError, shown

_MOST_KEPT = 300  # files of the corpus
_LARGEST_KEPT = 1 << 20
_LARGEST = 16 << 20  # what is not packed may take time by its size


def work(connection: Connection, name: str, seed: str, first: int, count: int, folder: Path, grow: bool) -> None:
    """Read the files number `first` to `count` of a stream.

    Arguments:
        connection: gets ("begin", number), and ("end", number, verdict, MiB) after each.
        name: of the kind.
        seed: of the stream; its files depend on nothing else, if all are read in one process.
        first: where to go on after a file that ended an earlier process.
        count: of files in the stream.
        folder: where the file is that is being read.
        grow: keep files that reach new lines of code, and mutate these, too.
    """
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff prints
    try:
        _read_all(connection, KINDS[name], seed, first, count, folder, grow)
    except Exception:  # of a mutation, which must not be taken for a fault of what it makes
        connection.send(("broken", traceback.format_exc()))


def _read_all(connection: Connection, kind: Kind, seed: str, first: int, count: int, folder: Path, grow: bool) -> None:
    coverage = Coverage() if grow else None
    corpus = kind.seeds()
    for number, data in enumerate(_stream(corpus, kind, seed, count)):
        if number < first:
            continue
        path = folder / f"{number}{kind.suffix}"
        path.write_bytes(data)
        _forget_peak()
        before = _memory("VmRSS")
        connection.send(("begin", number))
        if coverage:
            coverage.begin()
        verdict = verdict_of(kind, path)
        new = coverage.end() if coverage else False
        connection.send(("end", number, verdict, _memory("VmHWM") - before))
        if verdict[0] != "fault":
            path.unlink()
        if new and len(corpus) < _MOST_KEPT and len(data) < _LARGEST_KEPT:
            corpus.append(data)
    connection.send(("done", len(corpus)))


def verdict_of(kind: Kind, path: Path) -> tuple[str, str]:
    """Read, refused or fault, and why."""
    found, refused = False, []
    try:
        found, refused = kind.read(path)
    except ShowtellError as error:
        refused = [str(error)]
    except MemoryError:
        return "fault", "MemoryError"
    except BaseException as error:  # what a user would see as a traceback
        return "fault", f"{type(error).__name__}: {error}"[:300]
    for line in refused:
        if "\n" in shown(line) or not line.strip():
            return "fault", f"no line: {line[:300]!r}"
    if not (found or refused):
        return "fault", "neither read nor refused"
    return ("read", "") if found else ("refused", refused[0][:300])


def _stream(corpus: list[bytes], kind: Kind, seed: str, count: int) -> Iterator[bytes]:
    """The files of a stream: seeds and kept ones, each mutated once or several times."""
    seeds = list(corpus)
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        data = rng.choice(corpus if rng.random() < 0.5 else seeds)
        if rng.random() < 0.05:
            data = spliced(data, rng.choice(corpus), rng)
        for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
            if len(data) < _LARGEST_KEPT:
                data = kind.mutate(data, rng)
        yield data[:_LARGEST]


class Coverage:
    """The lines of Showtell and of the Python code that it reads files with which have run in this process."""

    _PLACES = ("/showtell/", "/PIL/", "/zipfile", "/tarfile", "/openpyxl/", "/csv.py", "/json/")

    def __init__(self) -> None:
        self._seen: set[tuple[CodeType, int]] = set()
        self._wanted: dict[str, bool] = {}
        self._before = 0

    def begin(self) -> None:
        """Note lines from here on."""
        self._before = len(self._seen)
        sys.settrace(self._called)

    def end(self) -> bool:
        """Note lines no longer; whether any was new."""
        sys.settrace(None)
        return len(self._seen) > self._before

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if file not in self._wanted:
            self._wanted[file] = any(place in file for place in self._PLACES)
        return self._ran if self._wanted[file] else None

    def _ran(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._seen.add((frame.f_code, frame.f_lineno))
        return self._ran


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """VmRSS or VmHWM of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0
