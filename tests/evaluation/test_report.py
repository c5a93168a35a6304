"""The report of an evaluation: the chosen pictures, the text, and `showtell report` as a user runs it."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from command_line import run
from evaluations import a_picture, an_evaluation, epochs
from html_tree import read
from showtell.evaluation import TrainingCaption, write_evaluation
from showtell.evaluation.report.choice import choose, confidence_groups, lengths, surest, word_counts
from showtell.evaluation.report.page import evaluation_page

HOSTILE = "<script>alert(\"1\")</script> & 'quotes' {}"


def sections_of(page):
    return {section.attributes["id"]: section for section in page.all("section") if "id" in section.attributes}


def names_in(section):
    return [figure.one("bdi").text for figure in section.all("figure")]


def test_best_and_worst_are_ranked_by_score_and_the_rest_is_drawn_from():
    chosen = choose(an_evaluation(60))
    assert [picture.name for picture in chosen.best] == [f"{i}.jpg" for i in range(59, 49, -1)]
    assert [picture.name for picture in chosen.worst] == [f"{i}.jpg" for i in range(10)]
    drawn = {picture.name for picture in chosen.drawn}
    assert len(drawn) == 10
    assert drawn <= {f"{i}.jpg" for i in range(10, 50)}
    assert choose(an_evaluation(60)) == chosen


def test_of_pictures_that_score_nothing_the_surest_is_the_worst():
    evaluation = an_evaluation(30)
    nothing = tuple(replace(p, scores=p.scores | {"CIDEr-D": 0.0}) for p in evaluation.pictures)
    chosen = choose(replace(evaluation, pictures=nothing))
    assert chosen.worst[0].name == "29.jpg"


@pytest.mark.parametrize("count", [1, 2, 7, 25])
def test_few_pictures_are_shown_once(count):
    chosen = choose(an_evaluation(count))
    names = [picture.name for picture in (*chosen.best, *chosen.worst, *chosen.drawn)]
    assert sorted(names) == sorted(f"{i}.jpg" for i in range(count))


def test_copies_to_the_word_and_long_ones_come_first_and_none_twice():
    copies = choose(an_evaluation(60)).copies
    keys = [(picture.copied.edits, -len(picture.caption.split())) for picture in copies]
    assert keys == sorted(keys)
    captions = [picture.caption for picture in copies]
    assert len(set(captions)) == len(captions)
    every = [picture for picture in an_evaluation(60).pictures if picture.copied]
    for picture in copies:
        assert picture.scores["CIDEr-D"] == min(p.scores["CIDEr-D"] for p in every if p.caption == picture.caption)


def test_confidence_groups_are_equal_and_have_the_means_of_their_pictures():
    pictures = an_evaluation(60).pictures
    groups = confidence_groups(pictures[::-1])
    assert len(groups) == 6
    for i, group in enumerate(groups):
        mine = pictures[10 * i : 10 * i + 10]
        scores = 100 * np.array([picture.scores["CIDEr-D"] for picture in mine])
        assert group.x == pytest.approx(np.mean([picture.score for picture in mine]))
        assert group.y == pytest.approx(scores.mean())
        error = scores.std() / np.sqrt(10)
        assert (group.low, group.high) == pytest.approx(
            (group.y - 1.96 * error, group.y + 1.96 * error), rel=0.1, abs=1
        )
    assert confidence_groups(pictures[:19]) == []


def test_the_surest_captions_score_as_they_alone_would():
    pictures = an_evaluation(40).pictures
    kept = dict(surest(pictures))
    assert min(kept) == 25.0  # ten of forty
    assert kept[100.0] == pytest.approx(100 * np.mean([picture.scores["CIDEr-D"] for picture in pictures]))
    assert kept[50.0] == pytest.approx(100 * np.mean([picture.scores["CIDEr-D"] for picture in pictures[20:]]))


def test_words_and_lengths_are_counted_a_sentence_at_a_time():
    assert lengths(["A dog.", "a dog, a cat!", ""]) == Counter({2: 1, 4: 1, 0: 1})
    assert word_counts(["A dog.", "a dog, a cat!"]) == Counter({"a": 2, "dog": 2, "cat": 1})


def test_the_page_has_every_section_and_all_figures():
    evaluation = an_evaluation(60)
    page = read(evaluation_page(evaluation, a_picture, epochs()))
    sections = sections_of(page)
    assert list(sections) == ["scores", "training", "confidence", "words", "best", "worst", "random", "copies"]
    targets = [link.attributes["href"] for link in page.one("nav").all("a")]
    assert targets == [f"#{name}" for name in sections]
    tiles = [item.text for item in sections["scores"].one("ul", "tiles").all("li")]
    assert "CIDEr-D52.048.0 to 56.0" in tiles
    assert len(sections["scores"].one("tbody").all("tr")) == len(evaluation.figures)
    chosen = choose(evaluation)
    for name, pictures in (("best", chosen.best), ("worst", chosen.worst), ("random", chosen.drawn)):
        assert names_in(sections[name]) == [picture.name for picture in pictures]
        for figure, picture in zip(sections[name].all("figure"), pictures, strict=True):
            assert figure.one("p", "caption").text == picture.caption
            assert [item.text for item in figure.one("ul", "references").all("li")] == list(picture.references)
            assert f"CIDEr-D {100 * picture.scores['CIDEr-D']:.0f}" in figure.text
    assert "1 picture could not be read" in page.one("header").text
    assert page.one("footer").text == evaluation.signature
    assert "24 different words of the model's 2,535" in sections["words"].text
    assert [len(sections[name].all("svg")) for name in ("training", "confidence", "words")] == [3, 3, 2]


def test_sections_without_content_are_left_out():
    evaluation = an_evaluation(2)
    alone = replace(evaluation, pictures=tuple(replace(picture, copied=None) for picture in evaluation.pictures))
    sections = sections_of(read(evaluation_page(alone, lambda name: None)))
    assert list(sections) == ["scores", "confidence", "words", "best", "worst"]
    assert sections["best"].one("div", "missing").text == "no picture"


def test_a_copy_shows_both_pictures_and_marks_the_word_that_differs():
    evaluation = an_evaluation(1)
    near = TrainingCaption("a cat is in the grass", "learnt.jpg", 1, 3)
    only = replace(evaluation, pictures=(replace(evaluation.pictures[0], copied=near),))
    figure = sections_of(read(evaluation_page(only, a_picture)))["copies"].one("figure")
    assert len(figure.one("div", "pair").all("img")) == 2
    assert [mark.text for mark in figure.all("mark")] == ["dog", "cat"]
    assert "3 times, of learnt.jpg" in figure.text
    only = replace(
        evaluation, pictures=(replace(evaluation.pictures[0], copied=replace(near, text="a dog is in grass")),)
    )
    figure = sections_of(read(evaluation_page(only, lambda name: None)))["copies"].one("figure")
    assert [mark.text for mark in figure.all("mark")] == ["the"]


def test_a_curve_goes_through_the_epochs_that_have_its_figure():
    training = sections_of(read(evaluation_page(an_evaluation(2), a_picture, epochs(12))))["training"]
    loss = training.all("svg")[0]
    assert len(loss.all("circle", "series-0")) == 8
    assert len(loss.all("circle", "series-1")) == 12


def test_a_calibrated_model_is_judged_by_its_confidence():
    evaluation = an_evaluation(60, calibrated=True)
    assert confidence_groups(evaluation.pictures)[0].x == pytest.approx(5 / 60)
    page = read(evaluation_page(evaluation, lambda name: None))
    assert "Rank correlation over all pictures: 0.90" in sections_of(page)["confidence"].text
    shown = sections_of(page)["best"].all("figure")[0].one("p", "scores")
    assert shown.text.endswith("confidence 99%")
    assert "Confidence:" in page.one("section", "legend").text


def test_hostile_text_stays_text():
    evaluation = an_evaluation(30, name=HOSTILE, said=HOSTILE, model=HOSTILE)
    page = read(evaluation_page(evaluation, a_picture))
    assert not page.all("script")
    assert HOSTILE in page.one("h1").text
    figure = sections_of(page)["best"].all("figure")[0]
    assert figure.one("bdi").text == HOSTILE.format(29)
    assert figure.one("p", "caption").text == evaluation.pictures[29].caption


@pytest.fixture
def written(tmp_path):
    """An evaluation of ten pictures in a file, its pictures in `val/`, those of training in `deep/train/`."""
    write_evaluation(an_evaluation(10, name="{}.png"), tmp_path / "evaluation.json")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in epochs()))
    for folder, name in (("val", "{}.png"), ("deep/train", "learnt{}.png")):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(10):
            a_picture(name.format(i)).save(tmp_path / folder / name.format(i))
    (tmp_path / "val" / "4.png").write_bytes(b"broken")
    return tmp_path


def test_the_command_finds_the_pictures_and_the_curves(written):
    given = ("--pictures", written / "val", "--pictures", written / "deep", "--run", written / "run")
    result = run("report", written / "evaluation.json", *given, "--out", written / "page.html")
    assert result.returncode == 0, result.stderr
    sections = sections_of(read((written / "page.html").read_text()))
    assert "training" in sections
    shown = [*sections["best"].all("figure"), *sections["worst"].all("figure")]
    assert [figure.one("bdi").text for figure in shown if figure.all("div", "missing")] == ["4.png"]
    assert all(figure.all("div", "pair") for figure in sections["copies"].all("figure"))


def test_the_command_says_what_is_wrong(written):
    (written / "bad").mkdir()
    (written / "bad" / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch":\n')
    a_picture("x").save(written / "bad" / "x.png")
    for arguments, said in (
        ((written / "none.json",), "none.json"),
        ((written / "run" / "metrics.jsonl",), "metrics.jsonl"),
        ((written / "evaluation.json", "--pictures", written / "bad"), "has none of the evaluation's pictures"),
        ((written / "evaluation.json", "--run", written / "val"), "metrics.jsonl"),
        ((written / "evaluation.json", "--run", written / "bad"), "line 2"),
        ((written / "evaluation.json", "--out", written / "evaluation.json" / "page.html"), "page.html"),
    ):
        result = run("report", *arguments)
        assert result.returncode == 2, arguments
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert said in result.stderr


def test_words_that_are_equally_frequent_stay_in_the_order_of_the_captions():
    """And so in one order from run to run, whatever the order of Python's sets."""
    words = [f"{first}{second}" for first in "smart" for second in "being"]
    assert list(word_counts([" ".join(words), " ".join(reversed(words))])) == words
    assert set(word_counts([" ".join(words)] * 2).values()) == {2}
