"""The command line in a process of its own, as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = "from showtell.cli import main; main()"


def run(
    *arguments: object, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `showtell ARGUMENTS`, in the folder and with the environment given, else with this process's."""
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    given = environment or os.environ
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=given, check=False)
