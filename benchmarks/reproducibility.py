"""Whether the same seed and pictures give the same bits on this machine, whatever else runs on it.

    python benchmarks/reproducibility.py [--model BUNDLE] [--quick] [--write docs/results/reproducibility.md]

does everything once as the measure, and again in other ways: while other processes keep every core busy; with other
numbers of threads, sizes of batches and orders of pictures; from a folder, a zip and a tar. What must have the same
bytes is compared by SHA-256; captions are compared by their words, and their scores by the largest difference. The exit
code is 1 if anything differs that must not. `--quick` takes the random networks of tests/fixtures.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors

from showtell.captioning.caption import Captioned
from showtell.captioning.captioner import Captioner
from showtell.cli import main as command_line
from showtell.data.sources.picture_source import PictureSource
from showtell.files import sha256_of
from showtell.models.versions import versions_here

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- tables: benchmarks/reproducibility.py -->", "<!-- end of tables -->"
WAYS = ("again", "on busy cores")


@dataclass(frozen=True, slots=True)
class Row:
    """What was done, in which other way, and in what it differed from the first time; empty if in nothing."""

    what: str
    way: str
    difference: str
    note: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="the bundle that captions (default: the package's)")
    parser.add_argument("--quick", action="store_true", help="random networks and fewer pictures")
    parser.add_argument("--write", type=Path, help="a Markdown page to put the table into")
    args = parser.parse_args()
    fixture = ROOT / "tests" / "fixtures" / "attention.showtell"
    model = args.model or (str(fixture) if args.quick else None)
    with tempfile.TemporaryDirectory() as folder:
        rows = compared(Path(folder), model, args.quick)
    print(table(rows))
    if args.write:
        before, after = args.write.read_text().split(BEGIN)[0], args.write.read_text().split(END)[1]
        args.write.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}")
    return 1 if any(row.difference for row in rows) else 0


def compared(folder: Path, model: str | None, quick: bool) -> list[Row]:
    """Every comparison."""
    return [*captions(folder, model), *files(folder, model, quick)]


def captions(folder: Path, model: str | None) -> Iterator[Row]:
    """The same pictures captioned in every way, in this process."""
    sources = packed(folder)
    names = sorted(path.name for path in sources["folder"].iterdir())
    captioner = Captioner(model)
    for what, options in (("captions", {}), ("three captions", {"num_captions": 3, "beam": 4})):
        first = list(captioner.caption_stream(PictureSource(sources["folder"]).read(), **options))
        for way, source in sources.items():
            if way != "folder":
                yield row(
                    what, f"from a {way}", first, captioner.caption_stream(PictureSource(source).read(), **options)
                )
        reverse = [sources["folder"] / name for name in reversed(names)]
        yield row(what, "in reverse order", first, captioner.caption_stream(reverse, **options))
        for size in (1, 3, 16):
            again = captioner.caption_stream(PictureSource(sources["folder"]).read(), batch_size=size, **options)
            yield row(what, f"in batches of {size}", first, again)
        for threads in (1, 2, 4):
            other = Captioner(model, threads=threads)
            yield row(
                what,
                f"with {threads} threads",
                first,
                other.caption_stream(PictureSource(sources["folder"]).read(), **options),
            )
        with busy_cores():
            again = captioner.caption_stream(PictureSource(sources["folder"]).read(), **options)
            yield row(what, "on busy cores", first, again)
    seeded = {"sample": True, "seed": 7}
    first = list(captioner.caption_stream(PictureSource(sources["folder"]).read(), **seeded))
    for size, threads in ((1, 1), (3, 2), (16, 4)):
        again = captioner.caption_stream(
            PictureSource(sources["folder"]).read(), batch_size=size, threads=threads, **seeded
        )
        yield row("sampled captions", f"in batches of {size} with {threads} threads", first, again)


def row(what: str, way: str, first: list[Captioned], again: Iterator[Captioned]) -> Row:
    """Captions by the names of the pictures, against those of the first time."""
    expected = {Path(one.name).name: one for one in first}
    found = {Path(one.name).name: one for one in again}
    words = [name for name in expected if name not in found or texts(expected[name]) != texts(found[name])]
    furthest = max(
        abs(found[name].caption.score - one.caption.score) for name, one in expected.items() if name in found
    )
    return Row(what, way, f"other words for {', '.join(words)}" if words else "", f"scores within {furthest:.0e}")


def texts(one: Captioned) -> list[str]:
    return [one.caption.text, *(other.text for other in one.caption.alternatives)]


def packed(folder: Path) -> dict[str, Path]:
    """The example photographs as a folder, a zip and a tar."""
    places = {"folder": folder / "photos", "zip": folder / "photos.zip", "tar": folder / "photos.tar"}
    places["folder"].mkdir()
    with zipfile.ZipFile(places["zip"], "w") as archive, tarfile.open(places["tar"], "w") as tape:
        for path in sorted((ROOT / "examples" / "photos").glob("*.jpg")):
            (places["folder"] / path.name).write_bytes(path.read_bytes())
            archive.write(path, path.name)
            tape.add(path, path.name)
    return places


def files(folder: Path, model: str | None, quick: bool) -> Iterator[Row]:
    """What commands write, by the sums of the files: stores, weights, evaluations and reports."""
    encoder = ROOT / "tests" / "fixtures" / "encoder.onnx"
    chosen = ["--set", "training.epochs=3", "--set", "vocabulary.min_count=1"]
    chosen += ["--set", f"encoder.name=onnx:{encoder}"] if quick else []
    captioned = folder / "captions.csv"
    lines = [
        f"{path.name},a picture of {path.stem.replace('-', ' ')}" for path in sorted((folder / "photos").iterdir())
    ]
    captioned.write_text("\n".join(["image,caption", *lines]) + "\n")
    photos, name = str(folder / "photos"), model or "general"
    works: dict[str, Callable[[Path], list[list[str]]]] = {
        "embeddings": lambda out: [["embed", photos, "--model", name, "--grid", "--out", str(out)]],
        "weights": lambda out: [
            ["train", "--pictures", photos, "--captions", str(captioned), "--out", str(out), *chosen]
        ],
        "evaluation, report": lambda out: [
            ["evaluate", name, "--pictures", photos, "--captions", str(captioned), "--out", str(out / "e.json")],
            ["report", str(out / "e.json"), "--pictures", photos, "--out", str(out / "report.html")],
        ],
    }
    for what, command in works.items():
        first = sums(folder / what / "first", command)
        for way in WAYS:
            again = folder / what / way
            if way == "on busy cores":
                with busy_cores():
                    found = sums(again, command)
            else:
                found = sums(again, command)
            differing = sorted(name for name in first.keys() | found.keys() if first.get(name) != found.get(name))
            yield Row(what, way, ", ".join(differing), f"{len(first)} files")


def sums(out: Path, commands: Callable[[Path], list[list[str]]]) -> dict[str, str]:
    """What commands wrote: the sum of each file, without seconds, which are not of the result."""
    out.parent.mkdir(exist_ok=True)
    for command in commands(out):
        process = multiprocessing.get_context("spawn").Process(target=run, args=(command,))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"showtell {' '.join(command)} ended with {process.exitcode}")
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): sha256_of(without_time(path)) for path in paths}


def run(arguments: list[str]) -> None:
    sys.argv = ["showtell", *arguments]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        command_line()


def without_time(path: Path) -> bytes:
    """A file's bytes; of the log and the checkpoints of a run all but how long each epoch took."""
    if path.suffix == ".safetensors":
        with safetensors.safe_open(path, framework="np") as file:
            tensors = {name: sha256_of(file.get_tensor(name).tobytes()) for name in file.keys()}  # noqa: SIM118
            return json.dumps([timeless(json.loads((file.metadata() or {}).get("state", "{}"))), tensors]).encode()
    if path.name == "metrics.jsonl":
        return json.dumps([timeless(json.loads(line)) for line in path.read_text().splitlines()]).encode()
    return path.read_bytes()


def timeless(value: Any) -> Any:
    """A value of JSON without its seconds."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "seconds"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


@contextmanager
def busy_cores() -> Iterator[None]:
    """Processes that keep every core busy."""
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def spin() -> None:
    while True:
        pass


def table(rows: list[Row]) -> str:
    lines = ["| what | the other way | the same? |", "|---|---|---|"]
    for one in rows:
        lines.append(f"| {one.what} | {one.way} | {one.difference or 'yes'}; {one.note} |")
    return "\n".join([*lines, "", f"- {described(versions_here())}"])


def described(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


if __name__ == "__main__":
    sys.exit(main())
