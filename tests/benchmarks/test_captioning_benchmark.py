"""The benchmark against the peers runs, does its sums right, and says what it could not measure."""

import subprocess
import sys

import pytest

from repository import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    from contenders import tables

    return tables


def test_ratios_are_those_of_each_round_and_a_missing_peer_is_named(tables):
    from contenders import COMPARISONS
    from contenders.process import Cost

    fast = [Cost(10, clock, 2.0, 100.0) for clock in (1.0, 2.0, 4.0)]
    slow = [Cost(1, clock, 1.0, 900.0) for clock in (1.2, 2.0, 4.4)]
    costs = {"showtell, greedy": fast, "Keras notebook, greedy": slow}
    results = tables.Results([], costs, {"BLIP-base, greedy": "No module named 'x'"}, [], [], COMPARISONS)
    lines = tables.markdown(results).splitlines()
    (keras,) = (line for line in lines if "notebook in Keras" in line)
    # 1.2 s a picture against 1.0/10, 2 against 2/10, 4.4 against 4/10; work 1 s against 2/10
    assert keras.split("|")[2:5] == [" **11** (10 to 12) ", " **5** (5 to 5) ", " 9 "]
    assert any("greedy, against BLIP-base | not measured: No module named 'x'" in line for line in lines)
    assert not any("InceptionV3" in line for line in lines)


def test_the_tables_go_between_the_marks_of_a_page_again_and_again(tables, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    for text in ("first", "second"):
        tables.write_into(page, text)
    assert page.read_text() == f"before\n{tables.BEGIN}\n\nsecond\n\n{tables.END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="has no lines"):
        tables.write_into(page, "third")


@pytest.mark.slow  # it runs the benchmark
def test_a_quick_run_measures_contenders_start_and_growth(tables, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{tables.BEGIN}\n{tables.END}\n")
    names = ("showtell, greedy", "alone", "metrics, showtell")
    command = [sys.executable, FOLDER / "captioning.py", "--quick", "--write", page, "--only", *names]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.count("\n| showtell, greedy (pictures) |") == 1
    assert "| the encoder alone against greedy captions | **" in text
    assert "`showtell caption one.jpg`" in text
    assert "\n| 32 |" in text
    assert "64 drawn 500 x 375 JPEGs" in text
    assert "<svg" in page.with_suffix(".svg").read_text()
