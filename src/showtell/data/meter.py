"""Bytes for people: as words, and on a progress bar."""

import contextlib
from collections.abc import Callable, Iterator

from showtell.progress import Tick, bar


def megabytes(count: int) -> str:
    """A number of bytes in the units that disks are sold by: 13.5 GB, 2.3 MB, 640 kB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1000:.0f} kB"


@contextlib.contextmanager
def meter(description: str, total: int | None, done: int, show: bool) -> Iterator[Tick]:
    """A progress bar that is told bytes, and shows whole megabytes, or kilobytes of what is small.

    Arguments:
        description: what is being done.
        total: bytes in all, None where that is not known.
        done: bytes that were there before.
        show: False makes it silent.
    """
    unit, name = (10**6, "MB") if total is None or total >= 10**7 else (1000, "kB")
    seen = done

    def units() -> int:
        return -(-seen // unit) if seen == total else seen // unit  # the last piece fills the bar

    whole = None if total is None else -(-total // unit)
    with bar(description, whole, name, done=units(), show=show) as tick:

        def count(n: int = 1, note: str = "") -> None:
            nonlocal seen
            before = units()
            seen += n
            if units() != before or note:
                tick(units() - before, note)

        yield count


@contextlib.contextmanager
def late_meter(description: str, known: Callable[[], tuple[int | None, int]], show: bool) -> Iterator[Tick]:
    """As `meter`, for a total that a server has yet to tell: `known` gives total and done at the first tick."""
    with contextlib.ExitStack() as stack:
        tick: Tick | None = None

        def count(n: int = 1, note: str = "") -> None:
            nonlocal tick
            if tick is None:
                tick = stack.enter_context(meter(description, *known(), show))
            tick(n, note)

        yield count
