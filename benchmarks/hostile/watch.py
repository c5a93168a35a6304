"""Watches the processes that read mutated files: their time, their memory, and how they end."""

import multiprocessing
import os
import shutil
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from hostile.kinds import KINDS
from hostile.worker import work

SECONDS = 10.0
"""Longest time of the processor for one file."""
MEBIBYTES = 2560
"""Largest memory for one file, beside what the process has."""
_WALL = 90.0  # seconds without an answer, whatever the processor did
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(slots=True)
class Tally:
    """What became of files of one kind: counts, the largest memory in MiB and time in seconds, and faults."""

    counts: dict[str, int] = field(default_factory=dict)
    memory: float = 0.0
    seconds: float = 0.0
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take another one's files in."""
        for verdict, count in other.counts.items():
            self.counts[verdict] = self.counts.get(verdict, 0) + count
        self.memory, self.seconds = max(self.memory, other.memory), max(self.seconds, other.seconds)
        self.kept += other.kept
        self.faults += other.faults

    @property
    def files(self) -> int:
        """All files that were read, refused, or faults."""
        return sum(self.counts.values()) + len(self.faults)


@dataclass(frozen=True, slots=True)
class Stream:
    """Files of one kind that one process reads, where they are, and where those with faults are kept."""

    name: str
    seed: str
    count: int
    folder: Path
    keep: Path | None
    grow: bool


def watch(stream: Stream, tally: Tally) -> None:
    """Read a stream of files, in a new process after each that ended one; add to the tally."""
    first = 0
    while first < stream.count:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        arguments = (theirs, stream.name, stream.seed, first, stream.count, stream.folder, stream.grow)
        process = _CONTEXT.Process(target=work, args=arguments)
        process.start()
        theirs.close()
        number, fault = _followed(process, ours, stream, tally)
        process.kill()
        process.join()
        ours.close()
        if fault:
            _note(tally, stream, number, fault)
        first = number + 1 if fault else stream.count


def _followed(process: BaseProcess, connection: Connection, stream: Stream, tally: Tally) -> tuple[int, str]:
    """Follow a process until it is done, or a file ends it; the file's number, and how."""
    number, began, clock = 0, 0.0, time.monotonic()
    while True:
        if connection.poll(0.05):
            try:
                message = connection.recv()
            except EOFError:
                process.join()
                return number, f"ended with {process.exitcode}"
            clock = time.monotonic()
            if message[0] == "done":
                tally.kept = max(tally.kept, message[1])
                return number, ""
            if message[0] == "broken":
                raise RuntimeError(message[1])
            if message[0] == "begin":
                number, began = message[1], _processor(process)
                continue
            _, number, (verdict, why), memory = message
            tally.memory = max(tally.memory, memory)
            tally.seconds = max(tally.seconds, _processor(process) - began)
            if verdict == "fault" or memory > MEBIBYTES:
                _note(tally, stream, number, why if verdict == "fault" else f"{memory:,.0f} MiB")
            else:
                tally.counts[verdict] = tally.counts.get(verdict, 0) + 1
        elif _processor(process) - began > SECONDS or time.monotonic() - clock > _WALL:
            return number, f"not done after {SECONDS:g} s"
        elif _resident(process) > 2 * MEBIBYTES:
            return number, f"over {2 * MEBIBYTES} MiB"


def _note(tally: Tally, stream: Stream, number: int, fault: str) -> None:
    path = stream.folder / f"{number}{KINDS[stream.name].suffix}"
    tally.faults.append(f"{stream.name}, stream {stream.seed!r}, file {number}: {fault}")
    if stream.keep and path.exists():
        stream.keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, stream.keep / f"{stream.seed.replace(' ', '-')}-{path.name}")
    path.unlink(missing_ok=True)


def _processor(process: BaseProcess) -> float:
    """Seconds of the processor that a process has used."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: BaseProcess) -> float:
    try:
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


def preload() -> None:
    """Import in the server of processes what all of them need."""
    _CONTEXT.set_forkserver_preload(
        [
            "hostile.worker",
            "showtell.captioning.captioner",
            "onnxruntime",
            "onnx",
            "pyarrow.parquet",
            "openpyxl",
            "PIL.Image",
            "showtell.data.captions.predictions",
            "showtell.data.sources.picture_source",
            "showtell.embeddings.pipeline",
            "showtell.alt_text.existing",
        ]
    )
