"""docs/contributing/output-format.md, followed to the letter: its file makes a format that the command line has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import showtell
from repository import ROOT
from showtell import Captioner

PAGE = (ROOT / "docs" / "contributing" / "output-format.md").read_text()


@pytest.fixture
def package(tmp_path):
    """A copy of the package with the page's file in it, in the place that the page names."""
    ((name, folder),) = re.findall(r"Save it as `(\w+\.py)` in `src/showtell/(\S+)/`:", PAGE)
    where = f"{folder}/{name}"
    (text,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    copy = tmp_path / "src" / "showtell"
    own = Path(showtell.__file__).parent
    shutil.copytree(own, copy, ignore=shutil.ignore_patterns("*.showtell", "__pycache__"))
    assert not (copy / where).exists(), "the page's example is part of the package already"
    (copy / where).write_text(text)
    yield copy.parent
    (copy / where).unlink()


def run(package, *arguments, cwd):
    """Run the command line of the copy."""
    program = f"import sys; sys.path.insert(0, {str(package)!r}); from showtell.cli import main; main()"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_the_format_of_the_page_writes_captions(package, photos, tiny_bundle, tmp_path):
    (photos / "4.png").write_bytes(b"no picture")
    arguments = ("caption", photos, "--model", tiny_bundle, "--format", "markdown")
    ran = run(package, *arguments, "-o", "captions.md", cwd=tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert "1 of 10 pictures could not be read" in ran.stderr
    captioner = Captioner(tiny_bundle)
    said = {f"{i}.png": captioner.caption(photos / f"{i}.png").text for i in range(10) if i != 4}
    (failed,) = captioner.caption_stream([photos / "4.png"])
    said["4.png"] = f"*{failed.error}*"
    lines = (tmp_path / "captions.md").read_text().splitlines()
    assert lines[:2] == ["| picture | caption | tags |", "|---|---|---|"]
    assert lines[2:12] == [f"| {i}.png | {said[f'{i}.png']} |  |" for i in range(10)]
    assert lines[12:] == ["", "10 rows."]
    assert run(package, *arguments, cwd=tmp_path).stdout.splitlines() == lines


def test_the_format_of_the_page_is_listed_and_needs_no_other_change(package, tmp_path):
    shown = run(package, "caption", "--help", cwd=tmp_path).stdout
    assert "markdown" in shown
    assert "a table for a README" in " ".join(re.sub(r"[│|]", " ", shown).split())
    program = "from showtell.captioning.output.registry import output_formats; print(*output_formats())"
    listed = run_python(package, program)
    assert "markdown" in listed.split()


def test_without_the_file_there_is_no_such_format(photos, showtell):
    ran = showtell("caption", photos, "--format", "markdown")
    assert ran.code == 2
    assert "'markdown'" in ran.err


def run_python(package, program):
    code = f"import sys; sys.path.insert(0, {str(package)!r}); {program}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
