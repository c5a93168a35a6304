"""Sends a service malformed uploads (see hostile_uploads.py), and checks that it stays healthy.

    python benchmarks/serve_fuzz.py [--count 10000] [--seed 0] [--model BUNDLE] [--clients 8]

Every upload is made from the seed and its number alone. An answer must have a status below 500, or 503; if the bytes
were no complete request, the connection may be closed instead. Afterwards the service must be ready, have written
nothing to its log, and caption a picture as before. It prints the statuses of each kind; the exit code is 1 if anything
was wrong.
"""

import argparse
import contextlib
import json
import random
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from hostile_uploads import KINDS, picture, request
from serve_load import SHOWTELL, address_of


def answered(address: tuple[str, int], data: bytes, whole: bool) -> int:
    """The status of the answer, or 0 where the connection was closed without one; only a `whole` request stays open."""
    with socket.create_connection(address, timeout=60) as connection:
        with contextlib.suppress(ConnectionError):  # the answer may come before all is sent
            connection.sendall(data)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while len(answer) < 12 and (piece := connection.recv(4096)):
                answer += piece
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model")
    parser.add_argument("--clients", type=int, default=8)
    args = parser.parse_args()
    model = ["--model", args.model] if args.model else []
    command = [*SHOWTELL, "serve", "--port", "0", "--allow-urls", *model]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            base = address_of(process)
            statuses = attack(base, args.count, args.seed, args.clients)
            log = ended(process)
        finally:
            process.kill()
    for kind in KINDS:
        print(f"{kind}: {dict(sorted(statuses[kind].items()))}")
    wrong = Counter(status for kind in KINDS for status in statuses[kind].elements() if status >= 500 and status != 503)
    silent = {
        kind: statuses[kind][0] for kind in KINDS if kind not in ("bytes", "headers", "lengths") and statuses[kind][0]
    }
    faults = [f"statuses {dict(wrong)}"] * bool(wrong) + [f"no answer to {silent}"] * bool(silent) + log
    print("; ".join(faults) or "the service is well")
    return 1 if faults else 0


def attack(base: str, count: int, seed: int, clients: int) -> dict[str, Counter]:
    """Send `count` uploads; the statuses by kind. A picture must have the same caption before and after."""
    host, port = base.removeprefix("http://").split(":")
    statuses: dict[str, Counter] = {kind: Counter() for kind in KINDS}

    def one(number: int) -> tuple[str, int]:
        kind = KINDS[number % len(KINDS)]
        data = request(random.Random(seed * 10**9 + number), kind)
        return kind, answered((host, int(port)), data, kind != "bytes")

    before = caption_of(base)
    with ThreadPoolExecutor(clients) as pool:
        for kind, status in pool.map(one, range(count)):
            statuses[kind][status] += 1
    assert urllib.request.urlopen(f"{base}/readyz").status == 200
    assert caption_of(base) == before
    return statuses


def caption_of(base: str) -> str:
    data = picture(random.Random(1))
    asked = urllib.request.Request(f"{base}/v1/caption", data, {"Content-Type": "image/png"})
    return json.load(urllib.request.urlopen(asked))["results"][0]["caption"]


def ended(process: subprocess.Popen) -> list[str]:
    """End the service as a system does; what was wrong with how it ended."""
    process.terminate()
    log = process.stderr.read()
    faults = [f"exit code {process.returncode}"] if process.wait() else []
    return faults + ([f"the log says {log[-2000:]}"] if log else [])


if __name__ == "__main__":
    sys.exit(main())
