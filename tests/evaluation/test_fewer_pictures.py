"""Captioned pictures that are not there: evaluate, tune and calibrate refuse to pass over them in silence."""

import json
import unicodedata
import zipfile

import pytest

from showtell import evaluate
from showtell.errors import InputError
from showtell.evaluation import read_evaluation

GONE = ("missing-1.png", "missing-2.png", "missing-3.png")


@pytest.fixture
def captions(photos, tmp_path):
    for i in range(2, 10):
        (photos / f"{i}.png").unlink()
    path = tmp_path / "captions.csv"
    rows = [f"{name},a big dog in the snow" for name in ("0.png", "1.png", *GONE)]
    path.write_text("image,caption\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("command", [("evaluate",), ("tune",), ("calibrate",)])
def test_fewer_pictures_than_captions_are_an_error_that_counts_them(showtell, tiny_bundle, photos, captions, command):
    result = showtell(*command, tiny_bundle, "--pictures", photos, "--captions", captions)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert f"{captions}: 3 of 5 captioned pictures are not among the pictures, such as 'missing-1.png'" in line
    assert "--partial" in line


def test_with_partial_they_are_left_out_said_and_counted(showtell, tiny_bundle, photos, captions, tmp_path):
    given = ("--pictures", photos, "--captions", captions, "--partial")
    out = tmp_path / "e.json"
    result = showtell("evaluate", tiny_bundle, *given, "--format", "json", "--out", out)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["pictures"], found["left_out"]) == (2, {"without_pictures": 3, "unreadable": 0})
    assert "3 captioned pictures are missing and left out, such as missing-1.png" in result.err
    assert read_evaluation(out).without_pictures == GONE
    assert showtell("report", out, "--out", tmp_path / "r.html").code == 0
    assert "3 captioned names without a picture" in (tmp_path / "r.html").read_text()
    assert showtell("tune", tiny_bundle, *given, "--length-penalty", "0").code == 0


def test_pictures_that_cannot_be_read_are_named_and_counted(showtell, tiny_bundle, photos, captions):
    (photos / "1.png").write_bytes(b"no picture")
    given = ("--pictures", photos, "--captions", captions, "--partial", "--format", "json")
    result = showtell("evaluate", tiny_bundle, *given)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["pictures"], found["left_out"]) == (1, {"without_pictures": 3, "unreadable": 1})
    assert "1.png: not a" in result.err


def test_python_has_the_same_rule(tiny_bundle, photos, captions):
    with pytest.raises(InputError, match="3 of 5 captioned pictures are not among the pictures"):
        evaluate(tiny_bundle, photos, captions, show=False)
    assert evaluate(tiny_bundle, photos, captions, partial=True, show=False).without_pictures == GONE


def test_names_of_a_zip_from_a_mac_match_and_that_is_said(showtell, tiny_bundle, photos, tmp_path):
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        archive.write(photos / "0.png", unicodedata.normalize("NFD", "größe.png"))
        archive.write(photos / "1.png", "Upper.PNG")
    (tmp_path / "c.csv").write_text("image,caption\ngröße.png,a dog\nupper.png,a ball\n")
    result = showtell("evaluate", tiny_bundle, "--pictures", tmp_path / "mac.zip", "--captions", tmp_path / "c.csv")
    assert result.code == 0, result.err
    assert "1 name matches in another Unicode form, such as 'größe.png'" in result.err
    assert "1 name matches in other case, such as 'upper.png'" in result.err


@pytest.mark.parametrize("command", ["evaluate", "tune", "check"])
def test_columns_can_be_named_where_they_are_not_the_usual_ones(showtell, tiny_bundle, photos, tmp_path, command):
    (tmp_path / "c.csv").write_text("who,what\n" + "".join(f"{i}.png,a dog\n" for i in range(10)))
    given = ("--pictures", photos, "--captions", tmp_path / "c.csv")
    unnamed = showtell(command, tiny_bundle, *given)
    assert unnamed.code == 2
    assert "--picture-column and --caption-column" in unnamed.err
    assert showtell(command, tiny_bundle, *given, "--picture-column", "who", "--caption-column", "what").code == 0
