"""Progress: a live bar on a terminal, a line now and then elsewhere, by the logger `showtell`.

The library prints nothing by itself: its lines are records of that logger, of level INFO, which other programs
configure as any. `show_progress` is what the command line calls: it writes them to stderr, and draws bars on terminals.
"""

import contextlib
import logging
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from showtell.errors import shown

Tick: TypeAlias = Callable[..., None]
"""`tick(n=1, note="")`: n more items are done; the note is shown at the end of the bar."""

LOG = logging.getLogger("showtell")
LOG.addHandler(logging.NullHandler())

_SECONDS_BETWEEN_LINES = 30.0


class _ToStderr(logging.Handler):
    """Writes the lines as they are to whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        print(shown(record.getMessage()), file=sys.stderr, flush=True)


_TO_STDERR = _ToStderr()


def show_progress(on: bool = True) -> None:
    """Show the library's progress and lines on stderr, as the command line does; `on=False` ends that."""
    LOG.removeHandler(_TO_STDERR)
    if on:
        LOG.addHandler(_TO_STDERR)
    LOG.setLevel(logging.INFO if on else logging.NOTSET)


def log_line(line: str) -> None:
    """A line for people, such as the figures of an epoch, as a record of the logger."""
    LOG.info("%s", line)


@contextlib.contextmanager
def bar(description: str, total: int | None, unit: str, *, done: int = 0, show: bool = True) -> Iterator[Tick]:
    """Show progress while the block runs.

    Arguments:
        description: what is being done.
        total: the number of items, None if unknown.
        unit: the plural noun of the items, for the rate.
        done: items done before; they count for the bar, not for the rate.
        show: False makes every tick silent.

    Nothing is shown unless the logger `showtell` is enabled for INFO.
    """
    if not (show and LOG.isEnabledFor(logging.INFO)):
        yield lambda n=1, note="": None
    elif _TO_STDERR in LOG.handlers and sys.stderr.isatty():
        with _live_bar(description, total, unit, done) as tick:
            yield tick
    else:
        yield _Lines(description, total, unit, done)


@contextlib.contextmanager
def _live_bar(description: str, total: int | None, unit: str, done: int) -> Iterator[Tick]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),  # file names may hold brackets
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(shown(description), total=total, completed=done, rate="", note="")
        count = 0

        def tick(n: int = 1, note: str = "") -> None:
            nonlocal count
            count += n
            rate = count / max(time.monotonic() - began, 1e-9)
            progress.update(task, advance=n, rate=f"{rate:.1f} {unit}/s", note=shown(note))

        yield tick


class _Lines:
    def __init__(self, description: str, total: int | None, unit: str, done: int) -> None:
        self.description, self.total, self.unit, self.before = description, total, unit, done
        self.count = 0
        self.began = self.spoke = time.monotonic()

    def __call__(self, n: int = 1, note: str = "") -> None:
        self.count += n
        now = time.monotonic()
        at_end = self.total is not None and self.before + self.count >= self.total and n > 0
        if not at_end and now - self.spoke < _SECONDS_BETWEEN_LINES:
            return
        self.spoke = now
        rate = self.count / max(now - self.began, 1e-9)
        line = f"{self.description}: {self.before + self.count}"
        if self.total is not None:
            line += f"/{self.total}"
        line += f" {self.unit}, {rate:.1f}/s"
        if self.total is not None and not at_end and rate > 0:
            line += f", {(self.total - self.before - self.count) / rate:.0f} s left"
        log_line(f"{line} {note}".rstrip())


def say(line: str, *, to_errors: bool = False) -> None:
    """Print a line for people on stdout, or on stderr; on a terminal it is wrapped between words."""
    line, stream = shown(line), sys.stderr if to_errors else sys.stdout
    if stream.isatty():
        width = max(shutil.get_terminal_size().columns, 20)
        line = textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    print(line, file=stream, flush=True)


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 picture`, `2,000 pictures`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def megabytes(count: int) -> str:
    """A number of bytes in the units that disks are sold by: 13.5 GB, 2.3 MB, 640 kB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1000:.0f} kB"


@contextlib.contextmanager
def meter(description: str, total: int | None, done: int, show: bool) -> Iterator[Tick]:
    """A progress bar that counts bytes and shows whole megabytes, or kilobytes for small totals.

    Arguments:
        description: what is being done.
        total: bytes in all, None if unknown.
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
    """A `meter` that polls `known`, which returns the total number of bytes and how many have arrived.

    Yields a function that polls and takes a note. If the total changes, for example because a server reports it, the
    bar starts again.
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
