"""What the commands of the matrix leave: results of finished runs, and whether what is there at any time is whole."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from safetensors import safe_open

from showtell.alt_text.options import JOURNAL
from showtell.captioning.output.formats.parquet import read_rows
from showtell.data.captions.predictions import read_predictions
from showtell.embeddings.store import EmbeddingStore, read_shard
from showtell.evaluation import read_evaluation
from showtell.models.bundle import read_bundle

UNFINISHED = re.compile(r".*\.(partial|part|part\.json|lock|new)|.*\.parts/.*|.*-journal|\.lock")
"""Names that say that a file is not finished; the next run removes it or goes on with it."""


def files(place: Path, below: str) -> dict[str, Any]:
    """Every file there, by its path."""
    return {
        str(path.relative_to(place / below)): path.read_bytes()
        for path in sorted((place / below).rglob("*"))
        if path.is_file()
    }


def open_store(place: Path, below: str = "out/store") -> None:
    """Shards that are there open; a manifest means that all are there, as they were written."""
    folder = place / below
    for path in folder.glob("shard-*.arrow"):
        read_shard(path)
    if (folder / "store.json").exists():
        EmbeddingStore(folder).verify()


def open_evaluation(place: Path) -> None:
    """An evaluation and its store."""
    open_store(place)
    if (path := place / "out/evaluation.json").exists():
        read_evaluation(path)


def open_captions(place: Path) -> None:
    """Files of captions, and finished pieces."""
    for path in (place / "out").glob("captions.*"):
        if not UNFINISHED.fullmatch(path.name) and path.is_file():
            read_predictions(path)
    for path in (place / "out").glob("*.parts/part-*.parquet"):
        list(read_rows(path))


def open_nothing(place: Path) -> None:
    """Texts and downloads have no form to check; they are compared."""


def strange(found: Mapping[str, Any], unbroken: Mapping[str, Any]) -> list[str]:
    """Finished files that are not those of the unbroken run, and unfinished ones that are not the beginning of them."""
    wrong = [name for name, value in found.items() if not UNFINISHED.fullmatch(name) and unbroken.get(name) != value]
    growing = [
        (name, re.sub(r"\.(partial|part)$", "", name)) for name in found if re.search(r"\.(partial|part)$", name)
    ]
    return wrong + [one for one, whole in growing if whole in unbroken and not unbroken[whole].startswith(found[one])]


def sidecars(place: Path) -> dict[str, Any]:
    """The texts beside the pictures, what else lies there but the pictures, and the rows of the journal."""
    found = {name: data for name, data in files(place, "in/photos").items() if not name.endswith((".png", JOURNAL))}
    return found | {JOURNAL: journal(place / "in/photos" / JOURNAL)}


def strange_sidecars(found: Mapping[str, Any], unbroken: Mapping[str, Any]) -> list[str]:
    """Texts that are not those of the unbroken run, or that the journal does not know."""
    rows = {row[0] for row in found[JOURNAL]}
    texts = {name: data for name, data in found.items() if name != JOURNAL}
    unknown = [name for name in texts if name in unbroken and name.removesuffix(".txt") not in rows]
    return strange(texts, unbroken) + unknown


def journal(path: Path) -> list[tuple[Any, ...]]:
    """All rows of a journal; none where it was only begun."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return []
        return list(database.execute("SELECT * FROM pictures ORDER BY name"))


def run(place: Path) -> dict[str, Any]:
    """What a training run leaves, without the seconds that it took."""
    found = files(place, "out/run")
    for name in found:
        if name.endswith(".safetensors"):
            found[name] = checkpoint(place / "out/run" / name)
    if "metrics.jsonl" in found:
        found["metrics.jsonl"] = _figures(found["metrics.jsonl"])
    return found


def open_run(place: Path) -> None:
    """The store, checkpoints and models of a training run."""
    folder = place / "out/run"
    open_store(place, "out/run/embeddings")
    for path in folder.glob("checkpoints/*.safetensors"):
        checkpoint(path)
    for path in folder.glob("*.showtell"):
        read_bundle(path)


def strange_in_run(found: Mapping[str, Any], unbroken: Mapping[str, Any]) -> list[str]:
    """Figures that are not the first of the unbroken run's, and files that do not change and are not those of it."""
    changing = re.compile(r"checkpoints/.*|metrics\.jsonl|curves\.svg|.*\.showtell")
    wrong = strange({name: data for name, data in found.items() if not changing.fullmatch(name)}, unbroken)
    figures = found.get("metrics.jsonl", [])
    return wrong + ["metrics.jsonl"] * (figures != unbroken["metrics.jsonl"][: len(figures)])


def checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and state of a checkpoint."""
    with safe_open(path, framework="numpy") as file:
        state = json.loads(file.metadata()["state"])
        tensors = {name: (array.shape, array.tobytes()) for name in file.keys() for array in (file.get_tensor(name),)}  # noqa: SIM118
    return tensors | {"state": state | {"metrics": [_without_seconds(line) for line in state["metrics"]]}}


def unfinished(names: Iterable[str]) -> list[str]:
    """Names of files that are not finished."""
    return [name for name in names if UNFINISHED.fullmatch(name)]


def _figures(data: bytes) -> list[dict[str, Any]]:
    return [_without_seconds(json.loads(line)) for line in data.decode().splitlines()]


def _without_seconds(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "seconds"}
