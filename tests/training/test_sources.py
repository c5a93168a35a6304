"""Several data sets in one recipe: how often each is met, what is scored of each, and which epoch is exported."""

import json
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from showtell.data.examples import DataOptions, Group, data_from_json, load_examples
from showtell.data.synthetic.shapes import Shapes, ShapesOptions
from showtell.errors import InputError
from showtell.models.bundle import read_bundle
from showtell.text import Vocabulary
from showtell.training import Stopped, recipe_from, train
from showtell.training.batches import CaptionBatches, NameBatches, PictureBatches
from showtell.training.sampling import Sampling, choose, drawn

SETS = [
    {"name": "many", "pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
    {
        "name": "few",
        "pictures": ["few.zip"],
        "captions": "few.jsonl",
        "split_column": "split",
        "weight": 1.5,
        "captions_per_picture": 3,
        "validation_weight": 3.0,
    },
]


@pytest.fixture(scope="module")
def data(small_data):
    """The small data set, and beside it another of one caption a picture, whose validation split has four."""
    shapes = Shapes(ShapesOptions(train_pictures=10, val_pictures=4, seed=5))
    captions = shapes.captions()
    with zipfile.ZipFile(small_data / "few.zip", "w") as archive:
        for picture in shapes.read():
            archive.writestr(f"few-{picture.name}", picture.data)
    lines = [
        {"image": f"few-{name}", "caption": texts[0], "split": captions.splits[name]}
        for name, texts in captions.captions.items()
    ]
    (small_data / "few.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return small_data


def recipe(sets=SETS, **training):
    options = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2, "checkpoint_steps": 2} | training
    return recipe_from(
        {
            "data": sets,
            "encoder": {"name": "onnx:encoder.onnx"},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 24, "word": 16},
            "training": options,
        }
    )


def run(data, folder, watch=None, **training):
    return train(recipe(**training), folder, root=data, store=data / "store-of-two", show=False, watch=watch)


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    return run(data, tmp_path_factory.mktemp("run"))


def test_each_data_set_is_scored_and_the_weighted_mean_chooses_the_epoch(unbroken):
    for line in unbroken.metrics:
        many, few = line["sources"]["many"], line["sources"]["few"]
        for figure in ("val_loss", "val_accuracy", "bleu_4", "cider_d"):
            assert line[figure] == pytest.approx((many[figure] + 3 * few[figure]) / 4)
    best = max(unbroken.metrics, key=lambda line: (line["cider_d"], -line["epoch"]))
    scores = read_bundle(unbroken.bundle).model["scores"]
    assert scores["epoch"] == best["epoch"]
    assert scores["sources"] == best["sources"]


def test_the_recipe_in_the_bundle_finds_the_same_data_again(data, unbroken):
    options = data_from_json(read_bundle(unbroken.bundle).model["recipe"]["data"])
    assert [one.name for one in options] == ["many", "few"]
    assert load_examples(options, data).counts()["train"] == 48 + 10


def test_a_run_that_is_stopped_in_the_middle_of_an_epoch_ends_with_the_weights_of_the_unbroken_one(
    data, unbroken, tmp_path
):
    class StopAt:
        def __init__(self, step):
            self.left = step

        def begin(self, name, pictures, captions):
            pass

        def step(self, progress):
            self.left -= 1
            return self.left == 0

        def epoch(self, metrics, captions):
            pass

    with pytest.raises(Stopped):
        run(data, tmp_path, watch=StopAt(5))
    run(data, tmp_path)
    paths = (folder / "checkpoints" / "last.safetensors" for folder in (unbroken.folder, tmp_path))
    expected, found = (load_file(path) for path in paths)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


GROUPS = (
    Group("all", ("a", "b"), (), 1.0, 0),
    Group("some", tuple("cdefghij"), (), 1.25, 0),
    Group("five", ("k", "l", "m"), (), 2.0, 5),
)
CAPTIONS = {name: (f"{name} one", f"{name} two") for name in "abcdefghijklm"}
ROWS = {name: row for row, name in enumerate(CAPTIONS)}


def test_an_epoch_meets_pictures_and_captions_as_often_as_their_weights_say():
    sampling = Sampling(GROUPS, CAPTIONS)
    words = Vocabulary.build([caption for captions in CAPTIONS.values() for caption in captions], 1)
    batches = CaptionBatches(CAPTIONS, ROWS, words, batch_size=8, max_length=9, seed=1, sampling=sampling)
    counts = []
    for epoch in range(6):
        met = batches.epoch(epoch)
        assert len(met) == len(batches)
        rows = np.bincount(np.concatenate([batch.rows for batch in met]), minlength=13)
        assert list(rows[:2]) == [2, 2], "weight 1: every caption once"
        assert rows[2:10].sum() == 8 * 2 + 4, "weight 1.25: a quarter of the captions once more"
        assert list(rows[10:]) == [10, 10, 10], "weight 2 and five captions"
        counts.append(tuple(rows[2:10]))
    assert len(set(counts)) > 1, "by chance, another quarter in another epoch"
    for epoch in (0, 3):
        again = CaptionBatches(CAPTIONS, ROWS, words, batch_size=8, max_length=9, seed=1, sampling=sampling)
        first, second = batches.epoch(epoch), again.epoch(epoch)
        assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(first, second, strict=True))


def test_batches_of_names_meet_each_picture_by_its_weight():
    batches = NameBatches(list(CAPTIONS), 4, 0, Sampling(GROUPS, CAPTIONS))
    met = [name for batch in batches.epoch(2) for name in batch]
    assert len(batches) == len(batches.epoch(2)) == 5
    assert met.count("a") == 1
    assert met.count("k") == 2
    assert sum(met.count(name) for name in "cdefghij") == 10


def test_random_pictures_are_drawn_by_weight():
    words = Vocabulary.build([caption for captions in CAPTIONS.values() for caption in captions], 1)
    groups = (Group("never", ("a", "b"), (), 0.0), Group("often", ("c",), (), 50.0))
    rest = Sampling(groups, CAPTIONS)
    batches = PictureBatches(CAPTIONS, ROWS, words, batch_size=2, max_length=9, seed=0, steps=50, sampling=rest)
    rows = np.concatenate([batch.rows for batch in batches.epoch(0)])
    assert not np.isin(rows, (0, 1)).any()
    assert (rows == 2).sum() > 45


def test_weights_of_one_leave_the_batches_as_they_were():
    words = Vocabulary.build([caption for captions in CAPTIONS.values() for caption in captions], 1)
    sizes = {"batch_size": 5, "max_length": 9, "seed": 3}
    plain = Sampling((Group("one", tuple(CAPTIONS), ()),), CAPTIONS)
    with_it = CaptionBatches(CAPTIONS, ROWS, words, sampling=plain, **sizes).epoch(1)
    without = CaptionBatches(CAPTIONS, ROWS, words, **sizes).epoch(1)
    assert plain.plain
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(with_it, without, strict=True))


def test_captions_are_chosen_without_repetition_while_there_are_enough():
    rng = np.random.default_rng(0)
    assert sorted(choose(5, 5, rng)) == [0, 1, 2, 3, 4]
    assert len({*choose(5, 3, rng)}) == 3
    assert sorted(choose(2, 5, rng)) in ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])


def test_choose_and_drawn_take_no_item_more_than_once_more_often_than_another():
    rng = np.random.default_rng(0)
    assert sorted(choose(3, 7, rng).tolist()) in ([0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2, 2])
    taken = drawn("abcd", 2.5, rng)
    assert len(taken) == 10
    assert {taken.count(item) for item in "abcd"} == {2, 3}


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([{**SETS[0], "name": ""}, SETS[1]], "different names"),
        ([SETS[0], {**SETS[1], "name": "many"}], "different names"),
        ([SETS[0], {**SETS[0], "name": "twice"}], "many and twice both have captions of"),
        ([SETS[0], {"name": "drawn", "pictures": ["shapes"]}], "built-in data set cannot be combined"),
        ([{**SETS[0], "weight": 0.0}, {**SETS[1], "weight": 0.0}], "no picture is left to train on"),
    ],
)
def test_data_sets_that_do_not_go_together_are_refused(data, sets, message):
    with pytest.raises(InputError, match=message):
        load_examples(recipe(sets=sets).data, data)


def test_tables_of_data_that_are_none_are_refused():
    with pytest.raises(InputError, match=r"data must be a table, \[data\], or several, \[\[data\]\]"):
        recipe(sets=["p.zip"])
    with pytest.raises(InputError, match="must be at least 0"):
        DataOptions(weight=-1.0)


@pytest.fixture
def written(tmp_path):
    """A file with the data sets of `SETS`."""
    lines = []
    for one in SETS:
        lines.append("[[data]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in one.items()]
    (tmp_path / "r.toml").write_text("\n".join(lines))
    return tmp_path / "r.toml"


def test_options_of_data_hold_for_all_data_sets_of_a_recipe(data, showtell, written, tmp_path):
    command = ["data", "check", written, "--root", data, "--quick"]
    ran = showtell(*command, "--exclude", "*train-00001.png", "--max-pixels", "10", "--lenient")
    assert "56 to train on, 16 to validate on" in " ".join(ran.out.split())
    ran = showtell(*command, "--set", "data.limit=3")
    assert "6 to train on, 6 to validate on" in " ".join(ran.out.split())
    ran = showtell(*command, "--picture-column", "file")
    assert (ran.code, "'file'" in ran.err) == (2, True), ran.err
    ran = showtell("train", written, "--root", data, "--out", tmp_path / "run", "--caption-column", "said")
    assert (ran.code, "'said'" in ran.err) == (2, True), ran.err


@pytest.mark.parametrize("option", ["--pictures", "--captions"])
def test_an_option_cannot_name_the_files_of_several_data_sets(data, showtell, written, tmp_path, option):
    for command in (["data", "check", written], ["train", written, "--out", tmp_path / "run"]):
        ran = showtell(*command, "--root", data, option, "p.zip")
        assert ran.code == 2
        key = option.removeprefix("--")
        assert ran.err == f"showtell: data.{key}: each [[data]] of the recipe has its own: change it there\n"


def test_data_check_reads_all_data_sets_of_a_recipe(data, showtell, written):
    ran = showtell("data", "check", written, "--root", data, "--quick")
    assert "58 to train on, 16 to validate on" in " ".join(ran.out.split())
    shown = showtell("data", "show", written, "--root", data, "--name", "few-train-00001.png")
    assert "few-train-00001.png" in shown.out
