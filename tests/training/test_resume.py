"""Going on from any checkpoint: to the weights of an unbroken run, or with one line that says why not."""

import json

import pytest
import torch
from safetensors.torch import load_file

from showtell.errors import InputError
from showtell.files import held
from showtell.models.bundle import read_bundle
from showtell.training import Stopped, recipe_from, train
from showtell.training.resume import check_run_folder, claim_run_folder

EPOCHS, STEPS = 3, 5


def recipe(hidden=24, min_count=1, **training):
    """The course's kind of training, small: batches of different pictures, every epoch's weights kept."""
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:encoder.onnx"},
            "vocabulary": {"min_count": min_count},
            "decoder": {"hidden": hidden, "word": 16},
            "training": {
                "epochs": EPOCHS,
                "batch_size": 8,
                "epoch_steps": STEPS,
                "validation_batches": 2,
                "validation_pictures": 6,
                "schedule": "constant",
                "best_by": "last",
                "keep_epochs": True,
                "checkpoint_steps": 3,
            }
            | training,
        }
    )


def run(small_data, folder, begin_from=None, on_epoch=lambda metrics: None, watch=None, **changes):
    where = {"root": small_data, "store": small_data / "store", "show": False}
    return train(recipe(**changes), folder, begin_from=begin_from, on_epoch=on_epoch, watch=watch, **where)


@pytest.fixture(scope="module")
def seen():
    """What a caller who draws curves is told during the unbroken run."""
    return []


@pytest.fixture(scope="module")
def unbroken(small_data, tmp_path_factory, seen):
    return run(small_data, tmp_path_factory.mktemp("run"), on_epoch=seen.append)


def figures(metrics):
    return [{key: value for key, value in line.items() if key != "seconds"} for line in metrics]


def test_weights_are_kept_after_every_epoch_and_at_the_end(unbroken):
    kept = {path.stem for path in (unbroken.folder / "checkpoints").iterdir()}
    assert kept == {"last", "best", "weights", *(f"weights_{epoch}" for epoch in range(EPOCHS))}
    final, last = (load_file(unbroken.folder / "checkpoints" / f"{n}.safetensors") for n in ("weights", "weights_2"))
    assert all(torch.equal(final[name], last[name]) for name in last)


@pytest.mark.parametrize("name", ["weights_0", "weights"])
def test_a_run_begun_from_any_epochs_weights_ends_with_those_of_the_unbroken_one(small_data, unbroken, tmp_path, name):
    begun = run(small_data, tmp_path, unbroken.folder / "checkpoints" / f"{name}.safetensors")
    expected = load_file(unbroken.folder / "checkpoints" / "last.safetensors")
    found = load_file(tmp_path / "checkpoints" / "last.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert figures(begun.metrics) == figures(unbroken.metrics)
    assert begun.bundle.read_bytes() == unbroken.bundle.read_bytes()


def test_a_run_is_lengthened_from_its_final_weights(small_data, unbroken, tmp_path):
    longer = run(
        small_data, tmp_path / "longer", unbroken.folder / "checkpoints" / "weights.safetensors", epochs=EPOCHS + 1
    )
    whole = run(small_data, tmp_path / "whole", epochs=EPOCHS + 1)
    assert figures(longer.metrics) == figures(whole.metrics)
    assert longer.bundle.read_bytes() == whole.bundle.read_bytes()


def test_the_last_epoch_is_exported_where_the_recipe_says_so(unbroken):
    assert read_bundle(unbroken.bundle).model["scores"]["epoch"] == EPOCHS
    assert "choose the epoch" not in read_bundle(unbroken.bundle).parts["README.md"].decode()


def test_a_begun_run_exports_only_epochs_whose_weights_it_has(small_data, tmp_path):
    """The best epoch of all is the first, but the third run begins after the second, and has no weights from before."""

    def weights(epoch):
        return tmp_path / str(epoch) / "checkpoints" / f"weights_{epoch}.safetensors"

    run(small_data, tmp_path / "0", best_by="val_loss", learning_rate=1e-2, epochs=1)
    run(small_data, tmp_path / "1", weights(0), best_by="val_loss", learning_rate=1.0, epochs=2)
    third = run(small_data, tmp_path / "2", weights(1), best_by="val_loss", learning_rate=1.0, epochs=3)
    best, *own = [line["val_loss"] for line in third.metrics]
    assert best < min(own)
    assert read_bundle(third.bundle).model["scores"]["val_loss"] == min(own)
    assert "also used to choose the epoch" in read_bundle(third.bundle).parts["README.md"].decode()
    assert read_bundle(tmp_path / "1" / "model.showtell").model["scores"]["epoch"] == 1, "from the checkpoint itself"


def test_every_epochs_figures_reach_a_caller_who_draws_them(unbroken, seen):
    assert seen == [unbroken.metrics[: epoch + 1] for epoch in range(EPOCHS)]


class StopAfter:
    """A watch that notes what it is told, and stops the run after some of its steps."""

    def __init__(self, steps):
        self.steps, self.begun, self.places, self.epochs = steps, None, [], []

    def begin(self, name, source, references):
        self.begun = (name, set(source.names()) >= set(references), references)

    def step(self, progress):
        self.places.append((progress.epoch, progress.epochs, progress.step, progress.steps))
        assert progress.figures["train_loss"] > 0
        return len(self.places) == self.steps

    def epoch(self, metrics, captions):
        self.epochs.append((len(metrics), set(captions)))


@pytest.mark.parametrize("steps", [2, STEPS, STEPS + 4])
def test_a_run_that_is_asked_to_stop_is_saved_first_and_goes_on(small_data, unbroken, tmp_path, steps):
    watch = StopAfter(steps)
    with pytest.raises(Stopped, match=f"stopped after step {steps} and saved: run the same command again to resume"):
        run(small_data, tmp_path, watch=watch)
    assert not (tmp_path / "model.showtell").exists()
    goes_on = StopAfter(None)
    result = run(small_data, tmp_path, watch=goes_on)
    kept, whole = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (tmp_path, unbroken.folder))
    assert all(torch.equal(kept[name], whole[name]) for name in whole)
    assert figures(result.metrics) == figures(unbroken.metrics)
    every = [(epoch, EPOCHS, step, STEPS) for epoch in range(1, EPOCHS + 1) for step in range(1, STEPS + 1)]
    assert watch.places + goes_on.places == every


def test_a_watch_is_told_the_captions_of_the_same_pictures_after_every_epoch(small_data, tmp_path):
    watch = StopAfter(None)
    run(small_data, tmp_path, watch=watch)
    name, read_from_there, references = watch.begun
    assert (name, read_from_there, len(references)) == ("model", True, 6)
    assert all(isinstance(caption, str) for captions in references.values() for caption in captions)
    assert watch.epochs == [(epoch + 1, set(references)) for epoch in range(EPOCHS)]


def test_weights_without_an_optimiser_are_refused(small_data, unbroken, tmp_path):
    with pytest.raises(InputError, match=r"best\.safetensors: has only weights"):
        run(small_data, tmp_path, unbroken.folder / "checkpoints" / "best.safetensors")


def test_a_run_of_a_release_with_fewer_options_is_gone_on_with(small_data, tmp_path):
    claim_run_folder(tmp_path, recipe())
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.safetensors").write_bytes(b"")
    older = json.loads((tmp_path / "recipe.json").read_text())
    del older["fine_tune"], older["encoder"]["precision"], older["training"]["patience"]
    (tmp_path / "recipe.json").write_text(json.dumps(older))
    claim_run_folder(tmp_path, recipe())
    assert json.loads((tmp_path / "recipe.json").read_text()) == older
    for changed in (recipe(patience=3), recipe(hidden=25)):
        with pytest.raises(InputError, match="another recipe"):
            check_run_folder(tmp_path, changed)
        with pytest.raises(InputError, match="another recipe"):
            claim_run_folder(tmp_path, changed)


@pytest.mark.parametrize(
    ("table", "wrong", "said"),
    [
        ("data", {"split_column": "spit"}, "spit"),
        ("data", {"captions": "c.jsonl"}, "does not exist"),
        ("encoder", {"name": "onnx:missing.onnx"}, "missing"),
        ("vocabulary", {"min_count": 9999}, "no word occurs 9999 times"),
    ],
)
def test_a_start_that_failed_does_not_stand_in_the_way_of_its_correction(small_data, tmp_path, table, wrong, said):
    tables = recipe(epochs=1).to_json()
    tables["decoder"]["kind"] = tables.pop("decoder_kind")
    mistaken = tables | {table: tables[table] | wrong}
    where = {"root": small_data, "store": small_data / "store", "show": False}
    with pytest.raises(InputError, match=said):
        train(mistaken, tmp_path / "run", **where)
    if table != "vocabulary":
        assert not (tmp_path / "run").exists(), "nothing is claimed before the data are found good"
    done = train(tables, tmp_path / "run", **where)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text()) == json.loads(
        json.dumps(recipe(epochs=1).to_json())
    )
    assert done.bundle.exists()


def test_a_model_is_no_checkpoint_and_nobody_is_told_to_delete_it(small_data, unbroken, tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    for path in (unbroken.bundle, tmp_path / "broken.safetensors"):
        with pytest.raises(InputError, match=r"is a model, but training starts|not a complete checkpoint") as caught:
            run(small_data, tmp_path / "run", path)
        assert "delete" not in str(caught.value)


def test_a_second_run_in_one_folder_stops(small_data, tmp_path):
    with held(tmp_path / "run"), pytest.raises(InputError, match=r"another run .* is at work there"):
        run(small_data, tmp_path / "run")


def test_a_missing_checkpoint_is_told_before_anything_is_made(small_data, tmp_path):
    with pytest.raises(InputError, match=r"weights_9\.safetensors: there is no such checkpoint"):
        run(small_data, tmp_path / "run", tmp_path / "weights_9.safetensors")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epoch_steps": STEPS + 1}, "its epochs do not have 6 steps"),
        ({"epochs": EPOCHS - 1}, "more than the 2 epochs of the recipe"),
        ({"min_count": 20}, "was trained on other captions"),
        ({"hidden": 25}, "belongs to another decoder"),
    ],
)
def test_a_checkpoint_of_another_recipe_is_refused(small_data, unbroken, tmp_path, change, said):
    with pytest.raises(InputError, match=rf"weights\.safetensors: .*{said}"):
        run(small_data, tmp_path, unbroken.folder / "checkpoints" / "weights.safetensors", **change)
