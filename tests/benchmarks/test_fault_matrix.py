"""The matrix of faults in a short form: each command is killed, interrupted, out of room, refused and begun twice."""

import json
import subprocess
import sys

import pytest

from repository import ROOT

FOLDER = ROOT / "benchmarks"
STRIKES = ("kill -9", "SIGINT twice", "files of bounded size", "folder not writable", "two runs")
COMMANDS = ("embed", "evaluate", "caption", "caption --piece-size", "alt-text", "data download")


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_half_is_taken_for_whole(tmp_path):
    """Training has tests of its own in tests/training."""
    chosen = [part for one in COMMANDS for part in ("--only", one)] + [p for one in STRIKES for p in ("--strike", one)]
    short = ["--trials", "1", "--pictures", "8", "--results", tmp_path / "r.json", "--write", tmp_path / "faults.md"]
    command = [sys.executable, FOLDER / "fault_matrix.py", *chosen, *short]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "r.json").read_text())
    assert list(found) == list(COMMANDS)
    assert all(list(row) == list(STRIKES) for row in found.values())
    assert all((there["count"], there["wrong"]) == (1, 0) for row in found.values() for there in row.values())
    assert sum(there["at_work"] for row in found.values() for there in row.values()) >= 12
    page = (tmp_path / "faults.md").read_text()
    assert all(f"| `{command}` | 1, " in page for command in COMMANDS)


def test_the_matrix_knows_what_is_wrong(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    from faults.processes import Ended
    from faults.strikes import _differing, _spoke_in_lines
    from faults.wholeness import strange

    whole = {"a": b"whole", "store.json": b"{}"}
    assert strange({"a": b"whole", ".a.5.partial": b"x", "a.partial": b"who", "a.part": b""}, whole) == []
    assert strange({"a": b"who"}, whole) == ["a"]
    assert strange({"b": b"new"}, whole) == ["b"]
    assert strange({"a.partial": b"what"}, whole) == ["a.partial"]
    assert _differing(whole, whole) == []
    assert _differing({"a": b"whole", "a.part": b""}, whole) == ["left behind: a.part", "store.json differs"]
    assert _spoke_in_lines(Ended(1, 0.0, "showtell: no\n")) == []
    assert _spoke_in_lines(Ended(1, 0.0, "Traceback (most recent call last):\n"))
    assert _spoke_in_lines(Ended(2, 0.0, ""))
    assert _spoke_in_lines(Ended(-11, 0.0, "x"))
