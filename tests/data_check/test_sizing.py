"""Options that follow the size of a data set, and what training says before it starts."""

import pytest

from showtell.data.captions.caption_set import Alignment
from showtell.data.examples import DataOptions, Examples, load_examples
from showtell.data_check import SurveyOptions, look_before_training, sized
from showtell.data_check.sizing import is_open


def examples(pictures, captions_each=1, validation=40):
    names = [f"{i}.jpg" for i in range(pictures + validation)]
    captions = {name: tuple(f"a dog number {i} runs" for i in range(captions_each)) for name in names}
    train, held_out = tuple(names[validation:]), tuple(names[:validation])
    return Examples(None, captions, train, held_out, "", Alignment((), {}, {}, (), ()), 0, ())


def chosen(pictures, captions_each=1, **tables):
    filled, notes = sized(tables, examples(pictures, captions_each))
    training, vocabulary = filled.get("training", {}), filled.get("vocabulary", {})
    return training.get("batch_size"), training.get("epochs"), vocabulary.get("min_count"), len(notes)


def test_few_captions_get_small_batches_more_epochs_and_all_words():
    assert chosen(54) == (16, 40, 1, 1)  # the defaults would take ten steps
    assert chosen(500, 3) == (16, 16, 2, 1)
    assert chosen(1200, 5) == (32, None, 3, 1)


def test_thousands_of_captions_have_the_defaults_and_no_note():
    assert chosen(6000, 5) == (None, None, None, 0)


def test_what_a_recipe_sets_stays():
    tables = {"training": {"batch_size": 64, "epochs": 3}, "vocabulary": {"min_count": 5}}
    assert not is_open(tables)
    filled, notes = sized(tables, examples(54))
    assert filled == tables
    assert notes == ()
    assert chosen(54, training={"epochs": 7})[:3] == (16, 7, 1)
    assert is_open({"training": {"epochs": 7}})
    assert chosen(54, training={"epoch_steps": 7}) == (None, None, None, 0)  # such epochs do not depend on the size


def test_a_run_from_a_model_has_fewer_epochs():
    assert chosen(54, training={"from_model": "flickr8k"})[:2] == (16, 8)


def problems(captions, train, validation=("v.jpg",), **options):
    given = {**captions, **dict.fromkeys(validation, ("a dog runs",))}
    found = Examples(None, given, train, validation, "", Alignment((), {}, {}, (), ()), 0, ())
    return look_before_training(found, SurveyOptions(**options), most=0, show=False)


def test_nothing_can_come_of_one_sentence_or_of_four_pictures():
    same = {f"{i}.jpg": ("A dog runs.",) for i in range(50)}
    fatal = [one.text for one in problems(same, tuple(same), min_count=1) if one.fatal]
    assert fatal == ["all captions have the same words: 'A dog runs.'"]
    few = {f"{i}.jpg": (f"dog {i} runs",) for i in range(4)}
    (fatal,) = [one.text for one in problems(few, tuple(few), min_count=1) if one.fatal]
    assert "only 4 pictures to train on, of which a model learns nothing: give at least 5" in fatal


def test_few_pictures_and_unmet_words_are_warnings():
    few = {f"{i}.jpg": (f"cat {i} sits",) for i in range(9)}
    said = [one.text for one in problems(few, tuple(few), min_count=1) if not one.fatal]
    assert any("only 9 pictures to train on: add more, or start from a model" in text for text in said)
    assert any("only 1 picture to validate on, so scores are rough" in text for text in said)
    assert any("occurs in no training caption" in text for text in said)


def test_pictures_are_read_only_where_they_are_few(small_data):
    found = load_examples(DataOptions(("p.zip",), "captions.jsonl", split_column="split"), small_data)
    found.source.read = lambda **_: pytest.fail("read")
    look_before_training(found, SurveyOptions(min_count=1), most=59, show=False)
