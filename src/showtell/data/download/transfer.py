"""The transfer of one file from a server to a part file: requests, the meaning of responses, and retries.

Range requests and If-Range follow RFC 9110, sections 13.1.5 and 14.
"""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeAlias

from showtell.data.download.http import Interrupted, asked, content_length, pieces
from showtell.errors import InputError, ShowtellError
from showtell.files import read_json, write_json
from showtell.progress import megabytes, meter

_RESERVE = 64 << 20  # bytes of the disk that stay free: a full system disk stops more than the download
_LONGEST_PAUSE = 30.0

Look: TypeAlias = Callable[[str], None]
"""Called after every step, with a note for the progress bar."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Known properties of a file: size in bytes, and checksums in hexadecimal; None if unknown."""

    size: int | None = None
    md5: str | None = None
    sha256: str | None = None

    @property
    def checksum(self) -> tuple[str, str] | None:
        """The strongest known checksum: its algorithm and value."""
        if self.sha256:
            return "sha256", self.sha256.lower()
        return ("md5", self.md5.lower()) if self.md5 else None

    def fault(self, path: Path, show: bool = False) -> str:
        """How the file at `path` differs from what is known; empty if it does not."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size:,} bytes, not {self.size:,}"
        if self.checksum is None:
            return ""
        algorithm, wanted = self.checksum
        digest = hashlib.new(algorithm, usedforsecurity=False)
        with open(path, "rb") as file, meter(f"checking {path.name}", size, 0, show) as tick:
            while piece := file.read(1 << 20):
                digest.update(piece)
                tick(len(piece))
        return "" if digest.hexdigest() == wanted else f"its {algorithm} is {digest.hexdigest()}, not {wanted}"


class Transfer:
    """The first `have` bytes of the server's file, known by `validator` and `total`, are in the part file."""

    def __init__(self, url: str, path: Path, expected: Expected, max_bytes: int | None, timeout: float) -> None:
        self.url, self.path, self.expected, self.max_bytes, self.timeout = url, path, expected, max_bytes, timeout
        self.part, self.notes = part_of(path), path.with_name(f"{path.name}.part.json")
        self.have = self.received = 0
        self.total: int | None = None
        self.validator = ""

    @property
    def goal(self) -> int | None:
        """The file's size in bytes; None while it is unknown."""
        return self.expected.size if self.total is None else self.total

    def resume(self) -> None:
        """Resume from an earlier run's part file if it is certain to be of the same file."""
        if not self.part.exists():
            return
        with contextlib.suppress(InputError):  # no notes, or damaged ones
            match read_json(self.notes):
                case {"url": self.url, "validator": str(validator), "total": int() | None as total}:
                    self.validator, self.total = validator, total
        if self.validator or self.expected.checksum:  # the checksum detects a part of another file at the end
            have = self.part.stat().st_size
            self.have = have if self.goal is None or have <= self.goal else 0

    def run(self, retries: int, pause: Callable[[float], None], look: Look) -> None:
        """Request the missing bytes until all are here; `retries` attempts in a row may bring no new byte."""
        furthest, failures = self.have, 0
        while self.goal is None or self.have != self.goal:
            try:
                if self._attempt(look):
                    return
                continue
            except Interrupted as error:
                reason = str(error)
            failures = 0 if self.have > furthest else failures + 1
            furthest = max(furthest, self.have)
            if failures > retries:
                stored = f"; {megabytes(self.have)} stored: run the same command again to resume" if self.have else ""
                count = f"attempts without a new byte: {failures}"
                raise ShowtellError(f"{self.url}: cannot be downloaded ({reason}; {count}){stored}")
            if failures:
                look(f"{reason}: attempt {failures} of {retries}")
                pause(min(2.0 ** (failures - 1), _LONGEST_PAUSE))

    def finish(self, show: bool) -> None:
        """Check the part file and rename it to the final name; a wrong one is removed."""
        if fault := self.expected.fault(self.part, show):
            self.part.unlink()
            self.notes.unlink(missing_ok=True)
            raise ShowtellError(
                f"{self.url}: not the expected file ({fault}), so it was deleted: "
                "try again; if this repeats, the server has another file: use another mirror"
            )
        with open(self.part, "r+b") as file:  # Windows flushes only files that are open for writing
            os.fsync(file.fileno())
        self.part.replace(self.path)
        self.notes.unlink(missing_ok=True)

    def _attempt(self, look: Look) -> bool:
        """Make one request; True if the file is complete, False if the download must restart."""
        headers = {}
        if self.have:
            headers["Range"] = f"bytes={self.have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        with asked(self.url, self.timeout, headers) as response:
            if not self._accept(response):
                look("begins anew")
                return False
            look("")
            # Unbuffered, so that `have` never runs ahead of the file.
            with open(self.part, "r+b" if self.have else "wb", buffering=0) as file:
                file.seek(self.have)
                for piece in pieces(response, self.url):
                    written = 0
                    while written < len(piece):
                        written += file.write(memoryview(piece)[written:])
                    self.have += len(piece)
                    self.received += len(piece)
                    look("")
                    self._limit(self.have)
        if self.goal is not None and self.have < self.goal:  # a server may send less than was requested
            raise Interrupted("the server sent only a part")
        return True

    def _accept(self, response: http.client.HTTPResponse) -> bool:
        """Whether the response's bytes follow the bytes that are here, which may be discarded for that."""
        total, validator = content_length(response), _validator(response)
        if self.have and response.status in (206, 416):
            begin, total = _content_range(response)
            total = self.total if total is None else total
            validator = validator or self.validator
            # The last two: servers without If-Range send a part of a changed file, too.
            if begin != self.have or self.total not in (None, total) or self.validator not in ("", validator):
                self._forget()
                return False
        elif self.have:  # the whole file: the server has no ranges, or its file has changed
            self._forget()
        if self.expected.size is not None and total is not None and total != self.expected.size:
            raise ShowtellError(
                f"{self.url}: the server's file has {total:,} bytes, not {self.expected.size:,}: use another mirror"
            )
        self._limit(total or 0)
        check_space(self.path.parent, (total or 0) - self.have)
        if not self.have:  # before the notes, which must never describe bytes of an older file
            self.part.unlink(missing_ok=True)
        self.total, self.validator = total, validator
        write_json(self.notes, {"url": self.url, "validator": validator, "total": total})
        return True

    def _forget(self) -> None:
        self.have, self.total, self.validator = 0, None, ""

    def _limit(self, count: int) -> None:
        if self.max_bytes is not None and count > self.max_bytes:
            raise ShowtellError(f"{self.url}: larger than the limit of {megabytes(self.max_bytes)}")
        if self.goal is not None and count > self.goal:
            raise ShowtellError(f"{self.url}: the server sends more than {self.goal:,} bytes: use another mirror")


def part_of(path: Path) -> Path:
    """The part file of `path`, which has its bytes until they are complete."""
    return path.with_name(f"{path.name}.part")


def check_space(folder: Path, needed: int) -> None:
    """Refuse a download for which the disk has no space.

    Raises:
        ShowtellError: less than `needed` bytes and a small reserve are free on the disk of `folder`.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if needed > 0 and free < needed + _RESERVE:
        raise ShowtellError(
            f"{folder}: {megabytes(needed)} and a reserve of {megabytes(_RESERVE)} are needed, "
            f"{megabytes(free)} are free: make room or choose another disk"
        )


def _content_range(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """First byte and whole size from `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`; -1 without a first byte."""
    found = re.fullmatch(r"bytes (?:(\d{1,18})-\d{1,18}|\*)/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    if not found:
        return -1, None
    return int(found[1]) if found[1] else -1, int(found[2]) if found[2] != "*" else None


def _validator(response: http.client.HTTPResponse) -> str:
    """The value for If-Range: a strong ETag, else a modification date that is strong; empty if there is neither."""
    tag = str(response.headers.get("ETag", ""))
    if tag.startswith('"'):
        return tag
    modified = str(response.headers.get("Last-Modified", ""))
    try:  # RFC 9110, 8.8.2.2: within the second of the answer the file might have changed twice
        age = parsedate_to_datetime(str(response.headers.get("Date"))) - parsedate_to_datetime(modified)
    except (TypeError, ValueError):
        return ""
    return modified if age >= timedelta(seconds=1) else ""
