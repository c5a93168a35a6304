"""The command line in processes of its own that begin with PyTorch imported: forks of one server of `multiprocessing`.

To import what training needs takes seconds, and a test that kills runs begins many. `test_cli.py` and others begin
programs as a user does.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["showtell.cli", "showtell.training.loop", "torch._dynamo", "torch.onnx", "onnxscript"])


def begin(arguments: Sequence[object], out: Path, err: Path) -> ForkServerProcess:
    """Begin `showtell ARGUMENTS`, whose standard output and standard error go to files."""
    process = _CONTEXT.Process(target=_main, args=([str(argument) for argument in arguments], out, err))
    process.start()
    return process


def run(function: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Begin `function(*arguments)`."""
    process = _CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def _main(arguments: list[str], out: Path, err: Path) -> None:
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        stream.flush()
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
    sys.argv = ["showtell", *arguments]
    from showtell.cli import main

    main()
