"""Hostile input in a short form: some hundreds of mutated files of every kind; and what the watch takes for a fault."""

import dataclasses
import json
import subprocess
import sys

import pytest

from repository import ROOT
from showtell.errors import InputError

FOLDER = ROOT / "benchmarks"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is reset by Linux alone")
def test_mutated_files_are_read_or_refused_in_one_line(tmp_path):
    command = [sys.executable, FOLDER / "hostile_input.py", "--count", "400", "--seed", "5", "--grow", "1"]
    outputs = ["--results", tmp_path / "r.json", "--write", tmp_path / "page.md", "--keep", tmp_path / "kept"]
    done = subprocess.run(list(map(str, [*command, *outputs])), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "r.json").read_text())
    assert len(found) == 17
    assert sum(sum(one["counts"].values()) for one in found.values()) >= 390
    assert sum(one["counts"].get("read", 0) for one in found.values()) >= 80
    assert sum(one["counts"].get("refused", 0) for one in found.values()) >= 80
    assert sum(one["kept"] for one in found.values()) > 100
    assert "| JPEG | 40 | " in (tmp_path / "page.md").read_text()


def test_what_is_no_line_is_a_fault(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    from hostile.kinds import KINDS
    from hostile.worker import verdict_of

    def read(error=None, outcome=(True, [])):
        def reads(path):
            if error:
                raise error
            return outcome

        return verdict_of(dataclasses.replace(KINDS["BMP"], read=reads), tmp_path)[0]

    assert read() == read(outcome=(True, ["1.png: damaged"])) == "read"
    assert read(outcome=(False, ["damaged"])) == read(InputError("x.csv: no")) == "refused"
    assert read(outcome=(False, [])) == read(outcome=(False, [" "])) == "fault"
    assert read(IndexError("x")) == read(MemoryError()) == read(KeyboardInterrupt()) == "fault"


def test_every_seed_is_read_before_it_is_mutated(monkeypatch, tmp_path):
    pytest.importorskip("openpyxl")
    monkeypatch.syspath_prepend(FOLDER)
    from hostile.kinds import KINDS
    from hostile.worker import verdict_of

    for name, kind in KINDS.items():
        for number, data in enumerate(kind.seeds()):
            path = tmp_path / f"{number}{kind.suffix}"
            path.write_bytes(data)
            assert verdict_of(kind, path) == ("read", ""), f"{name}, seed {number}"
