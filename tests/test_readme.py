"""The README's commands do what it says, and its figures are those of the models."""

import json
import re
import shlex
import shutil
import zipfile

import pytest

from command_line import run
from repository import ROOT

TEXT = (ROOT / "README.md").read_text()
ELSEWHERE = {
    "showtell serve": "tests/serve/test_command.py",
    "showtell train --data shapes": "tests/training",
    "showtell caption photos/ --format jsonl -o captions.jsonl --ray auto": "tests/ray",
    "showtell train recipe.toml --ray auto --workers 4": "tests/ray",
}
"""Commands that other tests run, because they take minutes, a cluster or no end."""
QUICK = "--encoder onnx:encoder.onnx --set training.epochs=1 --set training.epoch_steps=2 --set training.batch_size=16"


def commands():
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    lines = [line.partition("  #")[0].strip() for label, text in blocks if not label for line in text.splitlines()]
    return [line for line in lines if line.startswith("showtell ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_bundle, small_data):
    """What the README's commands name, in small."""
    here = tmp_path_factory.mktemp("readme")
    photos = [ROOT / "examples" / "photos" / f"{name}.jpg" for name in ("dog-golden-retriever", "mountain-lake")]
    for name in ("photos", "new-photos"):
        (here / name).mkdir()
        shutil.copy(photos[0], here / name)
    shutil.copy(photos[1], here / "photo.jpg")
    with zipfile.ZipFile(here / "holiday.zip", "w") as archive:
        archive.write(photos[1], photos[1].name)
    shutil.copy(tiny_bundle, here / "MODEL.showtell")
    for name in ("photos.zip", "val.zip"):
        shutil.copy(small_data / "p.zip", here / name)
    for name in ("captions.csv", "REFERENCES"):
        shutil.copy(small_data / "captions.jsonl", here / name)  # formats are found by content
    (here / "captions.json").write_text(json.dumps(karpathy(small_data / "captions.jsonl")))
    shutil.copy(small_data / "encoder.onnx", here)
    return here


def karpathy(captions):
    """Captions of JSON lines in Karpathy's format, which has splits."""
    lines = map(json.loads, captions.read_text().splitlines())
    return {
        "images": [
            {
                "filename": line["image"],
                "split": line["split"],
                "sentences": [{"raw": text} for text in line["caption"]],
            }
            for line in lines
        ]
    }


@pytest.mark.slow  # it trains
def test_every_command_of_the_readme_works_in_its_order(folder):
    given = commands()
    assert len(given) >= 12
    assert set(ELSEWHERE) <= set(given)
    for line in given:
        if line in ELSEWHERE:
            assert (ROOT / ELSEWHERE[line]).exists()
            continue
        if " train " in line:
            line = f"{line} {QUICK}"
        if line.endswith("PREDICTIONS REFERENCES"):
            found = json.loads((folder / "evaluation.json").read_text())["pictures"]
            rows = [json.dumps({"image": one["name"], "caption": one["caption"]}) for one in found]
            (folder / "PREDICTIONS").write_text("\n".join(rows))
            line += " --partial"
        done = run(*shlex.split(line)[1:], cwd=folder)
        assert done.returncode == 0, (line, done.stderr)
    for made in ("captions.jsonl", "page.html", "runs/mine/model.showtell", "evaluation.json", "report.html"):
        assert (folder / made).stat().st_size > 0, made
    assert (folder / "photos" / ".showtell-alt-text").is_file()


def test_the_number_of_photographs_is_that_of_the_default_model():
    from showtell.models.bundle import read_bundle
    from showtell.models.names import default_model

    photographs = read_bundle(default_model()).model["data"]["train"]
    assert f"learned from {round(photographs, -3):,} photographs" in " ".join(TEXT.split())
