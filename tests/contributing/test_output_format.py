"""docs/contributing/output-format.md, followed to the letter: its file makes a format that the command line has."""

import re

import pytest

from showtell import Captioner
from worked_example import follow


@pytest.fixture
def example(tmp_path):
    with follow("output-format.md", "showtell/captioning/output/formats/markdown.py", tmp_path) as made:
        yield made


def test_the_format_of_the_page_writes_captions(example, photos, tiny_bundle, tmp_path):
    (photos / "4.png").write_bytes(b"no picture")
    arguments = ("caption", photos, "--model", tiny_bundle, "--format", "markdown")
    ran = example.run(*arguments, "-o", "captions.md")
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
    assert example.run(*arguments).stdout.splitlines() == lines


def test_the_format_of_the_page_is_listed_and_needs_no_other_change(example):
    shown = example.run("caption", "--help").stdout
    assert "markdown" in shown
    assert "a table for a README" in " ".join(re.sub(r"[│|]", " ", shown).split())
    program = "from showtell.captioning.output.registry import output_formats; print(*output_formats())"
    assert "markdown" in example.python(program).split()


def test_without_the_file_there_is_no_such_format(photos, showtell):
    ran = showtell("caption", photos, "--format", "markdown")
    assert ran.code == 2
    assert "'markdown'" in ran.err
