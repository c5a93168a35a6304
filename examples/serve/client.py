"""Captions of any number of pictures from a service that runs (`showtell serve`), with the standard library alone.

    python examples/serve/client.py photo.jpg other.png

A few pictures are on their way at once, so that the service can put them into batches; where it is busy they are sent
again when it says so. SHOWTELL_URL names another service than that of this machine, SHOWTELL_TOKEN the token that it
needs.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

AT_ONCE = 8
ATTEMPTS = 10


class Captions:
    """A service; `options` are those of its address, such as `beam=1` or `num_captions=3`."""

    def __init__(self, url: str = "", token: str = "", **options: Any) -> None:
        self.url = url or os.environ.get("SHOWTELL_URL", "http://127.0.0.1:8000")
        self.token = token or os.environ.get("SHOWTELL_TOKEN", "")
        self.query = urllib.parse.urlencode(options, doseq=True)

    def caption(self, picture: bytes) -> dict[str, Any]:
        """The result of one picture: `caption`, `score`, `words` and what else the model tells.

        Raises:
            ValueError: the service cannot read the picture, or an option is wrong.
        """
        request = urllib.request.Request(f"{self.url}/v1/caption?{self.query}", picture)
        request.add_header("Content-Type", "application/octet-stream")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)["results"][0]
            except urllib.error.HTTPError as error:
                told = json.load(error)["error"]
                if error.code != 503 or attempt == ATTEMPTS - 1:
                    raise ValueError(told) from error
                time.sleep(float(error.headers["Retry-After"]))
        raise AssertionError("unreachable")

    def captions(self, paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every path with its result, in their order; one that has no caption has `error` instead."""

        def one(path: Path) -> tuple[Path, dict[str, Any]]:
            try:
                return path, self.caption(path.read_bytes())
            except (OSError, ValueError) as error:
                return path, {"error": str(error)}

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(one, paths)


if __name__ == "__main__":
    for path, result in Captions().captions(map(Path, sys.argv[1:])):
        print(f"{path}: {result.get('caption') or result['error']}")
