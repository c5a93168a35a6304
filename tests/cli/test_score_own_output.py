"""`showtell score` on what `showtell caption` and `showtell alt-text` write, in every format."""

import json
import shutil

import pytest


@pytest.fixture
def pictures(photos):
    """Three of the pictures in a folder inside a folder, and one file that is none."""
    folder = photos / "set"
    folder.mkdir()
    for i in range(3):
        shutil.move(photos / f"{i}.png", folder)
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def references(tmp_path):
    path = tmp_path / "references.csv"
    rows = [f"{name}.png,a big dog in the snow {name}" for name in ("0", "1", "2", "bad")]
    path.write_text("image,caption\n" + "\n".join(rows) + "\n")
    return path


def scored(showtell, predictions, references, *options):
    """What score finds, and the captions that it scored by name."""
    each = references.with_name("each.jsonl")
    result = showtell("score", predictions, references, "--format", "json", "--per-picture", each, *options)
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in each.read_text().splitlines()]
    return json.loads(result.out), {line["name"]: line["caption"] for line in lines}, result.err


CALIBRATED = "flickr8k-fast"
FORMATS = ("text", "jsonl", "csv", "parquet")


@pytest.mark.parametrize("several", [1, 3])
@pytest.mark.parametrize("format", FORMATS)
def test_captions_of_every_format_score_alike_without_unreadable_pictures(
    showtell, pictures, references, tiny_bundle, tmp_path, format, several
):
    out = tmp_path / f"out.{'txt' if format == 'text' else format}"
    options = ("--num-captions", several, "--beam", 3)
    showtell("caption", "--model", tiny_bundle, pictures, "--format", format, "-o", out, *options)
    showtell("caption", "--model", tiny_bundle, pictures, "--format", "jsonl", "-o", tmp_path / "same.jsonl", *options)
    lines = [json.loads(line) for line in (tmp_path / "same.jsonl").read_text().splitlines()]
    best = {line["name"]: line["caption"] for line in lines if "caption" in line}
    assert len(best) == 3
    found, captions, said = scored(showtell, out, references)
    assert captions == best
    assert found["pictures"] == 3
    assert found["left_out"] == {"without_prediction": 0, "without_references": 0, "not_captioned": 1}
    assert "left out: 1 picture that could not be captioned" in said


@pytest.mark.parametrize("format", FORMATS)
def test_where_the_model_was_not_sure_its_guess_is_scored_and_counted(showtell, pictures, references, tmp_path, format):
    out = tmp_path / f"out.{'txt' if format == 'text' else format}"
    showtell("caption", "--model", CALIBRATED, pictures, "--format", format, "-o", out, "--min-confidence", "1")
    showtell("caption", "--model", CALIBRATED, pictures, "--format", "jsonl", "-o", tmp_path / "sure.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "sure.jsonl").read_text().splitlines()]
    expected = {line["name"]: line["caption"] for line in lines if "caption" in line}
    found, captions, said = scored(showtell, out, references)
    assert captions == expected
    assert found["guesses"] == 3
    assert "3 captions that the model was not sure of: its guess is scored" in said


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("least", ["0", "1"])
def test_tables_of_alt_text_are_scored(showtell, pictures, references, tmp_path, format, least):
    out = tmp_path / f"out.{format}"
    given = ("--model", CALIBRATED, "--format", format, "-o", out, "--journal", tmp_path / "journal")
    showtell("alt-text", pictures, *given, "--min-confidence", least)
    found, captions, _ = scored(showtell, out, references)
    assert (found["pictures"], found["left_out"]["not_captioned"]) == (3, 1)
    assert found["guesses"] == (3 if least == "1" else 0)
    assert all(captions.values())


def test_texts_of_alt_text_beside_pictures_are_scored(showtell, pictures, references, tiny_bundle):
    (pictures / "bad.png").unlink()
    showtell("alt-text", pictures, "--model", tiny_bundle)
    found, captions, _ = scored(showtell, pictures, references, "--partial")
    assert captions == {f"{i}.png": (pictures / f"{i}.png.txt").read_text().strip() for i in range(3)}
    assert found["left_out"]["without_prediction"] == 1


def test_names_with_folders_find_their_pictures(showtell, pictures, references, tiny_bundle, tmp_path):
    out = tmp_path / "out.jsonl"
    showtell("caption", "--model", tiny_bundle, *sorted(pictures.iterdir()), "--format", "jsonl", "-o", out)
    assert json.loads(out.read_text().splitlines()[0])["name"] == str(pictures / "0.png")
    found, captions, _ = scored(showtell, out, references)
    assert (found["pictures"], sorted(captions)) == (3, ["0.png", "1.png", "2.png"])


def test_tags_after_captions_are_not_scored(showtell, references, tmp_path):
    (tmp_path / "out.txt").write_text("0.png: a dog [dog, snow]\n1.png: not sure (perhaps: a cat) [cat]\n2.png: a: b\n")
    _, captions, _ = scored(showtell, tmp_path / "out.txt", references, "--partial")
    assert captions == {"0.png": "a dog", "1.png": "a cat", "2.png": "a: b"}
