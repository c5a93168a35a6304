"""A whole evaluation of a small real model on drawn pictures, and `showtell evaluate` as a user runs it."""

import csv
import json
import math
import shlex
from dataclasses import replace

import numpy as np
import pytest

from command_line import run
from repository import ROOT
from showtell import Captioner, evaluate
from showtell.data.captions.caption_set import read_captions
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import embed
from showtell.errors import InputError
from showtell.evaluation import KINDS, read_evaluation, write_evaluation
from showtell.evaluation.figures import NextWordFigures, figures_of
from showtell.evaluation.next_word import next_words
from showtell.metrics import score

PEOPLE_SAY = ("A big dog jumps in the snow.", "the man sits on the grass", "a Blue ball")


@pytest.fixture
def captions(photos, tmp_path):
    """Three captions for each of eight pictures of the split `val`; the captions of two others are in `train`."""
    path = tmp_path / "captions.csv"
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption", "split"])
        for i in range(10):
            for caption in PEOPLE_SAY[: 1 + i % 3]:
                rows.writerow([f"{i}.png", f"{caption} {i}", "train" if i >= 8 else "val"])
    return read_captions(path, split_column="split")


@pytest.fixture
def evaluation(tiny_bundle, photos, captions):
    return evaluate(tiny_bundle, photos, captions, "val", show=False)


def test_the_captions_and_scores_are_those_of_the_captioner_and_the_metrics(evaluation, tiny_bundle, photos, captions):
    captioner = Captioner(tiny_bundle)
    assert [picture.name for picture in evaluation.pictures] == [f"{i}.png" for i in range(8)]
    for picture in evaluation.pictures:
        expected = captioner.caption(photos / picture.name)
        assert picture.caption == expected.text
        assert picture.score == pytest.approx(expected.score, abs=1e-5)
        assert picture.confidence is None  # the model is not calibrated
        assert [word for word, _ in picture.words] == picture.caption.split()
        assert picture.references == captions.captions[picture.name]
    scores = score(
        {picture.name: picture.caption for picture in evaluation.pictures},
        {picture.name: picture.references for picture in evaluation.pictures},
    )
    for name, value in scores.corpus.items():
        assert evaluation.figures[name].value == pytest.approx(value)
        assert evaluation.figures[name].low <= value <= evaluation.figures[name].high
    for picture in evaluation.pictures:
        assert picture.scores == pytest.approx(scores.per_picture[picture.name])


def test_perplexity_is_that_of_every_reference_fed_alone(evaluation, tiny_bundle, photos):
    captioner = Captioner(tiny_bundle)
    sums = []
    for picture in evaluation.pictures:
        embedding = captioner.embed(np.stack([_square(captioner, photos / picture.name)]))
        losses, correct = [], []
        for reference in picture.references:
            alone = next_words(captioner.generator.decoder, embedding, [reference], captioner.bundle.vocabulary)
            losses += alone.losses.tolist()
            correct += alone.correct.tolist()
        sums.append([sum(losses), sum(correct), len(losses)])
    loss, right, words = np.sum(sums, axis=0)
    assert evaluation.figures["perplexity"].value == pytest.approx(math.exp(loss / words), rel=1e-4)
    assert evaluation.figures["next_word_accuracy"].value == pytest.approx(right / words)
    expected = figures_of([NextWordFigures(np.array(sums))], resamples=1000, seed=0)["perplexity"]
    assert evaluation.figures["perplexity"].low == pytest.approx(expected.low, rel=1e-4)
    assert evaluation.figures["perplexity"].high == pytest.approx(expected.high, rel=1e-4)


def _square(captioner, path):
    from showtell.images.decode import decode
    from showtell.images.preprocessing import square

    return square(decode(path), captioner.encoder.info.preprocessing)


def test_copies_are_sought_in_the_training_split_or_in_the_captions_named(
    evaluation, tiny_bundle, photos, captions, tmp_path
):
    said = evaluation.pictures[0].caption
    learnt = tmp_path / "learnt.csv"
    learnt.write_text(f"image,caption\nother.jpg,{said.capitalize()}!\n")
    again = evaluate(tiny_bundle, photos, captions, "val", training=learnt, show=False)
    copied = again.pictures[0].copied
    assert (copied.text, copied.picture, copied.edits, copied.times) == (said, "other.jpg", 0, 1)
    share = np.mean([picture.caption == said for picture in again.pictures])
    assert again.figures["copied"].value == pytest.approx(share)
    assert evaluation.figures["copied"].value == 0.0  # what the training split says ends in a number
    for nothing_else in ((replace(captions, splits={}), None), (captions, "train")):
        assert "copied" not in evaluate(tiny_bundle, photos, *nothing_else, show=False).figures


def test_an_evaluation_is_the_same_when_it_is_written_and_read(evaluation, tmp_path):
    path = tmp_path / "deep" / "evaluation.json"
    write_evaluation(evaluation, path)
    assert read_evaluation(path) == evaluation
    assert list(evaluation.figures) == [name for name in KINDS if name in evaluation.figures]


def test_a_store_gives_the_same_captions_and_is_not_computed_again(evaluation, tiny_bundle, photos, captions, tmp_path):
    store = tmp_path / "store"
    from_store = evaluate(tiny_bundle, photos, captions, "val", store=store, show=False)
    assert [p.caption for p in from_store.pictures] == [p.caption for p in evaluation.pictures]
    assert from_store.figures["perplexity"].value == pytest.approx(evaluation.figures["perplexity"].value, rel=0.01)
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("*.arrow")}
    evaluate(tiny_bundle, photos, captions, "val", store=store, beam=1, show=False)
    assert before == {path.name: path.stat().st_mtime_ns for path in store.glob("*.arrow")}


@pytest.mark.parametrize("with_store", [False, True])
def test_an_unreadable_picture_is_listed_and_left_out(with_store, tiny_bundle, photos, captions, tmp_path):
    (photos / "3.png").write_bytes(b"broken")
    (photos / "9.png").write_bytes(b"of another split")
    store = tmp_path / "store" if with_store else None
    if store:  # as training fills it, with the pictures of every split
        embed(PictureSource(photos), Captioner(tiny_bundle).encoder, store, show=False)
    found = evaluate(tiny_bundle, photos, captions, "val", store=store, show=False)
    assert [name for name, _ in found.unreadable] == ["3.png"]
    assert [picture.name for picture in found.pictures] == [f"{i}.png" for i in range(8) if i != 3]


def test_sampled_captions_do_not_depend_on_how_many_are_drawn_at_once(tiny_bundle, photos, captions, monkeypatch):
    sampling = {"sample": True, "seed": 5, "temperature": 2.0}
    whole = evaluate(tiny_bundle, photos, captions, "val", show=False, **sampling)
    monkeypatch.setattr("showtell.evaluation.run._PICTURES_AT_ONCE", 3)
    parts = evaluate(tiny_bundle, photos, captions, "val", show=False, **sampling)
    assert [picture.caption for picture in parts.pictures] == [picture.caption for picture in whole.pictures]
    assert "sample=True,temperature=2,seed=5" in whole.signature


def test_nothing_to_evaluate_is_an_error_that_says_why(tiny_bundle, photos, captions):
    with pytest.raises(InputError, match="no split 'test'"):
        evaluate(tiny_bundle, photos, captions, "test", show=False)
    for i in range(10):
        (photos / f"{i}.png").write_bytes(b"broken")
    with pytest.raises(InputError, match="none of 8 pictures could be read"):
        evaluate(tiny_bundle, photos, captions, "val", show=False)


def test_the_signature_tells_apart_what_cannot_be_compared(evaluation, tiny_bundle, photos, captions):
    again = evaluate(tiny_bundle, photos, captions, "val", show=False)
    assert again == evaluation
    greedy = evaluate(tiny_bundle, photos, captions, "val", beam=1, show=False)
    assert "beam=3" in evaluation.signature
    assert greedy.signature == evaluation.signature.replace("beam=3", "beam=1")
    assert "refs:1-3|pictures:8|" in evaluation.signature


def test_a_file_that_is_no_evaluation_is_refused_by_name(evaluation, tmp_path):
    for content in ("[]", "{}", json.dumps({**evaluation.to_json(), "format": 99})):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json"):
            read_evaluation(tmp_path / "bad.json")
    damaged = evaluation.to_json()
    del damaged["pictures"][0]["caption"]
    (tmp_path / "bad.json").write_text(json.dumps(damaged))
    with pytest.raises(InputError, match=r"bad\.json: a damaged evaluation"):
        read_evaluation(tmp_path / "bad.json")


def test_the_command_prints_a_table_and_a_signature_and_writes_the_file(tiny_bundle, tmp_path):
    out = tmp_path / "evaluation.json"
    given = ("--pictures", "examples/photos", "--captions", "examples/captions.csv")
    result = run("evaluate", tiny_bundle, *given, "--beam", "2", "--out", out, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    found = read_evaluation(out)
    assert len(found.pictures) == 16
    assert found.signature in result.stdout
    assert "beam=2" in found.signature
    rows = [line.split() for line in result.stdout.splitlines()]
    for name, figure in found.figures.items():
        label = KINDS[name].label.split()
        (row,) = [row for row in rows if row[: len(label)] == label]
        assert row[len(label)] == KINDS[name].text(figure.value)
    assert all(len(line) <= 80 for line in result.stdout.splitlines() if "|" not in line)


def test_the_commands_of_the_documentation_run_in_a_checkout(tmp_path):
    page = (ROOT / "docs/guide/evaluate.md").read_text()
    commands = [line for line in page.splitlines() if line.startswith("showtell ") and "DATA/" not in line]
    assert commands
    for folder in ("src", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for command in commands:
        done = run(*shlex.split(command)[1:], cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    written = read_evaluation(tmp_path / "evaluation.json")
    few = written.figures["CIDEr-D"]
    assert few.low < few.value < few.high
    page = (tmp_path / "report.html").read_text()
    assert page.count('<img src="data:image/jpeg') == 16


def test_the_command_prints_json_and_takes_images_for_pictures(tiny_bundle):
    given = ("--images", "examples/photos", "--captions", "examples/captions.csv")
    result = run("evaluate", tiny_bundle, *given, "--format", "json", cwd=ROOT)
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    assert set(printed) == {"model", "split", "signature", "figures", "pictures", "left_out"}
    assert printed["left_out"] == {"without_pictures": 0, "unreadable": 0}
    assert set(printed["figures"]["CIDEr-D"]) == {"value", "low", "high"}


def test_wrong_input_is_one_line_and_exit_code_2(tiny_bundle, tmp_path):
    given = ("--pictures", "examples/photos", "--captions", "examples/captions.csv")
    for arguments, said in (
        ((tiny_bundle, *given, "--split", "val"), "no splits"),
        ((tiny_bundle, *given, "--beam", "0"), "beam"),
        ((tmp_path / "no.showtell", *given), "no.showtell"),
        ((tiny_bundle, *given, "--out", tmp_path / "captions.csv" / "x.json"), "x.json"),
    ):
        (tmp_path / "captions.csv").write_text("")
        result = run("evaluate", *arguments, cwd=ROOT)
        assert result.returncode == 2
        lines = [line for line in result.stderr.splitlines() if line.startswith("showtell:")]
        assert len(lines) == 1
        assert said in lines[0]
        assert "Traceback" not in result.stderr
