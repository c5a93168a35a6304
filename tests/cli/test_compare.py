"""`showtell compare` as researchers use it: models and files of captions, tables and the page."""

import csv
import io
import json

import pytest

import html_tree

REFERENCES = {f"{i}.png": [f"a dog runs on grass number {i}", "a dog on grass"] for i in range(10)}


@pytest.fixture
def files(tmp_path):
    """References, and the captions of a good and of a bad system."""
    lines = [{"image": name, "captions": texts} for name, texts in REFERENCES.items()]
    (tmp_path / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for system, say in (("good", lambda texts: texts[0]), ("bad", lambda texts: "a cat on a chair")):
        said = [{"image_id": name, "caption": say(texts)} for name, texts in REFERENCES.items()]
        (tmp_path / f"{system}.json").write_text(json.dumps(said))
    return tmp_path


def test_files_are_compared_in_every_form(files, showtell):
    given = ("compare", files / "bad.json", files / "good.json", "--captions", files / "captions.jsonl")
    found = json.loads(showtell(*given, "--format", "json").out)
    assert (found["systems"], found["pictures"]) == (["bad", "good"], 10)
    cider = found["figures"]["CIDEr-D"]
    assert cider["second"] > cider["first"]
    assert 0 < cider["low"] <= cider["difference"] <= cider["high"]
    assert cider["p"] < 0.01
    assert "paired:bootstrap,1000,randomization,10000,seed=0" in found["signature"]
    rows = list(csv.reader(io.StringIO(showtell(*given, "--format", "csv").out)))
    assert rows[0] == ["figure", "bad", "good", "difference", "95% interval", "p"]
    hallucinated = next(row for row in rows if row[0] == "hallucinated")
    assert hallucinated[1:4] == ["100.0%", "0.0%", "-100.0%"]
    assert "\\toprule" in showtell(*given, "--format", "latex").out
    assert "| BLEU-4 |" in showtell(*given, "--format", "markdown").out
    assert "bad and good on 10 pictures" in showtell(*given).out


def test_models_caption_the_pictures_and_the_page_shows_what_differs_most(files, photos, tiny_bundle, showtell):
    page = files / "page.html"
    given = ("--pictures", photos, "--captions", files / "captions.jsonl", "--html", page)
    ran = showtell("compare", tiny_bundle, files / "good.json", *given)
    assert ran.code == 0, ran.err
    assert f"page: {page}" in ran.err
    text = page.read_text()
    assert text.count("<img ") == 10
    assert "Pictures with a better caption by good" in text
    assert "Pictures with a better caption by tiny" not in text
    html_tree.read(text)


def test_what_is_neither_or_lacks_pictures_is_told_in_a_line(files, tiny_bundle, showtell):
    captions = ("--captions", files / "captions.jsonl")
    ran = showtell("compare", tiny_bundle, files / "good.json", *captions)
    assert ran.code == 2
    assert ran.err.endswith(f"showtell: {tiny_bundle}: a model needs pictures to caption: add --pictures\n")
    ran = showtell("compare", "nonsense", files / "good.json", *captions)
    assert ran.code == 2
    assert "nonsense: neither a file of captions nor a model: the models are" in ran.err
    (files / "few.json").write_text('[{"image_id": "0.png", "caption": "a dog"}]')
    ran = showtell("compare", files / "few.json", files / "good.json", *captions)
    assert ran.code == 2
    assert "--partial" in ran.err
    ran = showtell("compare", files / "few.json", files / "good.json", *captions, "--partial", "--format", "json")
    assert json.loads(ran.out)["pictures"] == 1
    assert "left out: 9 pictures that only one system has captioned" in ran.err
    ran = showtell("compare", files / "bad.json", files / "good.json", *captions, "--by", "beauty")
    assert "choose among BLEU-1" in ran.err
