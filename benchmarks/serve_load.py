"""How many captions a service gives many clients, beside the same model without a service, and under overload.

    python benchmarks/serve_load.py [PICTURES] [--model BUNDLE] [--clients 32] [--seconds 60] [--rounds 3] [--threads N]

starts `showtell serve` and lets clients send pictures (by default the example photographs), each client one at a time,
over connections that stay open. Before, between and after, the same pictures go through `Captioner.caption_stream` in a
process of its own, so that both meet the same machine. For both it prints pictures a second and processor milliseconds
a picture, which other work on the machine changes less; for the service also seconds until an answer (median, 99th
percentile and longest), statuses, lost answers, pictures in a batch, and memory. Then the same clients overload a
service with a queue of 8, which it must survive: afterwards every picture is captioned again. The exit code is 1 if an
answer was lost or wrong.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from showtell import Captioner
from showtell.data.sources.picture_source import PictureSource, RawPicture

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
SHOWTELL = [sys.executable, "-c", "from showtell.cli import main; main()"]


@dataclass
class Told:
    """What clients were answered: statuses, seconds of answers of status 200, and how many are wrong or missing."""

    statuses: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lost: int = 0


def main() -> int:
    args = _parser().parse_args()
    files = [picture.data for picture in PictureSource(args.pictures).read()]
    if args.alone:
        print(*measured_alone(args, files))
        return 0
    options = ["--model", args.model] if args.model else []
    options += ["--threads", str(args.threads)] if args.threads else []
    print(f"{len(files)} pictures, {args.clients} clients, load average before: {os.getloadavg()[0]:.1f}")
    without, served, told = [], [], Told()
    share = args.seconds / args.rounds
    with service(*options) as (base, _):
        asyncio.run(clients(base, files, args.clients, min(5.0, share), Told()))  # its memory grows to what it needs
        before = figures(base)
        for _ in range(args.rounds):
            without.append(alone(args, share))
            count = told.statuses[200]
            began = time.monotonic()
            asyncio.run(clients(base, files, args.clients, share, told))
            served.append((told.statuses[200] - count) / (time.monotonic() - began))
        without.append(alone(args, share))
        after = figures(base)
    report(without, served, told, before, after)
    overrun = Told()
    with service(*options, "--queue", "8", "--max-pictures", "8") as (base, _):
        asyncio.run(clients(base, files, args.clients, 5.0, overrun))
        calm = Told()
        asyncio.run(clients(base, files, 1, 2.0, calm))
    print(f"overrun, queue of 8: {dict(overrun.statuses)}, lost {overrun.lost}; afterwards {dict(calm.statuses)}")
    sound = set(told.statuses) == set(calm.statuses) == {200} and overrun.statuses[503] > 0
    return 0 if sound and not told.lost + overrun.lost + calm.lost else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?", default=str(PHOTOS))
    parser.add_argument("--model")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--alone", action="store_true", help="only print pictures a second without a service")
    return parser


@contextmanager
def service(*options: str):
    """A running service; its address and the number of its process."""
    process = subprocess.Popen([*SHOWTELL, "serve", "--port", "0", *options], stderr=subprocess.PIPE, text=True)
    try:
        yield address_of(process), process.pid
    finally:
        process.terminate()
        if process.wait() or process.stderr.read():
            raise SystemExit("the service did not end well")


def address_of(process: subprocess.Popen) -> str:
    """Where a service listens, from its first line."""
    return re.search(r"http://\S+\d", process.stderr.readline())[0]


def alone(args: argparse.Namespace, seconds: float) -> tuple[float, float]:
    """Pictures a second and processor milliseconds of each without a service, in a process of its own."""
    command = [sys.executable, __file__, args.pictures, "--alone", "--seconds", str(seconds)]
    command += ["--model", args.model] if args.model else []
    command += ["--threads", str(args.threads)] if args.threads else []
    rate, cost = map(float, subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split())
    return rate, cost


def measured_alone(args: argparse.Namespace, files: list[bytes]) -> tuple[float, float]:
    """Pictures a second of `caption_stream` and processor milliseconds of each, after a first batch."""
    captioner = Captioner(args.model, threads=args.threads)
    captioner.caption(files[:16])
    began, used = time.monotonic(), time.process_time()

    def endless():
        for place in itertools.count():
            if time.monotonic() > began + args.seconds:
                return
            yield RawPicture(str(place), files[place % len(files)])

    count = sum(1 for _ in captioner.caption_stream(endless()))
    return count / (time.monotonic() - began), 1000 * (time.process_time() - used) / count


async def clients(base: str, files: list[bytes], count: int, seconds: float, told: Told) -> None:
    """`count` clients that send one picture after the other for so long."""
    host, port = base.removeprefix("http://").split(":")
    ends = time.monotonic() + seconds
    await asyncio.gather(*(client(host, int(port), files, i, ends, told) for i in range(count)))


async def client(host: str, port: int, files: list[bytes], place: int, ends: float, told: Told) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while time.monotonic() < ends:
        data = files[place % len(files)]
        place += 1
        began = time.monotonic()
        head = f"POST /v1/caption HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        try:
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = await reader.readexactly(int(re.search(r"(?i)content-length: (\d+)", answer)[1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            told.lost += 1
            break
        status = int(answer.split(" ")[1])
        told.statuses[status] += 1
        if status == 200:
            told.seconds.append(time.monotonic() - began)
            told.lost += not json.loads(body)["results"][0]["caption"]
    writer.close()


def figures(base: str) -> dict[str, float]:
    """The service's own figures."""
    lines = urllib.request.urlopen(f"{base}/metrics").read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def report(without: list[tuple[float, float]], served: list[float], told: Told, before: dict, after: dict) -> None:
    seconds = sorted(told.seconds)
    middle, most, longest = (seconds[min(len(seconds) - 1, int(q * len(seconds)))] for q in (0.5, 0.99, 1.0))
    batches = (after["showtell_batch_pictures_sum"] - before["showtell_batch_pictures_sum"]) / (
        after["showtell_batch_pictures_count"] - before["showtell_batch_pictures_count"]
    )
    rates, costs = zip(*without, strict=True)
    other, ours = sum(rates) / len(rates), sum(served) / len(served)
    other_cost = sum(costs) / len(costs)
    cost = 1000 * (after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]) / told.statuses[200]
    memory = [values["process_resident_memory_bytes"] / 2**20 for values in (before, after)]
    print(f"without a service: {_listed(rates)} pictures/s, mean {other:.1f}; {other_cost:.1f} ms of processor")
    print(f"service: {_listed(served)} pictures/s, mean {ours:.1f}, {ours / other:.0%}; {cost:.1f} ms of processor")
    print(f"an answer takes {middle:.3f} s (median), {most:.3f} s (99%), {longest:.3f} s (longest)")
    print(f"statuses {dict(told.statuses)}, lost {told.lost}, {batches:.1f} pictures a batch")
    print(f"memory of the service: {memory[0]:.0f} MiB before, {memory[1]:.0f} MiB after")


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.1f}" for rate in rates)


if __name__ == "__main__":
    sys.exit(main())
