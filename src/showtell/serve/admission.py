"""Counts the work in progress: pictures that wait for captions, and bytes of uploads in memory."""

import contextlib
from collections.abc import Iterator

from showtell.serve.http_errors import Busy
from showtell.serve.limits import Limits


class Admission:
    """Counts the work in progress and refuses what would exceed the limits. It has no lock, as only the event loop uses
    it.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.pictures = 0
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether not even one more picture would be accepted."""
        return self.pictures >= self.limits.waiting

    @contextlib.contextmanager
    def accepted(self, pictures: int) -> Iterator[None]:
        """Count `pictures` as in progress while the block runs; raise `Busy` if they are too many."""
        if self.pictures + pictures > self.limits.waiting:
            raise Busy
        self.pictures += pictures
        try:
            yield
        finally:
            self.pictures -= pictures

    @contextlib.contextmanager
    def holding(self) -> Iterator["Held"]:
        """Count the bytes of one upload while the block runs."""
        held = Held(self)
        try:
            yield held
        finally:
            self.bytes -= held.bytes


class Held:
    """The bytes of one upload."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.bytes = 0

    def add(self, count: int) -> None:
        """Add `count` bytes; raise `Busy` if all uploads together are too large."""
        if self._admission.bytes + count > self._admission.limits.held_bytes:
            raise Busy
        self._admission.bytes += count
        self.bytes += count
