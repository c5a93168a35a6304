"""The benchmark of ways of searching runs, and prints what a look at the captions finds."""

import subprocess
import sys

import pytest

from repository import ROOT
from showtell import Captioner
from showtell.metrics import score

SCRIPT = ROOT / "benchmarks" / "search_strategies.py"
PEOPLE_SAY = ("a big dog jumps in the snow", "the man sits on the grass")


def test_every_way_has_a_line_with_its_score(tiny_bundle, photos, tmp_path):
    captions = tmp_path / "captions.csv"
    rows = [f"{i}.png,{PEOPLE_SAY[i % 2]}\n" for i in range(10)]
    captions.write_text("image,caption\n" + "".join(rows))
    command = [sys.executable, SCRIPT, photos, captions, "--model", tiny_bundle, "--words", "snow", "man"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = {line[:26].strip(): line[26:].split() for line in done.stdout.splitlines()[2:]}
    assert len(lines) == 15
    assert lines["no trigram twice"][5] == "0.0%"
    captioner = Captioner(tiny_bundle)
    found = {f"{i}.png": captioner.caption(photos / f"{i}.png", beam=1) for i in range(10)}
    people = {name: [PEOPLE_SAY[int(name[0]) % 2]] for name in found}
    cider = score({name: one.text for name, one in found.items()}, people).corpus["CIDEr-D"]
    assert float(lines["greedy"][0]) == pytest.approx(100 * cider, abs=0.06)
    assert float(lines["greedy"][4]) == pytest.approx(sum(len(one.words) for one in found.values()) / 10, abs=0.06)
    assert float(lines["3 of beam 9"][1]) >= float(lines["3 of beam 9"][0])
