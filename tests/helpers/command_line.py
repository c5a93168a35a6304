"""The command line in a process of its own."""

import subprocess
import sys


def run(*arguments, cwd=None):
    program = "from showtell.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


def caption(*arguments, model, cwd=None):
    return run("caption", *arguments, "--model", model, cwd=cwd)
