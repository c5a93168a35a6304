"""docs/contributing/metric.md, followed to the letter: one file makes a metric of every command and of recipes."""

import json
import shutil

import pytest

from worked_example import follow

CAPTIONS = {"0.png": "a dog", "1.png": "the red ball", "2.png": "a cat sleeps"}
REFERENCES = {
    "0.png": ["A dog runs.", "the dog"],  # a, dog, runs, the: two of four
    "1.png": ["red ball"],  # both
    "2.png": ["A bird."],  # a, bird: one of two
}
RECALL = (2 / 4 + 2 / 2 + 1 / 2) / 3


@pytest.fixture
def example(tmp_path):
    with follow("metric.md", "showtell/metrics/word_recall.py", tmp_path) as made:
        yield made


def write(path, captions):
    lines = [{"image": name, "caption": texts} for name, texts in captions.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_score_lists_and_computes_it_with_an_interval(example):
    folder = example.folder
    listed = example.run("score", "--metrics", "list")
    assert "Word-Recall" in listed.stdout, listed.stderr
    assert "share of the references' words that the caption has" in listed.stdout
    write(folder / "p.jsonl", CAPTIONS)
    write(folder / "r.jsonl", REFERENCES)
    result = example.run("score", "p.jsonl", "r.jsonl", "--format", "json")
    found = json.loads(result.stdout)
    assert list(found["scores"])[-1] == "Word-Recall"
    figure = found["scores"]["Word-Recall"]
    assert figure["value"] == pytest.approx(RECALL)
    assert figure["low"] < RECALL < figure["high"]
    assert "|Word-Recall|" in found["signature"]
    assert f"{100 * RECALL:.1f}" in example.run("score", "p.jsonl", "r.jsonl", "--metrics", "word-recall").stdout


def test_evaluate_and_report_show_it(example, tiny_bundle, photos):
    write(example.folder / "captions.jsonl", {f"{i}.png": ["a big dog", "the man"] for i in range(10)})
    arguments = ("--pictures", photos, "--captions", "captions.jsonl")
    result = example.run("evaluate", tiny_bundle, *arguments, "--out", "e.json")
    assert result.returncode == 0, result.stderr
    assert "Word-Recall" in result.stdout
    assert "words of people that it has" in result.stdout
    found = json.loads((example.folder / "e.json").read_text())
    expected = [len({"a", "big", "dog", "the", "man"} & set(one["caption"].split())) / 5 for one in found["pictures"]]
    assert found["figures"]["Word-Recall"]["value"] == pytest.approx(sum(expected) / 10)
    assert [one["scores"]["Word-Recall"] for one in found["pictures"]] == pytest.approx(expected)
    assert example.run("report", "e.json", "--out", "r.html").returncode == 0
    assert "words of people that it has" in (example.folder / "r.html").read_text()


@pytest.mark.slow  # it trains
def test_a_recipe_chooses_the_epoch_by_it(example, small_data, tiny_encoder):
    folder = example.folder
    shutil.copy(small_data / "p.zip", folder)
    shutil.copy(small_data / "captions.jsonl", folder)
    (folder / "encoder.onnx").write_bytes(tiny_encoder)
    (folder / "recipe.toml").write_text(
        """
        name = "small"
        data = {pictures = ["p.zip"], captions = "captions.jsonl", split_column = "split"}
        encoder = {name = "onnx:encoder.onnx"}
        vocabulary = {min_count = 1}
        decoder = {kind = "show_and_tell", hidden = 8, word = 8}
        training = {epochs = 3, batch_size = 16}
        """
    )
    result = example.run("train", "recipe.toml", "--set", "training.best_by=word_recall", "--out", "run")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(0 <= line["word_recall"] <= 1 for line in lines)
    best = max(lines, key=lambda line: line["word_recall"])["epoch"]
    printed = next(line for line in result.stdout.splitlines() if line.endswith("(best)"))
    assert len(lines) == 3
    assert f"{best}" in printed
    wrong = example.run("train", "recipe.toml", "--set", "training.best_by=recall", "--out", "other")
    assert wrong.returncode == 2
    assert "word_recall" in wrong.stderr
