"""The commands that the matrix strikes: how each is run, what it leaves, and what must be whole at any time."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from faults import wholeness
from faults.inputs import DATA_SET, save_picture

Change: TypeAlias = Callable[[Path, random.Random], None]
"""Alters the inputs in a place while a command reads them."""


Results: TypeAlias = Mapping[str, Any]
"""What a run leaves, by name."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the matrix.

    A place is a folder with the inputs in `in` and whatever is written in `out`, or beside the pictures.

    `line` gives the arguments in a place. `results` gives what a run has left there, in a form in which equal runs are
    equal. `open` raises an error where something there is damaged, and `strange` names what is not that of an unbroken
    run, at any time. `changes` happen to the inputs under way; where a command `repeats`, giving it again is a run over
    the new inputs, otherwise what was finished before stays. It is killed `kills` times, at work on so many
    `pictures`. `output` is the folder that it writes to.
    """

    name: str
    line: Callable[[Path], list[object]]
    results: Callable[[Path], dict[str, Any]]
    open: Callable[[Path], None]
    changes: tuple[Change, ...]
    strange: Callable[[Results, Results], list[str]] = wholeness.strange
    repeats: bool = False
    kills: int = 20
    pictures: int = 24
    output: str = "out"
    data_sets: Mapping[str, Any] = field(default_factory=dict)


def commands(server: str, data_set: object) -> tuple[Command, ...]:
    """All of them; `server` is where the data set can be downloaded."""
    written = partial(wholeness.files, below="out")
    pictures = (_replace, _cut, _remove, _add)
    return (
        Command("embed", _embed, written, wholeness.open_store, pictures, kills=50),
        Command(
            "train",
            _train,
            wholeness.run,
            wholeness.open_run,
            (_remove, _reword),
            strange=wholeness.strange_in_run,
            kills=50,
            pictures=48,
        ),
        Command("evaluate", _evaluate, written, wholeness.open_evaluation, (_replace, _remove, _reword)),
        Command("caption", _caption, written, wholeness.open_captions, pictures, repeats=True),
        Command("caption --piece-size", _caption_pieces, written, wholeness.open_captions, pictures, repeats=True),
        Command(
            "alt-text",
            lambda place: ["alt-text", place / "in/photos", *_model(place)],
            wholeness.sidecars,
            wholeness.open_nothing,
            (_replace, _add),
            strange=wholeness.strange_sidecars,
            repeats=True,
            output="in/photos",
        ),
        Command(
            "data download",
            lambda place: ["data", "download", DATA_SET, place / "out/data", "--mirror", server, "--retries", 2],
            written,
            wholeness.open_nothing,
            (),
            data_sets={DATA_SET: data_set},
        ),
    )


def _embed(place: Path) -> list[object]:
    encoder = ["--encoder", f"onnx:{place / 'in/encoder.onnx'}", "--threads", 1]
    return ["embed", place / "in/photos", "--out", place / "out/store", *encoder, "--shard-size", 4, "--batch-size", 2]


def _caption(place: Path) -> list[object]:
    return ["caption", place / "in/photos", *_model(place), "-o", place / "out/captions.jsonl"]


def _caption_pieces(place: Path) -> list[object]:
    return ["caption", place / "in/photos", *_model(place), "-o", place / "out/captions.csv", "--piece-size", 8]


def _model(place: Path) -> list[object]:
    return ["--model", place / "in/model.showtell", "--threads", 1, "--batch-size", 4]


def _train(place: Path) -> list[object]:
    keys = {
        "encoder.name": "onnx:encoder.onnx",
        "vocabulary.min_count": 1,
        "decoder.hidden": 16,
        "decoder.word": 12,
        "training.epochs": 8,
        "training.batch_size": 16,
        "training.checkpoint_steps": 2,
        "training.average": 0.9,
        "self_critical.epochs": 1,
        "self_critical.pictures": 16,
        "data.validation_fraction": 0.2,
    }
    sets = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
    files = ["--pictures", "photos", "--captions", "captions.csv", "--root", place / "in"]
    return ["train", *files, "--out", place / "out/run", *sets]


def _evaluate(place: Path) -> list[object]:
    files = ["--pictures", place / "in/photos", "--captions", place / "in/captions.csv", "--partial"]
    outputs = ["--out", place / "out/evaluation.json", "--store", place / "out/store"]
    return ["evaluate", place / "in/model.showtell", *files, *outputs]


def _replace(place: Path, rng: random.Random) -> None:
    """Another picture is written over one."""
    save_picture(_one(place, rng), rng.randrange(100, 10**6))


def _cut(place: Path, rng: random.Random) -> None:
    path = _one(place, rng)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _remove(place: Path, rng: random.Random) -> None:
    _one(place, rng).unlink()


def _add(place: Path, rng: random.Random) -> None:
    save_picture(place / "in/photos" / f"new{rng.randrange(100)}.png", rng.randrange(100, 10**6))


def _reword(place: Path, rng: random.Random) -> None:
    path = place / "in/captions.csv"
    path.write_text(path.read_text().replace("dog", "zebra"))


def _one(place: Path, rng: random.Random) -> Path:
    return rng.choice(sorted((place / "in/photos").glob("*.png")))
