"""The table of judgments in the documentation is what its script makes of the judgments."""

import runpy

import pytest

from repository import ROOT

SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "judged_captions.py"))


def test_the_page_has_the_table_and_the_figures_that_the_script_prints(capsys):
    SCRIPT["main"]()
    *table, _, agreement, first, before, now, best = capsys.readouterr().out.splitlines()
    page = " ".join((ROOT / "docs" / "results" / "models.md").read_text().split())
    assert len(table) == 2 + 3 * 4
    for line in table:
        assert line in page
    assert "agree on 96% of 304" in agreement
    assert "kappa is 0.93" in agreement
    assert "0.83 (207 pairs" in first
    assert "0.85 (315 pairs" in before
    assert "0.91 (216 pairs" in now
    assert "0.87 (260 pairs" in best


def test_the_area_is_one_where_confidence_sorts_and_one_half_where_it_says_nothing():
    rows = [
        {"reader_1": label, "reader_2": label, "confidence": confidence}
        for label, confidence in (("right", "0.9"), ("right", "0.8"), ("wrong", "0.1"), ("partly", "0.95"))
    ]
    assert SCRIPT["area_under_the_curve"](rows) == (1.0, 2)
    flat = [row | {"confidence": "0.5"} for row in rows]
    assert SCRIPT["area_under_the_curve"](flat) == (0.5, 2)


def test_kappa_is_nothing_where_readers_agree_by_chance_alone():
    rows = [{"reader_1": a, "reader_2": b} for a in ("right", "wrong") for b in ("right", "wrong")]
    assert SCRIPT["kappa"](rows) == (0.5, pytest.approx(0.0))
