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
def watch(description: str, known: Callable[[], tuple[int | None, int]], show: bool) -> Iterator[Callable[[str], None]]:
    """A `meter` that looks for itself: `known` gives the total and how many bytes are here by now.

    Yields what makes it look, and takes a note. Where the total has changed, as when a server tells it, the bar begins
    anew.
    """
    total: int | None = None
    shown = 0
    tick: Tick | None = None
    with contextlib.ExitStack() as stack:

        def look(note: str = "") -> None:
            nonlocal total, shown, tick
            goal, done = known()
            if tick is None or goal != total:
                stack.close()
                total, shown, tick = goal, done, stack.enter_context(meter(description, goal, done, show))
            tick(done - shown, note)
            shown = done

        yield look
