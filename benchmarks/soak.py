"""Whether memory, descriptors and threads stay flat while a service answers and a process captions, for long.

    python benchmarks/soak.py [--minutes 30] [--rate 2] [--model BUNDLE] [--write docs/results/soak.md]

starts `showtell serve` with one client, and beside it a process that captions a folder, a zip and a tar again and again
and opens the model anew every fifth time. Each takes about `--rate` requests or pictures a second. Among the requests
are several pictures in one, damaged pictures, unknown settings, sampling, and uploads that break off; among the
pictures is a damaged one. Every answer is compared with the first of its kind. Both processes are read from /proc
(Linux) sixty times. `--write` puts the tables into a page and the charts beside it, as an SVG.

The first quarter of the time is for warming up. The exit code is 1 if an answer differed, or if from the second quarter
to the last the median of memory grew by more than 5% and 16 MiB, or that of descriptors or threads by more than two.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serve_load import service
from showtell.captioning.captioner import Captioner
from showtell.captioning.output.writing import writing
from showtell.data.sources.base import RawPicture
from showtell.data.sources.picture_source import PictureSource
from showtell.visualization.charts import Series
from showtell.visualization.learning_curves import charts_svg

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
SAMPLES = 60  # of a run, at even distances
BEGIN, END = "<!-- tables: benchmarks/soak.py -->", "<!-- end of tables -->"
ALLOWED = {"memory": (0.05, 16.0), "descriptors": (0.0, 2.0), "threads": (0.0, 2.0)}
"""How much a median may grow, as a share or by itself, whichever is more."""
UNITS = {"memory": "MiB", "descriptors": "open", "threads": "running"}
KINDS = ("one picture", "two pictures", "sampled", "damaged picture", "unknown setting", "upload that breaks off")
FORM = "----a-boundary"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds, so many seconds after the start."""

    seconds: float
    memory: float
    descriptors: float
    threads: float


@dataclass
class Soak:
    """A process under load: its samples, what was done to it by kind, and answers that were not the first ones."""

    samples: list[Sample] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    args = _parser().parse_args()
    if args.caption:
        caption_for_ever(Path(args.caption), args.model, args.rate)
    with tempfile.TemporaryDirectory() as folder:
        found = soak(60 * args.minutes, args.rate, args.model, Path(folder))
    print(tables(found, args.minutes))
    if args.write:
        write(args.write, found, args.minutes)
    return 0 if all(not one.wrong and flat(one.samples) for one in found.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=2.0, help="requests and pictures a second")
    parser.add_argument("--model")
    parser.add_argument("--write", type=Path, help="a Markdown page to put the tables into, with the charts beside it")
    parser.add_argument("--caption", help=argparse.SUPPRESS)  # the process that captions: a folder to work in
    return parser


def soak(seconds: float, rate: float, model: str | None, folder: Path) -> dict[str, Soak]:
    """Serve and caption for so long, at once."""
    model_option = ["--model", model] if model else []
    command = [sys.executable, __file__, "--caption", str(folder), "--rate", str(rate), *model_option]
    serving, captioning = Soak(), Soak()
    prepare(folder)
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker,
        service(*model_option) as (base, pid),
    ):
        client, began, next_sample = Client(base), time.monotonic(), 0.0
        for number in itertools.count():
            if (now := time.monotonic() - began) >= seconds:
                break
            kind, fault = client.ask(number)
            serving.done[kind] += 1
            serving.wrong += [fault] if fault else []
            if now >= next_sample:
                serving.samples.append(held(pid, now))
                captioning.samples.append(held(worker.pid, now))
                next_sample += seconds / SAMPLES
            time.sleep(max(0.0, 1 / rate - (time.monotonic() - began - now)))
        out, _ = worker.communicate()  # its input is closed, so that it ends after the pass under way
    passes = [json.loads(line) for line in out.splitlines()]
    captioning.done.update({"pictures": sum(one["pictures"] for one in passes), "passes": len(passes)})
    captioning.wrong += [f"pass {i} differs" for i, one in enumerate(passes) if one["sum"] != passes[0]["sum"]]
    if worker.returncode or not passes:
        captioning.wrong.append(f"the process ended with {worker.returncode} after {len(passes)} passes")
    return {"service": serving, "captioning": captioning}


def held(pid: int, seconds: float) -> Sample:
    """What a process holds now, from /proc."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    memory, threads = (float(status[key].split()[0]) for key in ("VmRSS", "Threads"))
    return Sample(seconds, memory / 1024, len(os.listdir(f"/proc/{pid}/fd")), threads)


class Client:
    """One client, which asks in turn for everything that a service answers and refuses."""

    def __init__(self, address: str) -> None:
        self._address = address.removeprefix("http://")
        self._files = [path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))]
        self._first: dict[tuple[str, int], list[str]] = {}

    def ask(self, number: int) -> tuple[str, str]:
        """Send the next request; its kind, and what was wrong with the answer."""
        place, kind = number // len(KINDS) % len(self._files), KINDS[number % len(KINDS)]
        one, other = self._files[place], self._files[place - 1]
        match kind:
            case "one picture":
                return kind, self._fault(kind, place, *self._post(one))
            case "two pictures":
                several = {"Content-Type": f"multipart/form-data; boundary={FORM}"}
                return kind, self._fault(kind, place, *self._post(form(one, other), headers=several))
            case "sampled":
                return kind, self._fault(kind, place, *self._post(one, "?sample=true&seed=1"))
            case "damaged picture":
                status, _ = self._post(one[:2000])
            case "unknown setting":
                status, _ = self._post(one, "?beams=3")
            case _:
                self._break_off(one)
                return kind, ""
        return kind, "" if status == 422 else f"{kind}: status {status}"

    def _fault(self, kind: str, place: int, status: int, body: bytes) -> str:
        """Empty if the captions are those of the first time."""
        if status != 200:
            return f"{kind}: status {status}"
        found = [one["caption"] for one in json.loads(body)["results"]]
        first = self._first.setdefault((kind, place), found)
        return "" if found == first else f"{kind}: {found} after {first}"

    def _post(self, body: bytes, query: str = "", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("POST", f"/v1/caption{query}", body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _break_off(self, body: bytes) -> None:
        """Send the half of an upload and hang up."""
        connection = http.client.HTTPConnection(self._address)
        connection.putrequest("POST", "/v1/caption")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[: len(body) // 2])
        connection.close()


def form(*pictures: bytes) -> bytes:
    parts = (
        f'--{FORM}\r\nContent-Disposition: form-data; name="picture"; filename="{i}.jpg"\r\n\r\n'.encode() + data
        for i, data in enumerate(pictures)
    )
    return b"\r\n".join([*parts, f"--{FORM}--\r\n".encode()])


def prepare(folder: Path) -> None:
    """The example photographs and a damaged picture, as folder, zip and tar."""
    (folder / "photos").mkdir()
    with zipfile.ZipFile(folder / "photos.zip", "w") as packed, tarfile.open(folder / "photos.tar", "w") as tape:
        for path in sorted(PHOTOS.glob("*.jpg")):
            (folder / "photos" / path.name).write_bytes(path.read_bytes())
        (folder / "photos" / "zz-damaged.jpg").write_bytes(b"\xff\xd8\xff no picture")
        for path in sorted((folder / "photos").iterdir()):
            packed.write(path, path.name)
            tape.add(path, path.name)


def caption_for_ever(folder: Path, model: str | None, rate: float) -> None:
    """Caption the sources in turn until standard input ends; a line of JSON for each pass."""
    import select

    captioner = None
    for number in itertools.count():
        if number % 5 == 0:
            captioner = Captioner(model)
        source = PictureSource(folder / ("photos", "photos.zip", "photos.tar")[number % 3])
        pictures, out = 0, folder / "captions.jsonl"
        with writing("jsonl", out) as write_one:
            for result in captioner.caption_stream(paced(source, rate), batch_size=(1, 7, 32)[number % 3]):
                write_one(result)
                pictures += 1
        captions = [(Path(one["name"]).name, one.get("caption")) for one in map(json.loads, out.open())]
        print(json.dumps({"pictures": pictures, "sum": repr(sorted(captions, key=str))}), flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            sys.exit()


def paced(source: PictureSource, rate: float) -> Iterator[RawPicture]:
    for picture in source.read():
        began = time.monotonic()
        yield picture
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))


def growth(samples: Sequence[Sample], what: str) -> float:
    """How far the median grew from the second quarter of the samples to the last."""
    second, last = (statistics.median(quarter) for quarter in quarters(samples, what))
    return last - second


def quarters(samples: Sequence[Sample], what: str) -> tuple[list[float], list[float]]:
    """The second and the last quarter of a figure."""
    values = [getattr(one, what) for one in samples]
    size = max(1, len(values) // 4)
    return values[size : 2 * size] or values, values[-size:]


def flat(samples: Sequence[Sample]) -> bool:
    """Whether nothing grew by more than is allowed."""
    for what, (share, amount) in ALLOWED.items():
        level = statistics.median(quarters(samples, what)[0])
        if growth(samples, what) > max(amount, share * level):
            return False
    return True


def tables(found: Mapping[str, Soak], minutes: float) -> str:
    """Second and last quarter of each figure, and what was done."""
    rows = ["| process | figure | second quarter | last quarter | most |", "|---|---|---|---|---|"]
    for name, one in found.items():
        for what, unit in UNITS.items():
            second, last = (statistics.median(quarter) for quarter in quarters(one.samples, what))
            most = max(getattr(sample, what) for sample in one.samples)
            rows.append(f"| {name} | {what}, {unit} | {second:.0f} | {last:.0f} | {most:.0f} |")
    lines = [f"In {minutes:g} minutes, medians:", "", *rows, ""]
    for name, one in found.items():
        listed = ", ".join(f"{count:,} {kind}" for kind, count in one.done.items())
        lines.append(
            f"- {name}: {listed}; {len(one.wrong)} answers differed{': ' if one.wrong else ''}"
            f"{'; '.join(one.wrong[:3])}"
        )
    return "\n".join(lines)


def write(page: Path, found: Mapping[str, Soak], minutes: float) -> None:
    """Put the tables between the marks of a page, and the charts beside it."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"error: {page} has no lines {BEGIN} and {END}: add them where the tables shall stand")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{tables(found, minutes)}\n\n{END}{after}")
    charts = [
        (
            what.capitalize(),
            f"{what}, {unit}",
            [
                Series(name, tuple((one.seconds / 60, getattr(one, what)) for one in of.samples))
                for name, of in found.items()
            ],
        )
        for what, unit in UNITS.items()
    ]
    page.with_suffix(".svg").write_text(charts_svg("Memory, descriptors and threads", "minutes", charts))


if __name__ == "__main__":
    sys.exit(main())
