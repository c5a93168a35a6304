"""The benchmarks of quantisation run, and their figures are those of another computation."""

import re
import subprocess
import sys

import pytest

from repository import ROOT
from showtell import Captioner
from showtell.encoders import Encoder
from showtell.metrics import score
from showtell.models.bundle import read_bundle

BENCHMARKS = ROOT / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *arguments]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_models_are_compared_with_the_first(tiny_bundle, photos, tmp_path, showtell):
    small = tmp_path / "small.showtell"
    assert showtell("quantize", tiny_bundle, "--pictures", photos, "-o", small).code == 0
    people = {f"{i}.png": ["a big dog jumps in the snow", "the man sits on the grass"][i % 2] for i in range(10)}
    rows = [f"{name},{text}\n" for name, text in people.items()]
    (tmp_path / "captions.csv").write_text("image,caption\n" + "".join(rows))
    models = ["--model", tiny_bundle, "--model", small]
    lines = run("models_compared.py", photos, tmp_path / "captions.csv", *models, "--folder", photos, "--rounds", 2)
    ciders = []
    for path in (tiny_bundle, small):
        found = {name: Captioner(path).caption(photos / name).text for name in people}
        ciders.append(100 * score(found, {name: [text] for name, text in people.items()}).corpus["CIDEr-D"])
    printed = [float(re.search(r"CIDEr-D ([\d.]+) on 10 pictures", line)[1]) for line in lines[:2]]
    assert printed == pytest.approx(ciders, abs=0.006)
    difference, low, high = map(float, re.search(r", (\S+) \((\S+) to (\S+)\)", lines[1]).groups())
    assert difference == pytest.approx(ciders[1] - ciders[0], abs=0.006)
    assert low <= difference <= high
    assert [line.split(":")[0].strip() for line in lines[2:]] == [
        "greedy",
        "tiny",
        "small",
        "own settings",
        "tiny",
        "small",
    ]


def test_the_first_model_may_have_another_encoder(tiny_bundle, photos, tmp_path, showtell):
    small = tmp_path / "small.showtell"
    assert showtell("quantize", tiny_bundle, "--pictures", photos, "-o", small).code == 0
    graph = read_bundle(small).parts["encoder.onnx"]
    (tmp_path / "int8.onnx").write_bytes(graph)
    captioner = Captioner(tiny_bundle)
    captioner.encoder = Encoder(graph, resize=captioner.bundle.model["resize"])
    found = {f"{i}.png": captioner.caption(photos / f"{i}.png").text for i in range(10)}
    rows = [f"{name},{text if i % 2 else 'a dog'}\n" for i, (name, text) in enumerate(found.items())]
    (tmp_path / "captions.csv").write_text("image,caption\n" + "".join(rows))
    references = {name: [row.strip().partition(",")[2]] for name, row in zip(found, rows, strict=True)}
    model, encoder = ["--model", tiny_bundle], ["--encoder", tmp_path / "int8.onnx"]
    (line,) = run("models_compared.py", photos, tmp_path / "captions.csv", *model, *encoder)
    assert line.startswith("tiny-with-int8: ")
    expected = 100 * score(found, references).corpus["CIDEr-D"]
    assert float(re.search(r"CIDEr-D ([\d.]+)", line)[1]) == pytest.approx(expected, abs=0.006)
    assert expected > 0


def test_encoders_are_compared_with_themselves_in_float32(photos, tiny_encoder, tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    encoder = f"onnx:{tmp_path / 'tiny.onnx'}"
    lines = run("quantized_encoders.py", photos, photos, "--encoder", encoder, "--rounds", 2)
    assert lines[0].startswith(f"{encoder}: ")
    distance, cosine = (float(re.search(r"median ([\d.]+)", line)[1]) for line in lines[1:3])
    assert 0 < distance < 0.05
    assert cosine == pytest.approx(1 - distance**2 / 2, abs=0.002)
    assert "nine tenths of 10 pictures" in lines[1]
    assert [line.split(":")[0].strip() for line in lines[-2:]] == ["1 thread", "2 threads"]
