"""A bound on the bytes that threads hold at once, whatever the sizes of the pictures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ByteBudget:
    """A number of bytes that threads share. A request above the total waits until nobody holds any."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._held = 0
        self._freed = threading.Condition()

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Wait for `count` bytes and hold them while the block runs. A block must not hold twice."""
        with self._freed:
            self._freed.wait_for(lambda: self._held == 0 or self._held + count <= self.total)
            self._held += count
        try:
            yield
        finally:
            with self._freed:
                self._held -= count
                self._freed.notify_all()
