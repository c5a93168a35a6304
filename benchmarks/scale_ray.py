"""What Ray costs beside one process, and what a second node brings, in paired rounds.

    python benchmarks/scale_ray.py --pictures val.zip [--count 5000] [--rounds 3] [--write docs/results/scale.md]

Every round embeds and captions the same pictures three times, in another order each round: in one process, on a cluster
of one node, and on a cluster of two. The process and every node are bound to one core each. The driver and the
cluster's other processes are not, so on a machine of two cores they take time from the nodes. Each run is a process of
its own; the clock runs from when the cluster is there and the model is loaded until the output is written. Workers
start and load their own model within that time. Last, it measures how many pieces without any work a driver hands out
in a second.
"""

import argparse
import contextlib
import datetime
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captioning import processor
from scale import BATCH, Bench, write_into
from showtell.captioning.captioner import Captioner
from showtell.captioning.jobs import caption_pieces, captioned
from showtell.captioning.output.writing import writing
from showtell.data.sources.gather import PictureSelection
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed

NODES = {"one process": 0, "Ray, one node": 1, "Ray, two nodes": 2}
WORKS = ("embed", "caption")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="a folder, zip or tar of pictures")
    parser.add_argument("--count", type=int, default=5000, help="pictures of a run, by repetition")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path, help="a bundle (default: the package's)")
    parser.add_argument("--piece-size", type=int, default=256, help="pictures of a piece and of a shard")
    parser.add_argument("--pieces", type=int, default=2000, help="pieces without work")
    parser.add_argument("--write", type=Path, help="a Markdown page to put the tables into")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        way, work, source = json.loads(args.once)
        seconds = handing_out(args.pieces) if work == "nothing" else once(way, work, Path(source), args)
        print(json.dumps(seconds))
        return
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(None, args.pictures, Path(temporary), args.piece_size)
        source = bench.repeated(args.count)
        rounds = [a_round(turn, source) for turn in range(args.rounds)]
        pieces = args.pieces / in_a_process("Ray, one node", "nothing", source)
    said = f"Pieces without work that one driver hands out: {pieces:,.0f} a second."
    lines = [described(args), "", *tables(rounds), "", said]
    print("\n".join(lines))
    if args.write:
        write_into(args.write, "ray", lines)


def a_round(turn: int, source: Path) -> dict[tuple[str, str], float]:
    """Seconds of every way to do every work; each round begins with another way."""
    ways = list(itertools.islice(itertools.cycle(NODES), turn % len(NODES), turn % len(NODES) + len(NODES)))
    found = {}
    for work in WORKS:
        for way in ways:
            found[way, work] = in_a_process(way, work, source)
            print(f"round {turn + 1}: {work}, {way}: {found[way, work]:.1f} s", file=sys.stderr, flush=True)
    return found


def in_a_process(way: str, work: str, source: Path) -> float:
    """Seconds of one run in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--once", json.dumps([way, work, str(source)])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.splitlines()[-1])


def once(way: str, work: str, source: Path, args: argparse.Namespace) -> float:
    """Seconds of one run, by the clock."""
    captioner = Captioner(args.model, threads=1)
    if not NODES[way]:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with nodes(NODES[way]) as address, tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        began = time.perf_counter()
        if work == "embed":
            embedded(captioner, source, out / "store", args.piece_size, address)
        else:
            described_in(captioner, source, out, args, address)
        return time.perf_counter() - began


def embedded(captioner: Captioner, source: Path, out: Path, size: int, address: str) -> None:
    options = EmbedOptions("pooled", size, 16, workers=1)
    if address:
        from showtell.ray import embed_on

        embed_on(address, PictureSource(source), captioner.bundle.parts["encoder.onnx"], out, options, show=False)
    else:
        embed(PictureSource(source), captioner.encoder, out, options, show=False)


def described_in(captioner: Captioner, source: Path, out: Path, args: argparse.Namespace, address: str) -> None:
    pictures = PictureSelection([str(source)])
    if not address:
        with writing("jsonl", out / "captions.jsonl") as write:
            for result in captioner.caption_stream(pictures.read(), batch_size=BATCH):
                write(result)
        return
    from showtell.ray import pieces_on

    parts = out / "parts"
    models = [args.model] if args.model else None
    elsewhere = pieces_on(models, None, captioner.caption_options(), batch_size=BATCH)
    _, count = caption_pieces(
        pictures, captioner, parts, args.piece_size, batch_size=BATCH, elsewhere=elsewhere, show=False
    )
    with writing("jsonl", out / "captions.jsonl", at_once=True) as write:
        for result in captioned(parts, count):
            write(result)


def handing_out(count: int) -> float:
    """Seconds that pieces without work take on a cluster of one core."""
    from showtell.ray.cluster import on_actors

    with nodes(1):
        list(on_actors([{"number": 0}] * 8, Nothing, (), 1))  # workers have been started before
        began = time.perf_counter()
        list(on_actors([{"number": number} for number in range(count)], Nothing, (), 1))
        return time.perf_counter() - began


class Nothing:
    """Does no work."""

    def __call__(self, work: dict[str, Any]) -> dict[str, Any]:
        return work


@contextlib.contextmanager
def nodes(count: int) -> Iterator[str]:
    """The address of a cluster of so many nodes of one core each, and of a head without any; empty for none."""
    if not count:
        yield ""
        return
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    from ray.cluster_utils import Cluster

    import ray

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cores = os.sched_getaffinity(0)
    for core in sorted(cores)[:count]:
        os.sched_setaffinity(0, {core})  # which the node's processes inherit
        cluster.add_node(num_cpus=1)
    os.sched_setaffinity(0, cores)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def described(args: argparse.Namespace) -> str:
    said = f"{args.count:,} pictures of {args.pictures.name}, {args.rounds} rounds, pieces of {args.piece_size}"
    machine = f"{processor()}, {os.cpu_count()} cores; load, this run's own among it: {os.getloadavg()[2]:.1f}"
    return f"Measured {datetime.date.today():%d %B %Y} on {machine}; {said}."


def tables(rounds: list[dict[tuple[str, str], float]]) -> list[str]:
    """Medians with the least and the most: seconds, and ratios within a round."""
    head = " | ".join(("work", *NODES, "overhead of Ray", "two nodes against one"))
    lines = [f"| {head} |", "|---|---|---|---|---|---|"]
    alone, one, two = NODES
    for work in WORKS:
        cells = [_spread([found[way, work] for found in rounds], "{:.1f} s") for way in NODES]
        cells.append(_spread([100 * (found[one, work] / found[alone, work] - 1) for found in rounds], "{:+.1f} %"))
        cells.append(_spread([found[one, work] / found[two, work] for found in rounds], "{:.2f}"))
        lines.append(f"| {work} | " + " | ".join(cells) + " |")
    return lines


def _spread(values: list[float], form: str) -> str:
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return f"**{middle}** ({low} to {high})"


if __name__ == "__main__":
    main()
