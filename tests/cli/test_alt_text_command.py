"""`showtell alt-text` as scripts and people use it: exit codes, the list for review, and runs that are killed."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from showtell.alt_text.options import SIDECARS
from showtell.errors import InputError


def test_exit_codes_tell_scripts_what_is_left_to_do(showtell, photos):
    dry = showtell("alt-text", photos, "--dry-run")
    assert (dry.code, dry.out.splitlines()[0]) == (4, "caption: 0.png")
    assert showtell("alt-text", photos, "--min-confidence", "1").code == 3
    assert showtell("alt-text", photos).code == 3
    assert showtell("alt-text", photos, "--all").code == 0
    done = showtell("alt-text", photos, "--all", "--dry-run")
    assert (done.code, done.out.splitlines()[:2]) == (
        0,
        [f"{photos}: 10 pictures", "         10 texts up to date"],
    )
    (photos / "0.png").write_bytes(b"no picture")
    damaged = showtell("alt-text", photos, "--all")
    assert damaged.code == 1
    assert "1 that cannot be read" in damaged.out
    assert "  0.png: not a JPEG" in damaged.out
    assert showtell("alt-text", photos / "missing").code == 2


def test_what_needs_a_persons_look_is_listed(showtell, photos, tmp_path):
    (photos / "0.png").write_bytes(b"no picture")
    review = tmp_path / "review.jsonl"
    assert showtell("alt-text", photos, "--min-confidence", "1", "--review", review).code == 1
    lines = [json.loads(line) for line in review.read_text().splitlines()]
    assert sorted(line["name"] for line in lines) == [f"{i}.png" for i in range(10)]
    for line in lines:
        assert line["why"] == ("rejected" if line["name"] == "0.png" else "held back")
        assert set(line) == {"name", "why", "error"} or 0 < line["confidence"] < 1


def test_options_reach_the_model_and_the_table(showtell, photos, tiny_bundle, tmp_path):
    table = tmp_path / "t.jsonl"
    given = ("--model", tiny_bundle, "--format", "jsonl", "-o", table, "--journal", tmp_path / "j", "--max-length", "2")
    assert showtell("alt-text", photos, *given, "--min-length", "2", "--must-not", "a", "--beam", "2").code == 0
    captions = [json.loads(line)["caption"].split() for line in table.read_text().splitlines()]
    assert len(captions) == 10
    assert all(len(words) == 2 and "a" not in words for words in captions)
    assert sorted(path.name for path in photos.iterdir()) == [f"{i}.png" for i in range(10)]


@pytest.mark.parametrize("format", ["txt", "xmp"])
def test_a_run_killed_at_any_moment_goes_on_and_ends_like_an_unbroken_one(photos, tiny_bundle, tmp_path, format):
    many = tmp_path / "many"
    for i in range(12):
        shutil.copytree(photos, many / f"{i:02d}")
        for path in (many / f"{i:02d}").iterdir():
            path.write_bytes(path.read_bytes() + bytes([i]))  # other bytes after the picture's end: no two are one
    shutil.copytree(many, tmp_path / "unbroken")
    program = "from showtell.cli import main; main()"

    def command(tree):
        given = ["--model", str(tiny_bundle), "--format", format, "--batch-size", "4"]
        return [sys.executable, "-c", program, "alt-text", str(tree), *given]

    def texts(tree):
        return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob(f"*.{format}")}

    kills = 0
    for least in (1, 20, 50, 90):
        process = subprocess.Popen(command(many), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(texts(many)) < least:
            time.sleep(0.001)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    finished = texts(many)
    assert kills >= 2
    assert len(finished) >= 50
    last = subprocess.run(command(many), check=True, capture_output=True, text=True)
    assert f"{120 - len(finished):,} texts written" in last.stdout or len(finished) == 120
    subprocess.run(command(tmp_path / "unbroken"), check=True, capture_output=True)
    assert texts(many) == texts(tmp_path / "unbroken")
    assert len(texts(many)) == 120
    assert not list(many.rglob("*.partial"))
    assert "other programs wrote" not in last.stdout  # nothing of ours was taken for a person's


def test_a_full_disk_is_told_with_the_remedy(showtell, photos, monkeypatch):
    def full(*_):
        raise InputError(f"cannot be written ({os.strerror(errno.ENOSPC)})")

    monkeypatch.setattr(SIDECARS["txt"], "write", full)
    failed = showtell("alt-text", photos, "--all")
    assert failed.code == 1
    assert "  1.png: cannot be written" in failed.out
    assert "showtell: the disk is full: make room, then run the command again" in failed.err.splitlines()
