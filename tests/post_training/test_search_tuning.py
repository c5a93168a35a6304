"""Search settings chosen on pictures, against captioning and scoring with each of them by hand."""

import csv
import itertools
import shutil

import pytest

from showtell import Captioner
from showtell.captioning.golden import replay
from showtell.errors import InputError
from showtell.metrics import score
from showtell.models.bundle import read_bundle
from showtell.models.card import with_section
from showtell.post_training.search_tuning import tune

PEOPLE_SAY = ("a big dog jumps in the snow", "the man sits on the grass", "a blue ball on the red snow")


@pytest.fixture
def captions(photos, tmp_path):
    with open(tmp_path / "captions.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption", "split"])
        for i in range(10):
            for caption in PEOPLE_SAY[i % 3 :]:
                rows.writerow([f"{i}.png", caption, "train" if i == 9 else "val"])
    return tmp_path / "captions.csv"


def by_hand(model, photos, options):
    captioner = Captioner(model)
    names = [f"{i}.png" for i in range(9)]
    found = {name: captioner.caption(photos / name, **options).text for name in names}
    scores = score(found, {name: PEOPLE_SAY[i % 3 :] for i, name in enumerate(names)}).corpus
    return scores["CIDEr-D"], scores["BLEU-4"], sum(len(text.split()) for text in found.values()) / 9


def test_every_combination_is_scored_as_by_hand_and_the_best_is_kept(tiny_bundle, photos, captions, tmp_path):
    settings = {"beam": [2, 4], "length_penalty": [0.0, 2.0], "max_length": [4, 12]}
    out = tmp_path / "tuned.showtell"
    tuned = tune(tiny_bundle, photos, read(captions), "val", settings=settings, out=out, show=False)
    assert tuned.own.options == Captioner(tiny_bundle).generator.search_defaults
    assert len(tuned.tried) == 1 + 8
    combinations = itertools.product(*settings.values())
    for one, values in zip(tuned.tried[1:], combinations, strict=True):
        expected = by_hand(tiny_bundle, photos, dict(zip(settings, values, strict=True)))
        assert (one.cider_d, one.bleu_4, one.words) == pytest.approx(expected, abs=1e-9)
    assert len({one.cider_d for one in tuned.tried}) > 2
    assert tuned.best.cider_d == max(one.cider_d for one in tuned.tried)
    assert read_bundle(out).search_options() == tuned.best.options
    assert replay(Captioner(out)).text == read_bundle(out).model["golden"]["caption"]


def test_a_model_that_is_tuned_again_has_one_section_about_it_in_its_card(tiny_bundle, photos, captions, tmp_path):
    model = tmp_path / "model.showtell"
    shutil.copy(tiny_bundle, model)
    before = read_bundle(model).parts["README.md"].decode()
    for penalty in (0.0, 3.0):
        settings = {"length_penalty": [penalty], "max_length": [5]}
        tuned = tune(model, photos, read(captions), "val", settings=settings, out=model, show=False)
        card = read_bundle(model).parts["README.md"].decode()
        assert card.startswith(before)
        assert card.count("## Search") == 1
        assert f"CIDEr-D {100 * tuned.best.cider_d:.1f}" in card


def test_a_section_of_a_card_is_replaced_and_others_stay():
    card = "# Model\n\n- a\n"
    card = with_section(card, "Search", "- one\n")
    assert card == "# Model\n\n- a\n\n## Search\n\n- one\n"
    card = with_section(card, "Confidence", "- two")
    card = with_section(card, "Search", "- three")
    assert card == "# Model\n\n- a\n\n## Confidence\n\n- two\n\n## Search\n\n- three\n"


def test_the_command_prints_what_it_tried_and_writes_the_best(tiny_bundle, photos, captions, tmp_path, showtell):
    out = tmp_path / "tuned.showtell"
    given = ("--pictures", photos, "--captions", captions, "--length-penalty", "0", "--length-penalty", "1.5")
    ran = showtell("tune", tiny_bundle, *given, "--beam", "2", "--out", out)
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.out.splitlines()]
    tried = [row[:2] for row in rows if len(row) >= 5 and row[0].isdigit()]
    assert tried == [["3", "0.7"], ["2", "0"], ["2", "1.5"]]
    assert ran.out.count("best") == 1
    assert f"model: {out}" in ran.out
    best = next(row for row in rows if "best" in row)
    assert read_bundle(out).model["search"]["beam"] == int(best[0])


def test_what_cannot_be_tried_is_told(tiny_bundle, photos, captions, showtell):
    with pytest.raises(InputError, match="length penalty must be at least 0"):
        tune(tiny_bundle, photos, read(captions), "val", settings={"length_penalty": [-1.0]}, show=False)
    ran = showtell("tune", tiny_bundle, "--pictures", photos, "--captions", captions, "--split", "none")
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1


def read(captions):
    from showtell.data.captions.caption_set import read_captions

    return read_captions(captions, split_column="split")
