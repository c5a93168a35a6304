"""Figures of a run in a CSV file, TensorBoard, Weights & Biases and MLflow."""

import contextlib
import csv
import struct
import sys
from types import SimpleNamespace

import pytest

from command_line import run as command
from showtell.errors import InputError, MissingExtra
from showtell.training import Progress, recipe_from, train
from showtell.training.run_log import logged
from showtell.training.watch import Several, Unwatched

RECIPE = recipe_from({"name": "mine"})


def report(observers, first=1):
    """What a run of two epochs of twelve steps tells its observers."""
    for done in range(first, 25):
        epoch, step = (done - 1) // 12 + 1, (done - 1) % 12 + 1
        for one in observers:
            assert not one.step(Progress(epoch, 2, step, 12, {"train_loss": 9.0}, done, {"train_loss": 1 / done}))
        if step == 12:
            line = {"epoch": epoch, "stage": "cross_entropy", "step": done, "val_loss": 2.0 / epoch, "sources": {}}
            for one in observers:
                one.epoch([line], {"a.png": "a dog"})


EXPECTED = {
    1: {"step/train_loss": 1.0},
    11: {"step/train_loss": 1 / 11},
    12: {"step/train_loss": 1 / 12, "epoch": 1.0, "step": 12.0, "val_loss": 2.0},
    21: {"step/train_loss": 1 / 21},
    24: {"step/train_loss": 1 / 24, "epoch": 2.0, "step": 24.0, "val_loss": 1.0},
}


def merged(calls):
    found = {}
    for step, figures in calls:
        found.setdefault(step, {}).update(figures)
    return found


def test_a_csv_file_has_the_loss_now_and_then_and_every_figure_of_an_epoch(tmp_path):
    with logged(["csv"], RECIPE, tmp_path / "run") as observers:
        report(observers)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = merged((int(row["step"]), {row["name"]: float(row["value"])}) for row in rows)
    assert found.keys() == EXPECTED.keys()
    for step, figures in EXPECTED.items():
        assert found[step] == pytest.approx(figures, rel=1e-5)
    with logged(["csv"], RECIPE, tmp_path / "run") as observers:  # a run that resumes
        observers[0].epoch([{"step": 12, "val_loss": 2.0}], {})
        report(observers, first=20)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        again = list(csv.DictReader(file))
    assert again[: len(rows)] == rows
    assert {row["name"] for row in again} == {row["name"] for row in rows}


def test_tensorboard_reads_what_is_written(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    with logged(["tensorboard"], RECIPE, tmp_path) as observers:
        report(observers)
    (file,) = (tmp_path / "tensorboard").glob("events.*")
    data, calls = file.read_bytes(), []
    while data:  # records of TensorFlow: length, its checksum, the record, its checksum
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        calls += [(event.step, {value.tag: value.simple_value}) for value in event.summary.value]
        data = data[16 + length :]
    found = merged(calls)
    assert found.keys() == EXPECTED.keys()
    for step, figures in EXPECTED.items():
        assert found[step] == pytest.approx(figures, rel=1e-5)


def test_weights_and_biases_gets_the_recipe_and_continues_a_run(tmp_path, monkeypatch):
    calls, begun, ended = [], [], []
    run = SimpleNamespace(log=lambda figures, step: calls.append((step, figures)), finish=lambda: ended.append(1))
    wandb = SimpleNamespace(init=lambda **options: begun.append(options) or run)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    for folder in ("a", "a", "b"):
        with logged(["wandb"], RECIPE, tmp_path / folder) as observers:
            report(observers)
    assert merged(calls) == EXPECTED
    assert [one["name"] for one in begun] == ["mine"] * 3
    assert begun[0]["id"] == begun[1]["id"] != begun[2]["id"]
    assert begun[0]["config"] == RECIPE.to_json()
    assert begun[0]["resume"] == "allow"
    assert len(ended) == 3


def test_mlflow_gets_figures_and_continues_a_run(tmp_path, monkeypatch):
    calls, begun = [], []

    @contextlib.contextmanager
    def start_run(**options):
        begun.append(options)
        yield SimpleNamespace(info=SimpleNamespace(run_id="r1"))

    mlflow = SimpleNamespace(
        set_experiment=lambda name: None,
        start_run=start_run,
        log_dict=lambda values, name: calls.append((-1, {name: values})),
        log_metrics=lambda figures, step: calls.append((step, figures)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    for _ in range(2):
        with logged(["mlflow"], RECIPE, tmp_path / "run") as observers:
            report(observers)
    assert [one["run_id"] for one in begun] == [None, "r1"]
    assert merged(calls) == {-1: {"recipe.json": RECIPE.to_json()}} | EXPECTED


def test_an_unknown_tool_and_a_missing_library_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="did you mean 'tensorboard'"), logged(["tensorbord"], RECIPE, tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "wandb", None)
    with (
        pytest.raises(MissingExtra, match=r"--log wandb needs .*showtell\[wandb\]"),
        logged(["wandb"], RECIPE, tmp_path),
    ):
        pass


def test_the_command_writes_a_log_beside_the_run(small_data, tmp_path):
    named = ("--pictures", "p.zip", "--captions", "captions.jsonl", "--set", "data.split_column=split")
    small = ("--encoder", "onnx:encoder.onnx", "--epochs", 1, "--set", "decoder.hidden=8", "--set", "decoder.word=8")
    done = command("train", *named, *small, "--root", small_data, "--out", tmp_path / "run", "--log", "csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"step/train_loss", "val_loss", "cider_d"} <= {row["name"] for row in rows}


def test_several_observers_see_every_step_and_one_of_them_may_stop_the_run(small_data, tmp_path):
    seen = []

    class Noting(Unwatched):
        def __init__(self, last=None):
            self.last = last

        def step(self, progress):
            seen.append((progress.done, progress.latest["train_loss"]))
            return progress.done == self.last

    tables = {
        "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
        "encoder": {"name": "onnx:encoder.onnx"},
        "decoder": {"hidden": 8, "word": 8},
        "vocabulary": {"min_count": 1},
    }
    from showtell.training import Stopped

    with pytest.raises(Stopped):
        train(tables, tmp_path, root=small_data, show=False, watch=Several([Noting(last=2), Noting()]))
    assert [done for done, _ in seen] == [1, 1, 2, 2]
    assert seen[0] == seen[1]
    assert seen[2][1] < seen[0][1] + 1
