"""docs/contributing/caption-format.md, followed to the letter: one file makes a format that every command reads."""

import json
import zipfile

import pytest

from worked_example import follow

LINES = "0.png :: a big dog\n\n1.png :: the red ball\n0.png :: a dog jumps\n"


@pytest.fixture
def example(tmp_path):
    with follow("caption-format.md", "showtell/data/captions/pairs.py", tmp_path) as made:
        (tmp_path / "captions.txt").write_text(LINES)
        yield made


def test_it_is_listed_with_its_line_of_help(example):
    listed = example.run("data", "formats").stdout
    assert "pairs" in listed
    assert "the picture's name, two colons, the caption" in " ".join(listed.split())


def test_score_reads_it_plain_and_in_a_zip(example):
    folder = example.folder
    (folder / "p.csv").write_text("image,caption\n0.png,a dog\n1.png,the ball\n")
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        archive.writestr("captions.txt", LINES)
    for references in ("captions.txt", "c.zip"):
        result = example.run("score", "p.csv", references, "--format", "json", "--resamples", "0")
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout)
        assert (found["pictures"], found["references"]) == (2, 3)


def test_data_check_reads_it(example, photos):
    result = example.run("data", "check", "--pictures", photos, "--captions", "captions.txt", "--json", "--quick")
    found = json.loads(result.stdout)
    assert (found["train"] + found["validation"], found["captions"]["captions"]) == (2, 3)


def test_a_malformed_line_is_named_and_unknown_files_are_told_of_it(example):
    (example.folder / "bad.txt").write_text("0.png :: a dog\n1.png a ball\n")
    result = example.run("score", "captions.txt", "bad.txt")
    assert result.returncode == 2
    assert "bad.txt, line 2: not of the form name :: caption" in result.stderr
    (example.folder / "other.txt").write_text("just words\n")
    assert "pairs (name :: caption)" in example.run("score", "captions.txt", "other.txt").stderr
