"""`showtell score`: tables, JSON, files by picture, and errors."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

import command_line
from repository import ROOT
from showtell.metrics import DocumentFrequency, score

TEXTS = {
    "1.jpg": ["A dog runs on the grass.", "The dog is running."],
    "2.jpg": ["Un café à Paris", "A coffee in Paris, France"],
    "3.jpg": ["Two men sit on a bench.", "Men on a bench"],
}
CAPTIONS = {"1.jpg": "a dog runs", "2.jpg": "un café", "3.jpg": "two men on a bench"}
REFERENCES = {
    "images": [{"id": i, "file_name": f"{i}.jpg"} for i in (1, 2, 3)],
    "annotations": [
        {"id": 10 * i + j, "image_id": i, "caption": text}
        for i in (1, 2, 3)
        for j, text in enumerate(TEXTS[f"{i}.jpg"])
    ],
}
RESULTS = [{"image_id": i, "caption": CAPTIONS[f"{i}.jpg"]} for i in (3, 1, 2)]


@pytest.fixture
def files(tmp_path):
    """The folder of predictions.json and references.json."""
    (tmp_path / "predictions.json").write_text(json.dumps(RESULTS), "utf-8")
    (tmp_path / "references.json").write_text(json.dumps(REFERENCES), "utf-8")
    return tmp_path


def run(folder, *arguments, predictions="predictions.json", references="references.json"):
    return command_line.run("score", predictions, references, *arguments, cwd=folder)


def test_the_table_has_scores_times_100_with_intervals_and_a_signature(files):
    result = run(files)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "predictions.json: 3 pictures, 6 references"
    rows = {words[0]: words[1:] for line in lines if (words := line.split()) and "to" in words}
    for name, value in score(CAPTIONS, TEXTS).corpus.items():
        shown, low, _, high = rows[name]
        assert shown == f"{100 * value:.1f}"
        assert float(low) <= float(shown) <= float(high)
    assert lines[-1].startswith("tok:ptb-3.4.1-lower|BLEU:closest|ROUGE-L:beta=1.2|CIDEr-D:n=4,sigma=6,df=references|")
    assert "|refs:2|pictures:3|interval:bootstrap,1000,seed=0|showtell:" in lines[-1]
    assert result.stderr == ""


def test_json_has_the_whole_figures(files):
    result = run(files, "--format", "json", "--metrics", "cider-d,Bleu", "--resamples", "20", "--seed", "4")
    summary = json.loads(result.stdout)
    assert (summary["pictures"], summary["references"]) == (3, 6)
    assert {name: of["value"] for name, of in summary["scores"].items()} == pytest.approx(
        score(CAPTIONS, TEXTS, metrics=["BLEU", "CIDEr-D"]).corpus
    )
    assert all(of["low"] <= of["value"] <= of["high"] for of in summary["scores"].values())
    assert "interval:bootstrap,20,seed=4" in summary["signature"]


def test_without_resamples_there_are_no_intervals(files):
    summary = json.loads(run(files, "--format", "json", "--resamples", "0").stdout)
    assert all(set(of) == {"value"} for of in summary["scores"].values())
    assert "interval" not in summary["signature"]
    assert "95%" not in run(files, "--resamples", "0").stdout


def test_each_pictures_scores_are_written_as_json_lines_or_csv(files):
    assert run(files, "--per-picture", "each.jsonl").returncode == 0
    assert run(files, "--per-picture", "each.csv").returncode == 0
    lines = [json.loads(line) for line in (files / "each.jsonl").read_text("utf-8").splitlines()]
    expected = score(CAPTIONS, TEXTS).per_picture
    assert [line["name"] for line in lines] == list(TEXTS)
    for line in lines:
        assert line["id"] == line["name"].removesuffix(".jpg")
        assert line["caption"] == CAPTIONS[line["name"]]
        assert {name: line[name] for name in expected[line["name"]]} == pytest.approx(expected[line["name"]])
    with open(files / "each.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [{**row} for row in rows] == [{name: str(value) for name, value in line.items()} for line in lines]


def test_one_picture_has_no_cider_d_and_the_reason_is_told_unless_a_table_is_given(files):
    one = run(files, "--save-df", "table.npz", "--partial", predictions=write(files, RESULTS[:1]))
    assert one.returncode == 0
    assert "CIDEr-D of a single picture is 0" in one.stderr
    assert "left out: 2 pictures have no prediction, such as '1.jpg'" in one.stderr
    table = DocumentFrequency.read(files / "table.npz")
    assert table.pictures == 3
    arguments = ("--partial", "--format", "json", "--df", "table.npz")
    tabled = run(files, *arguments, predictions=write(files, RESULTS[:1]))
    expected = score({"3.jpg": CAPTIONS["3.jpg"]}, {"3.jpg": TEXTS["3.jpg"]}, document_frequency=table)
    summary = json.loads(tabled.stdout)
    assert summary["scores"]["CIDEr-D"]["value"] == pytest.approx(expected.corpus["CIDEr-D"])
    assert expected.corpus["CIDEr-D"] > 1
    assert f"df={table.fingerprint}" in summary["signature"]
    assert "CIDEr-D of one" not in tabled.stderr


def write(folder, results):
    (folder / "some.json").write_text(json.dumps(results), "utf-8")
    return "some.json"


def test_karpathys_splits_can_be_chosen(files):
    images = [
        {
            "filename": name,
            "cocoid": i,
            "split": "test" if i < 3 else "val",
            "sentences": [{"raw": text} for text in texts],
        }
        for i, (name, texts) in enumerate(TEXTS.items(), start=1)
    ]
    (files / "karpathy.json").write_text(json.dumps({"images": images}), "utf-8")
    whole = run(files, references="karpathy.json")
    assert "3 pictures, 6 references" in whole.stdout
    refused = run(files, "--split", "test", references="karpathy.json")
    assert refused.returncode == 2
    assert "1 picture has no references, such as '3'" in refused.stderr
    partial = run(files, "--split", "test", "--partial", references="karpathy.json")
    assert "2 pictures, 4 references" in partial.stdout


def test_the_benchmark_compares_both_sides(files):
    script = ROOT / "benchmarks" / "score_captions.py"
    arguments = ("predictions.json", "references.json", "--runs", "1")
    result = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, cwd=files, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("3 pictures, 6 references")
    if shutil.which("java") is None:
        assert "pycocoevalcap's side is left out" in result.stdout
        return
    rows = {words[0]: words[1:] for line in result.stdout.splitlines() if len(words := line.split()) == 5}
    for name, value in score(CAPTIONS, TEXTS).corpus.items():
        mine, theirs, _, relative = map(float, rows[name])
        assert mine == theirs == round(value, 6)
        assert relative <= 1e-9
    assert "ratio by the clock" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--metrics", "SPICE"), "--metrics 'SPICE': choose among BLEU, METEOR"),
        (("--metrics", ","), "--metrics ',': choose among BLEU, METEOR"),
        (("--per-picture", "scores.xml"), "name a file that ends in .jsonl or .csv"),
        (("--per-picture", "references.json/x.csv"), "cannot be written"),
        (("--split", "test"), "has no splits"),
        (("--df", "none.npz"), "none.npz: does not exist"),
        (("--df", "references.json"), "not a table of document frequencies"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(files, arguments, reason):
    result = run(files, *arguments)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("showtell: ")
    assert reason in line
