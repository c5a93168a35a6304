"""Progress for a person to see: a live bar on a terminal, a line now and then elsewhere. Written to stderr."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

Tick: TypeAlias = Callable[..., None]
"""`tick(n=1, note="")`: n more are done; the note stands at the end of the bar."""

_SECONDS_BETWEEN_LINES = 30.0


@contextlib.contextmanager
def bar(description: str, total: int | None, unit: str, *, done: int = 0, show: bool = True) -> Iterator[Tick]:
    """Show progress while the block runs.

    Arguments:
        description: what is being done.
        total: how many there will be, None where that is not known.
        unit: the plural noun of what is counted, for the rate.
        done: how many were done before; they count for the bar, not for the rate.
        show: False makes every tick silent.
    """
    if not show:
        yield lambda n=1, note="": None
    elif sys.stderr.isatty():
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
        task = progress.add_task(description, total=total, completed=done, rate="", note="")
        count = 0

        def tick(n: int = 1, note: str = "") -> None:
            nonlocal count
            count += n
            rate = count / max(time.monotonic() - began, 1e-9)
            progress.update(task, advance=n, rate=f"{rate:.1f} {unit}/s", note=note)

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
        print(f"{line} {note}".rstrip(), file=sys.stderr, flush=True)
