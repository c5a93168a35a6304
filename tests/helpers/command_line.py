"""The command line in this process, which is faster than a process of its own: `user_process.py` has that."""

import contextlib
import io
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `showtell ARGUMENTS` in this process."""
    from showtell.cli import main

    given = [str(argument) for argument in arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    handler, code = signal.getsignal(signal.SIGINT), 0
    with (
        mock.patch.object(sys, "argv", ["showtell", *given]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(cwd or Path.cwd()),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGINT, handler)
    return subprocess.CompletedProcess(given, code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def caption(*arguments: object, model: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `showtell caption ARGUMENTS --model MODEL` in this process."""
    return run("caption", *arguments, "--model", model, cwd=cwd)
