"""The table of ablations: rows that are recipes, kept results, and a page of them."""

import json
import runpy
import tomllib

import pytest

from repository import ROOT
from showtell.config import change, fill, read_tables
from showtell.search import SearchOptions
from showtell.training import recipe_from

SCRIPT = ROOT / "benchmarks" / "ablations.py"
TABLES = tomllib.loads(SCRIPT.with_suffix(".toml").read_text())

SMALL = """
name = "small"
[data]
pictures = ["shapes"]
limit = 40
[encoder]
name = "efficientnet_lite0"
[vocabulary]
min_count = 1
[decoder]
hidden = 24
word = 16
[training]
epochs = 1
[search]
beam = 2
"""


@pytest.mark.parametrize("row", TABLES["rows"], ids=lambda row: row["name"])
def test_every_row_is_a_recipe_that_differs_from_the_base(row):
    base = recipe_from(read_tables(ROOT / TABLES["base"]))
    tables = read_tables(ROOT / row.get("recipe", TABLES["base"]))
    for key, value in row.get("set", {}).items():
        change(tables, key, value)
    changed = recipe_from(tables)
    search = fill("search", SearchOptions, row.get("search", {}))
    assert changed != base or any(getattr(search, key) != getattr(base.search, key) for key in row["search"])


def test_the_table_is_measured_kept_and_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "small.toml").write_text(SMALL)
    rows = f'base = "{tmp_path}/small.toml"\n[[rows]]\nname = "no dropout"\nset = {{ "decoder.dropout" = 0.0 }}\n'
    (tmp_path / "rows.toml").write_text(rows + '[[rows]]\nname = "greedy"\nsearch = { beam = 1 }\n')
    command = [SCRIPT, "--runs", tmp_path / "runs", "--rows", tmp_path / "rows.toml", "--seeds", "2"]

    def run(*more):
        monkeypatch.setattr("sys.argv", [*map(str, command), *more])
        capsys.readouterr()
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return capsys.readouterr().out

    printed = run("--only", "greedy")
    assert "| greedy |" in printed
    assert "| no dropout |" not in printed
    printed = run("--page", str(tmp_path / "page.md"))
    page = (tmp_path / "page.md").read_text()
    kept = json.loads((tmp_path / "runs" / "results.json").read_text())
    for name in ("the recipe", "no dropout", "greedy"):
        (line,) = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
        first, second = kept[name]["cider_d"]
        assert f"| {(first + second) / 2:.1f} ± {abs(first - second) / 2**0.5:.1f} |" in line
    assert kept["greedy"]["cider_d"] != kept["the recipe"]["cider_d"]
    runs = {path.parent.name for path in (tmp_path / "runs").glob("*/seed-*")}
    assert runs == {"the recipe", "no dropout"}  # another search trains nothing
