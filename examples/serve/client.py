"""Captions of any number of pictures through a running service (`showtell serve`), with the standard library alone.

    python examples/serve/client.py photo.jpg other.png

A few pictures are in flight at once, so that the service can batch them. If it is busy, they are sent again after the
time that it asks for. SHOWTELL_URL sets another address than this machine's, SHOWTELL_TOKEN the service's token.
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
    """A service; `options` are its query parameters, such as `beam=1` or `num_captions=3`."""

    def __init__(self, url: str = "", token: str = "", **options: Any) -> None:
        self.url = url or os.environ.get("SHOWTELL_URL", "http://127.0.0.1:8000")
        self.token = token or os.environ.get("SHOWTELL_TOKEN", "")
        self.query = urllib.parse.urlencode(options, doseq=True)

    def caption(self, picture: bytes) -> dict[str, Any]:
        """The result of one picture: `caption`, `score`, `words` and whatever else the model reports.

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
                message = json.load(error)["error"]
                if error.code != 503 or attempt == ATTEMPTS - 1:
                    raise ValueError(message) from error
                time.sleep(float(error.headers["Retry-After"]))
        raise AssertionError("unreachable")

    def captions(self, paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every path with its result, in order; a result without a caption has `error` instead."""

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
