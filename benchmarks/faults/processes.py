"""The command line in processes of its own that begin with everything imported: forks of one server of multiprocessing.

Without that, most kill points would fall into imports, and a matrix would take an hour.
"""

import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_IMPORTED = (
    "showtell.cli",
    "showtell.alt_text",
    "showtell.captioning.jobs",
    "showtell.data.catalogue",
    "showtell.embeddings.embed",
    "showtell.encoders.sources.onnx",
    "showtell.evaluation",
    "showtell.quantization.encoder",
    "onnx",
    "onnxruntime",
    "pyarrow.parquet",
    "PIL.PngImagePlugin",
    "rich.table",
)
_OF_TRAINING = ("showtell.training", "torch._dynamo", "onnxscript", "faults.warm")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a process may not do: write files of over `file_size` bytes, or write where its user may not."""

    file_size: int | None = None
    ordinary: bool = False


FREE = Bounds()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, after how many seconds, and what it said on standard error."""

    code: int
    seconds: float
    said: str

    @property
    def last_line(self) -> str:
        """The last line that it said; empty without any."""
        return (self.said.splitlines() or [""])[-1]


class Process:
    """A running `showtell ARGUMENTS`."""

    def __init__(
        self, arguments: Sequence[object], data_sets: Mapping[str, Any] | None = None, bounds: Bounds = FREE
    ) -> None:
        """Begin it.

        Arguments:
            arguments: the command line.
            data_sets: replace the published data sets, so that a server of this machine can have them.
            bounds: what it may not do.
        """
        read, write = os.pipe()
        ready, begun = _CONTEXT.Pipe(duplex=False)
        words = [str(argument) for argument in arguments]
        with contextlib.closing(multiprocessing.connection.Connection(write)) as errors:
            self._process: ForkServerProcess = _CONTEXT.Process(
                target=_main, args=(words, errors, begun, dict(data_sets or {}), bounds)
            )
            self._process.start()
        begun.close()
        with contextlib.suppress(EOFError):
            ready.recv()  # of the command itself: what comes before is not to be struck
        self.began = time.monotonic()
        self._errors = os.fdopen(read, encoding="utf-8", errors="backslashreplace")

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.exitcode is None

    def strike(self, number: int, after: float) -> bool:
        """Send a signal so many seconds after the beginning; False if the process has ended before."""
        self._process.join(max(0.0, self.began + after - time.monotonic()))
        if not self.running():
            return False
        assert self._process.pid
        os.kill(self._process.pid, number)
        return True

    def wait(self) -> Ended:
        """Wait until it has ended."""
        said = self._errors.read()
        self._errors.close()
        self._process.join()
        assert self._process.exitcode is not None
        return Ended(self._process.exitcode, time.monotonic() - self.began, said)


def preload(training: bool) -> None:
    """Say what the server of processes imports; before the first process."""
    _CONTEXT.set_forkserver_preload([*_IMPORTED, *(_OF_TRAINING if training else ())])


def _main(arguments: list[str], errors: Any, begun: Any, data_sets: dict[str, Any], bounds: Bounds) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    os.dup2(errors.fileno(), 2)
    errors.close()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if bounds.ordinary and os.geteuid() == 0:
        _give_up_privileges()
    if bounds.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bounds.file_size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    from showtell.cli import main
    from showtell.data import catalogue

    catalogue.DATA_SETS.update(data_sets)
    sys.argv = ["showtell", *arguments]
    begun.send(None)
    begun.close()
    main()


def _give_up_privileges() -> None:
    """Let the rights of files hold for root, too: see capset(2)."""
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")
