"""The model of large jobs does its sums right, and the program that feeds it runs."""

import subprocess
import sys
from dataclasses import replace

import pytest

from repository import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import scale_model

    return scale_model


def test_a_plan_adds_what_one_process_does_and_takes_the_slowest_of_the_rest(model):
    work = model.fitted("caption", (100, 7.0), (300, 17.0), bytes_in=50_000, bytes_out=500)
    assert (work.seconds_once, work.seconds_a_picture) == pytest.approx((2.0, 0.05))
    assert work.predicted(1000) == pytest.approx(52)
    driver = model.Driver(listed=10_000, pieces=100, written=1000, bytes_a_name=200, pictures_in_a_piece=1000)
    cluster = model.Cluster(cores=10, network=1.0, storage=1.0, machine_hour=2.0, gigabyte_month=0.1)
    made = model.plan(36_000_000, work, cluster, driver, hours=10)
    assert made.machines == 6  # 500 hours of a core and two seconds
    assert made.stages["listing"] == pytest.approx(1.0)
    assert made.stages["computing"] == pytest.approx(500 / 60, abs=1e-3)
    assert made.stages["network"] == pytest.approx(36e6 * 50_000 / (6 * 1e9 / 8) / 3600)
    assert made.stages["storage"] == pytest.approx(36e6 * 50_500 / 1e9 / 3600)
    assert made.stages["handing out"] == pytest.approx(0.1)
    assert made.slowest == "computing"
    assert made.hours == pytest.approx(1 + 500 / 60, abs=1e-3)
    assert made.cost_a_million == pytest.approx((6 * made.hours * 2 + 18 * 0.1) / 36)
    slow = model.plan(36_000_000, work, replace(cluster, network=0.01), driver, hours=10)
    assert (slow.slowest, slow.hours) == ("network", pytest.approx(1 + made.stages["network"] * 100))
    whole = model.plan(36_000_000, replace(work, one_file=True), cluster, driver, hours=10)
    assert (whole.slowest, whole.hours) == ("writing", pytest.approx(made.hours + 10))
    most = model.cores_until(work, cluster, driver)
    assert most == pytest.approx({"network of a machine": 125, "storage": 1e9 / (50_500 * 20), "handing out": 5000})


def test_the_tables_of_a_small_run_go_into_the_page(photos, tiny_bundle, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- model -->\nold\n<!-- end of model -->\nafter\n")
    options = ["--sizes", "96", "--fit", "32", "64", "--piece-size", "32", "--pieces-a-second", "50", "--write", page]
    command = [sys.executable, FOLDER / "scale.py", "--pictures", photos, "--model", tiny_bundle, *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("before\n<!-- model -->\n\nMeasured ")
    assert text.endswith("<!-- end of model -->\nafter\n")
    for found in ("| embed | 96 |", "| caption | 96 |", "| caption, in one file | 5,000,000,000 |", "| handing out |"):
        assert text.count(found.strip("|")) >= 1, found
    assert "8 numbers of float16 | 16 |" in text
    assert "not measured" not in text
