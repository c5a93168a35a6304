"""What a million, a hundred million and five billion pictures take, extrapolated from some thousand on this machine.

    python benchmarks/scale.py --pictures val.zip [--sizes 250 1000 4000] [--write docs/results/scale.md] [parameters]

One core embeds and captions two small sets of pictures; the line through them predicts the larger `--sizes`, which are
then measured. Processor time counts, so that other work on the machine matters little. The pictures are repeated as
often as a size needs, under other names. Prices, and what machines, network and storage can do, are parameters: their
defaults are examples, not offers and not measurements.
"""

import argparse
import datetime
import os
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from captioning import processor
from scale_model import Cluster, Driver, Plan, Work, cores_until, fitted, plan
from showtell.captioning.captioner import Captioner
from showtell.captioning.jobs import caption_pieces, captioned
from showtell.captioning.output.writing import writing
from showtell.data.sources.gather import PictureSelection
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed

JOBS = (10**6, 10**8, 5 * 10**9)
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="a folder, zip or tar of pictures")
    parser.add_argument("--sizes", nargs="*", type=int, default=[250, 1000, 4000], help="pictures to check with")
    parser.add_argument("--fit", nargs=2, type=int, default=[64, 192], help="pictures of the two runs that predict")
    parser.add_argument("--model", type=Path, help="a bundle (default: the package's)")
    parser.add_argument("--piece-size", type=int, default=1024, help="pictures of a piece and of a shard")
    parser.add_argument("--pieces-a-second", type=float, default=0.0, help="as benchmarks/scale_ray.py measures it")
    parser.add_argument("--hours", type=float, default=24.0, help="in which a job shall be computed")
    parser.add_argument("--cores", type=int, default=16, help="of a machine")
    parser.add_argument("--network", type=float, default=5.0, help="gigabit a second of a machine")
    parser.add_argument("--storage", type=float, default=2.0, help="gigabytes a second of the storage in all")
    parser.add_argument("--machine-hour", type=float, default=0.70, help="price")
    parser.add_argument("--gigabyte-month", type=float, default=0.02, help="price of keeping the results")
    parser.add_argument("--gpu-rate", type=float, help="pictures a second of one GPU, where you have measured one")
    parser.add_argument("--gpu-hour", type=float, default=0.0, help="price of a machine with one")
    parser.add_argument("--write", type=Path, help="a Markdown page to put the tables into")
    args = parser.parse_args()
    cluster = Cluster(args.cores, args.network, args.storage, args.machine_hour, args.gigabyte_month)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, whatever threads there are
    captioner = Captioner(args.model, threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(captioner, args.pictures, Path(temporary), args.piece_size)
        works, checks = bench.predict(args.fit, args.sizes)
        works.append(replace(works[-1], name="caption, in one file", one_file=True))
        driver = bench.driver(max(args.sizes), args.pieces_a_second)
    lines = [*described(args.pictures, bench), "", *checked(checks), "", *sizes_of(captioner, works, bench), ""]
    lines += [*planned(works, cluster, driver, args.hours), "", *bottlenecks(works, cluster, driver)]
    if args.gpu_rate:
        on_gpus = replace(cluster, cores=1, machine_hour=args.gpu_hour)
        fast = [replace(work, name=f"{work.name}, GPU", seconds_a_picture=1 / args.gpu_rate) for work in works]
        lines += ["", *planned(fast, on_gpus, driver, args.hours)]
    print("\n".join(lines))
    if args.write:
        write_into(args.write, "model", lines)


@dataclass(frozen=True, slots=True)
class Check:
    """Seconds of one core that a run was predicted to take, and that it took, of its work and by the clock."""

    work: str
    pictures: int
    predicted: float
    measured: float
    clock: float


class Bench:
    """Measures on one core; sets of pictures lie in `folder`."""

    def __init__(self, captioner: Captioner | None, pictures: Path, folder: Path, piece_size: int) -> None:
        self.captioner, self.folder, self.piece_size = captioner, folder, piece_size
        self.raw = [picture.data for picture in PictureSource(pictures).read() if not picture.error]
        self.bytes_in = sum(map(len, self.raw)) / len(self.raw)
        self.json_bytes = 0.0

    def predict(self, fit: list[int], sizes: list[int]) -> tuple[list[Work], list[Check]]:
        """Each kind of work by the line through the runs of `fit`, and what larger runs took."""
        works, checks = [], []
        kinds: tuple[tuple[str, Callable[[Path], float]], ...] = (("embed", self.embed), ("caption", self.caption))
        for name, run in kinds:
            run(self.repeated(fit[0]))  # once to warm up
            few, many = (self.timed(run, size) for size in fit)
            line = fitted(name, (fit[0], few[0]), (fit[1], many[0]), self.bytes_in, many[2])
            bytes_out = many[2]
            for size in sizes:
                work, clock, bytes_out = self.timed(run, size)
                checks.append(Check(name, size, line.predicted(size), work, clock))
            works.append(replace(line, bytes_out=bytes_out))
        return works, checks

    def timed(self, run: Callable[[Path], float], size: int) -> tuple[float, float, float]:
        """Seconds of the processor and by the clock, and bytes a picture that came out, of a run."""
        source = self.repeated(size)
        clock, work = time.perf_counter(), time.process_time()
        came = run(source)
        return time.process_time() - work, time.perf_counter() - clock, came / size

    def embed(self, source: Path) -> float:
        """Embed everything on one core; bytes of the store."""
        with tempfile.TemporaryDirectory(dir=self.folder) as store:
            options = EmbedOptions("pooled", self.piece_size, 16, workers=1)
            embed(PictureSource(source), self.captioner.encoder, store, options, show=False)
            return float(sum(path.stat().st_size for path in Path(store).iterdir()))

    def caption(self, source: Path) -> float:
        """Caption everything on one core; bytes of the parts."""
        with tempfile.TemporaryDirectory(dir=self.folder) as parts:
            self.parts(source, Path(parts))
            return float(sum(path.stat().st_size for path in Path(parts).iterdir()))

    def parts(self, source: Path, folder: Path) -> int:
        pictures = PictureSelection([str(source)])
        return caption_pieces(pictures, self.captioner, folder, self.piece_size, batch_size=BATCH, show=False)[1]

    def driver(self, size: int, pieces: float) -> Driver:
        """What the one process does that lists the pictures and writes the captions."""
        source = self.repeated(size)
        began = time.process_time()
        PictureSource(source).names()
        listed = size / (time.process_time() - began)
        tracemalloc.start()
        pictures = PictureSelection([str(source)])
        pieces_kept = list(pictures.split(self.piece_size))
        memory = tracemalloc.get_traced_memory()[0] / sum(piece.count for piece in pieces_kept)
        tracemalloc.stop()
        with tempfile.TemporaryDirectory(dir=self.folder) as parts:
            count = self.parts(source, Path(parts))
            began = time.process_time()
            out = self.folder / "captions.jsonl"
            with writing("jsonl", out, at_once=True) as write:
                for result in captioned(Path(parts), count):
                    write(result)
            written = size / (time.process_time() - began)
        self.json_bytes = out.stat().st_size / size
        return Driver(listed, pieces, written, memory, self.piece_size)

    def repeated(self, size: int) -> Path:
        """A zip of so many pictures."""
        path = self.folder / f"{size}.zip"
        if not path.exists():
            with zipfile.ZipFile(path, "w") as archive:
                for i in range(size):
                    archive.writestr(f"folder/{i:08d}.jpg", self.raw[i % len(self.raw)])
        return path


def described(pictures: Path, bench: Bench) -> list[str]:
    said = f"{len(bench.raw):,} pictures of {pictures.name}, {bench.bytes_in / 1000:.1f} kB each"
    load = " ".join(Path("/proc/loadavg").read_text().split()[:3]) if Path("/proc/loadavg").exists() else "unknown"
    return [f"Measured {datetime.date.today():%d %B %Y} on {processor()}, one core; {said}; load at the end {load}."]


def checked(checks: list[Check]) -> list[str]:
    """Predicted against measured."""
    rows = [
        f"| {one.work} | {one.pictures:,} | {one.predicted:.1f} s | {one.measured:.1f} s "
        f"| {100 * (one.predicted / one.measured - 1):+.1f} % | {one.clock:.1f} s |"
        for one in checks
    ]
    head = "| work | pictures | predicted work of one core | measured | error | by the clock |"
    return [head, "|---|---|---|---|---|---|", *rows]


def sizes_of(captioner: Captioner, works: list[Work], bench: Bench) -> list[str]:
    """Bytes of a picture at each stage."""
    info = captioner.encoder.info
    rows = [("picture as it comes", bench.bytes_in)]
    for kind, numbers in (("pooled", info.dim), ("grid", info.dim * info.cells)):
        for bits in (16, 32):
            rows.append((f"{kind} embedding, {numbers:,} numbers of float{bits}", bits / 8 * numbers))
    store, parts, _ = (work.bytes_out for work in works)
    rows += [("pooled embedding in a store, as measured", store), ("caption in Parquet, as measured", parts)]
    rows += [("caption in JSON lines, as measured", bench.json_bytes)]
    return ["| stage | bytes a picture |", "|---|---|", *(f"| {name} | {size:,.0f} |" for name, size in rows)]


def planned(works: list[Work], cluster: Cluster, driver: Driver, hours: float) -> list[str]:
    """Machines, hours and money of the large jobs."""
    said = f"{cluster.cores} cores, {cluster.network:g} Gbit/s, {cluster.machine_hour:g} an hour"
    return [
        f"Machines of {said}; storage of {cluster.storage:g} GB/s, {cluster.gigabyte_month:g} a gigabyte and month; as "
        f"many machines as compute the job in {hours:g} hours; results kept for a month.",
        "",
        "| work | pictures | machines | hours | slowest | read | written | names in memory | cost a million |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(work, plan(job, work, cluster, driver, hours)) for work in works for job in JOBS),
    ]


def _row(work: Work, made: Plan) -> str:
    cells = (
        work.name,
        f"{made.pictures:,}",
        f"{made.machines:,}",
        f"{made.hours:.1f}",
        f"{made.slowest}, {made.stages[made.slowest]:.1f} h",
        f"{made.terabytes_in:,.2f} TB",
        f"{made.terabytes_out:,.3f} TB",
        f"{made.memory:,.1f} GB",
        f"{made.cost_a_million:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def bottlenecks(works: list[Work], cluster: Cluster, driver: Driver) -> list[str]:
    """How many cores each thing beside computing keeps busy, and what the one process does in an hour."""
    lines = ["| work | keeps busy | cores |", "|---|---|---|"]
    for work in works:
        for name, cores in cores_until(work, cluster, driver).items():
            found = f"{cores:,.0f}" if cores else "not measured: --pieces-a-second"
            lines.append(f"| {work.name} | {name} | {found} |")
    return [
        *lines,
        "",
        f"One process lists {driver.listed * 3600 / 1e6:,.0f} million pictures of a zip an hour, and writes "
        f"{driver.written * 3600 / 1e6:,.1f} million captions an hour into one file of JSON lines; a name takes "
        f"{driver.bytes_a_name:,.0f} bytes.",
    ]


def write_into(page: Path, what: str, lines: list[str]) -> None:
    """Put the lines between the page's marks for them, in place of what stands there."""
    before, found, rest = page.read_text().partition(f"<!-- {what} -->\n")
    _, also, after = rest.partition(f"<!-- end of {what} -->\n")
    if not found or not also:
        sys.exit(f"{page}: has no lines <!-- {what} --> and <!-- end of {what} -->")
    page.write_text(f"{before}{found}\n" + "\n".join(lines) + f"\n\n{also}{after}")


if __name__ == "__main__":
    main()
