"""Formats by name, second runs, full disks, odd numbers and names: the right file, or one line that says why not."""

import csv
import io
import os
import subprocess
import sys

import pytest

from showtell.alt_text import AltTextOptions, write_alt_texts
from showtell.captioning.captioner import Captioner
from showtell.data.captions.caption_set import read_captions
from showtell.errors import InputError, shown
from showtell.evaluation import read_evaluation
from showtell.files import csv_cell, csv_text, held, write_beside
from showtell.training import recipe_from

FORMULAS = ["=1+1", "@SUM(A1)", "+49 123", "-2", "'=1", "''=1", "\t=1", "plain", "'plain", "größe"]


@pytest.mark.parametrize(("name", "begins"), [("x.csv", "name,caption"), ("x.jsonl", '{"name"'), ("x.txt", "0.png: ")])
def test_the_name_of_the_output_says_its_format(photos, showtell, tiny_bundle, tmp_path, name, begins):
    result = showtell("caption", photos / "0.png", "-o", tmp_path / name, "--model", tiny_bundle)
    assert result.code == 0, result.err
    text = (tmp_path / name).read_text()
    assert begins in text if name == "x.txt" else text.startswith(begins)
    assert not (tmp_path / f"{name}.partial").exists()


def test_a_parquet_file_is_one(photos, showtell, tiny_bundle, tmp_path):
    assert showtell("caption", photos / "0.png", "-o", tmp_path / "x.parquet", "--model", tiny_bundle).code == 0
    assert (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"
    assert showtell("alt-text", photos, "-o", tmp_path / "t.csv", "--model", tiny_bundle).code == 0
    assert (tmp_path / "t.csv").read_text().startswith("name,caption")


@pytest.mark.parametrize(
    ("name", "format"), [("x.csv", "text"), ("x.jsonl", "csv"), ("x.parquet", "jsonl"), ("x.json", "")]
)
def test_a_format_that_contradicts_the_name_is_an_error(photos, showtell, tiny_bundle, tmp_path, name, format):
    given = ["--format", format] if format else []
    result = showtell("caption", photos, "-o", tmp_path / name, *given, "--model", tiny_bundle)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert name in result.err
    assert not os.listdir(tmp_path) or os.listdir(tmp_path) == ["photos"]


def test_a_second_run_of_a_job_in_pieces_stops_and_harms_nothing(photos, showtell, tiny_bundle, tmp_path):
    parts = tmp_path / "x.csv.parts"
    line = ["caption", photos, "-o", tmp_path / "x.csv", "--piece-size", "32", "--model", tiny_bundle]
    with held(parts):
        (parts / ".part-000000.parquet.1.partial").write_bytes(b"half")
        result = showtell(*line)
        assert (result.code, "another run" in result.err, result.err.count("\n")) == (2, True, 1)
        assert (parts / ".part-000000.parquet.1.partial").exists()
    assert showtell(*line).code == 0
    assert not parts.exists()


def test_a_second_run_on_a_store_stops_unless_there_is_nothing_to_add(photos, showtell, tiny_bundle, tmp_path):
    line = ["embed", photos, "--out", tmp_path / "store", "--model", tiny_bundle]
    with held(tmp_path / "store"):
        result = showtell(*line)
        assert (result.code, "another run" in result.err) == (2, True)
    assert showtell(*line).code == 0
    assert ".lock" not in os.listdir(tmp_path / "store")
    with held(tmp_path / "store"):
        assert showtell(*line).code == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("caption -o OUT/x.txt", "cannot be written (File too large): make room"),
        ("caption -o OUT/x.parquet", "cannot be written (File too large): make room"),
        ("embed --out OUT/store", "cannot be written (File too large): make room"),
        ("alt-text", "cannot be opened (disk I/O error): make room, or name another file with --journal"),
    ],
)
def test_a_full_disk_is_one_line(photos, tiny_bundle, tmp_path, command, said):
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); from showtell.cli import main; main()"
    )
    words = command.replace("OUT", str(tmp_path)).split()
    line = [words[0], photos, *words[1:], "--model", tiny_bundle]
    result = subprocess.run([sys.executable, "-c", limit, *map(str, line)], capture_output=True, text=True, check=False)
    assert result.returncode == (2 if command == "alt-text" else 1)
    assert "Traceback" not in result.stderr
    assert said in result.stderr.splitlines()[-1]


def test_parquet_without_its_package_is_one_line(photos, showtell, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    result = showtell("caption", photos, "-o", tmp_path / "x.parquet", "--model", tiny_bundle)
    assert (result.code, "pip install 'showtell[embed]'" in result.err) == (2, True)


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize("option", ["--max-size", "--timeout", "--length-penalty", "--min-confidence"])
def test_what_is_no_number_is_one_line(photos, showtell, tiny_bundle, option, number):
    result = showtell("caption", photos, option, number, "--model", tiny_bundle)
    assert (result.code, result.err) == (2, f"showtell: {option}: must be a finite number, not {number}\n")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"training": {"seed": -1}}, "the seed must be at least 0"),
        ({"training": {"learning_rate": float("nan")}}, "learning_rate must be a finite number"),
        ({"fine_tune": {"crop": float("inf")}}, "crop must be a finite number"),
    ],
)
def test_recipes_hold_numbers(table, said):
    with pytest.raises(InputError, match=said):
        recipe_from(table)


def test_deep_toml_is_one_line(showtell, tmp_path):
    (tmp_path / "r.toml").write_text("a = " + "[" * 100_000)
    result = showtell("train", tmp_path / "r.toml", "--out", tmp_path / "run")
    assert (result.code, result.err.count("\n"), "r.toml: not TOML" in result.err) == (2, 1, True)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_of_csv_is_no_formula_and_reads_back(text):
    assert csv_cell(text)[0] not in "=+-@\t\r\n"
    assert csv_text(csv_cell(text)) == text


def test_names_that_spreadsheets_would_run_are_cells_of_text(photos, showtell, tiny_bundle, tmp_path):
    names = [text.replace("\t", "a tab ") for text in FORMULAS]  # a table's fields are read without space around them
    for picture, text in zip(sorted(photos.iterdir()), names, strict=True):
        picture.rename(photos / f"{text}.png")
    showtell("caption", photos, "-o", tmp_path / "x.csv", "--model", tiny_bundle)
    write_alt_texts(photos, Captioner(tiny_bundle), AltTextOptions("csv", tmp_path / "t.csv"), show=False)
    for table in ("x.csv", "t.csv"):
        rows = list(csv.reader(io.StringIO((tmp_path / table).read_text(), newline="")))
        assert all(row[0][0] not in "=+-@\t" for row in rows)
        read = read_captions(tmp_path / table, picture_column="name")
        assert sorted(read.captions) == sorted(f"{text}.png" for text in names)


def test_names_forge_no_lines_and_steer_no_terminal(photos, showtell, tiny_bundle, tmp_path):
    name = "a\nb.png: a lie\x1b[2J\x9b1m.png"
    (photos / "0.png").rename(photos / name)
    result = showtell("caption", photos, "--model", tiny_bundle)
    assert len(result.out.splitlines()) == 10
    assert "a\\nb.png: a lie\\x1b[2J\\x9b1m.png: " in result.out
    (photos / name).write_bytes(b"broken")
    assert "\x1b" not in showtell("caption", photos, "--model", tiny_bundle).out
    assert "\x1b" not in showtell("caption", tmp_path / "no\x1b[2Jne", "--model", tiny_bundle).err
    assert shown("größe 日本.png") == "größe 日本.png"


def test_an_output_of_evaluate_is_claimed_before_the_work(photos, showtell, tiny_bundle, tmp_path):
    (tmp_path / "c.csv").write_text("image,caption\n0.png,a dog\n1.png,a ball\n")
    out, store = tmp_path / "e.json", tmp_path / "store"
    line = ["evaluate", tiny_bundle, "--pictures", photos, "--captions", tmp_path / "c.csv", "--store", store, "--out"]
    with write_beside(out, alone=True):
        result = showtell(*line, out)
        assert (result.code, result.err.count("\n"), "another run is writing it" in result.err) == (2, 1, True)
    result = showtell(*line, tmp_path / "c.csv" / "e.json")
    assert (result.code, result.err.count("\n"), "e.json: cannot be written" in result.err) == (2, 1, True)
    assert not store.exists()
    assert showtell(*line, out).code == 0
    assert read_evaluation(out).pictures[0].name == "0.png"
    assert not list(tmp_path.glob(".*"))


def test_a_store_that_cannot_be_made_is_one_line(photos, showtell, tiny_bundle, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    result = showtell("embed", photos, "--out", tmp_path / "file" / "store", "--model", tiny_bundle)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "store: cannot be written (Not a directory): check its folder and your rights" in result.err
