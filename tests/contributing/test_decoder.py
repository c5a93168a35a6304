"""docs/contributing/decoder.md, followed to the letter: one file makes a decoder that is trained, exported and used."""

import json
import shutil

import pytest

from showtell.models.bundle import read_bundle
from worked_example import follow, follow_test

PLACE = "showtell/decoders/gru.py"

pytestmark = pytest.mark.slow  # it needs PyTorch


@pytest.fixture
def example(tmp_path):
    with follow("decoder.md", PLACE, tmp_path) as made:
        yield made


def test_its_test_passes(example):
    done = follow_test("decoder.md", "tests/decoders/test_gru.py", example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_it_trains_exports_and_captions(example, small_data, tiny_encoder, photos):
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
        decoder = {kind = "gru", hidden = 16}
        training = {epochs = 3, batch_size = 16, learning_rate = 0.01}
        self_critical = {epochs = 1, pictures = 24, samples = 2}
        """
    )
    trained = example.run("train", "recipe.toml", "--out", "run")
    assert trained.returncode == 0, trained.stderr
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[2]["val_loss"] < lines[0]["val_loss"]
    model = folder / "run" / "small.showtell"
    assert read_bundle(model).model["decoder"] == {
        "kind": "gru",
        "options": {"hidden": 16, "dropout": 0.3, "standardise": True},
    }
    captioned = example.run("caption", photos / "0.png", "--model", model)
    assert captioned.returncode == 0, captioned.stderr
    assert len(captioned.stdout.split()) > 1
    assert example.run("verify", model).returncode == 0


def test_its_kind_and_its_options_are_checked(example):
    (example.folder / "recipe.toml").write_text("")
    wrong = example.run("train", "recipe.toml", "--set", "decoder.kind=gruu")
    assert wrong.returncode == 2
    assert "choose one of attention, gru, show_and_tell, transformer" in wrong.stderr
    wrong = example.run("train", "recipe.toml", "--set", "decoder.kind=gru", "--set", "decoder.layers=2")
    assert wrong.returncode == 2
    assert "layers" in wrong.stderr
