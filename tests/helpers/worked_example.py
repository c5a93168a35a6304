"""A worked example of docs/contributing, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import showtell
from forked import COMMAND, run_with
from repository import ROOT


@dataclass(frozen=True)
class WorkedExample:
    """A copy of the package, in which the page's file has its place; `folder` is where commands run."""

    folder: Path
    file: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the `showtell` command of the copy."""
        return run_with(self.folder / "src", COMMAND, *arguments, cwd=self.folder)

    def python(self, program: str) -> str:
        """What a Python program prints that imports the copy."""
        done = run_with(self.folder / "src", program, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pytest(self, place: str) -> subprocess.CompletedProcess[str]:
        """Run a test in the folder against the copy."""
        program = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
        arguments = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", place)
        return run_with(self.folder / "src", program, *arguments, cwd=self.folder)


@contextmanager
def follow(page: str, place: str, folder: Path) -> Iterator[WorkedExample]:
    """Copy the package into `folder/src`, and into it the first Python block of docs/contributing/`page` at `place`.

    The file is removed at the end.
    """
    text = (ROOT / "docs" / "contributing" / page).read_text()
    assert f"`{place}`" in text, "the page says where the file goes"
    (first, *_) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    source = Path(showtell.__file__).parent
    shutil.copytree(
        source, folder / "src" / "showtell", copy_function=os.symlink, ignore=shutil.ignore_patterns("__pycache__")
    )
    file = folder / "src" / place
    assert not file.exists(), "the example is no file of the package"
    file.write_text(first)
    try:
        yield WorkedExample(folder, file)
    finally:
        file.unlink()


def follow_test(page: str, place: str, example: WorkedExample) -> subprocess.CompletedProcess[str]:
    """Write the page's second Python block, its test, to `place` in the example's folder, and run it there."""
    text = (ROOT / "docs" / "contributing" / page).read_text()
    assert f"`{place}`" in text, "the page says where the test goes"
    _, test, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file = example.folder / place
    file.parent.mkdir(parents=True)
    file.write_text(test)
    return example.pytest(place)
