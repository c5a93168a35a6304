"""Programs in processes of their own that begin with PyTorch imported: forks of one server of `multiprocessing`.

To import what training needs takes seconds, and tests begin many programs. `user_process.py` begins them as users do.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_TRAINING = ["showtell.training.loop", "torch._dynamo", "torch.onnx", "onnxscript"]
_CONTEXT.set_forkserver_preload(["showtell.cli", "onnxruntime", *(_TRAINING if find_spec("torch") else ())])
COMMAND = "from showtell.cli import main; main()"


def begin(arguments: Sequence[object], out: Path, err: Path) -> ForkServerProcess:
    """Begin `showtell ARGUMENTS`, whose standard output and standard error go to files."""
    return run(_execute, COMMAND, [str(argument) for argument in arguments], out, err, dict(os.environ))


def run(function: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Begin `function(*arguments)`."""
    process = _CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def run_with(package: Path, program: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python program, with its arguments and in a folder, that imports Showtell from the folder `package`."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        given = [str(argument) for argument in arguments]
        environment = os.environ | {"PYTHONPATH": str(package)}
        process = run(_execute_with, package, cwd, program, given, out, err, environment)
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(given, process.exitcode, out.read_text(), err.read_text())


def _execute_with(package: Path, cwd: Path, *arguments: Any) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "showtell"]:
        del sys.modules[name]  # what the server has imported is the package of the repository
    sys.path.insert(0, str(package))
    os.chdir(cwd)
    _execute(*arguments)


def _execute(program: str, arguments: list[str], out: Path, err: Path, environment: Mapping[str, str]) -> None:
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        stream.flush()
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
    os.environ.clear()  # the server's is that of the test that began it
    os.environ.update(environment)
    sys.argv = ["showtell", *arguments]
    exec(program, {"__name__": "__main__"})
