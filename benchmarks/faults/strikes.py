"""What strikes a command, and what must hold afterwards.

Every trial has a place of its own with a copy of the inputs. A command begins there, is struck at a random point of the
time that an unbroken run takes, and what it left is checked; then the same command runs again and must come to the
results of the unbroken run, with nothing unfinished left.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from faults.commands import Command
from faults.processes import FREE, Bounds, Ended, Process
from faults.server import SlowServer
from faults.wholeness import unfinished
from showtell.errors import ShowtellError

_BLOCK = 4096  # bytes of a block of a file system in memory
_LARGE = 256 << 20


@dataclass(slots=True)
class Trials:
    """Trials of one strike on one command: how many, how many met it at work, after how many something was `wrong`, and
    what."""

    count: int = 0
    at_work: int = 0
    wrong: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Subject:
    """A command with its inputs, the results of an unbroken run, and the seconds that it took."""

    command: Command
    inputs: Path
    work: Path
    unbroken: Mapping[str, Any]
    seconds: float
    server: SlowServer

    def begin(self, place: Path, bounds: Bounds = FREE) -> Process:
        """Begin the command in a place."""
        return Process(self.command.line(place), self.command.data_sets, bounds)

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        """A place with the inputs. It has the same name every time, as results have paths in them."""
        place = self.work / "place"
        shutil.copytree(self.inputs, place / "in")
        (place / "out").mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def point(self, rng: random.Random) -> float:
        """A random point in the time of a run."""
        return rng.uniform(0, self.seconds)

    def wrong_now(self, place: Path) -> list[str]:
        """What is not whole, or not that of the unbroken run."""
        found = self.command.results(place)
        wrong = [f"{name} is not that of the unbroken run" for name in self.command.strange(found, self.unbroken)]
        return wrong + self.cannot_be_opened(place)

    def cannot_be_opened(self, place: Path) -> list[str]:
        """What is damaged."""
        try:
            self.command.open(place)
        except (ShowtellError, OSError, ValueError, KeyError) as error:
            return [f"damaged: {type(error).__name__}: {error}"]
        return []

    def wrong_at_the_end(self, place: Path) -> list[str]:
        """What is wrong after the same command was given again."""
        ended = self.begin(place).wait()
        if ended.code:
            return [f"given again: exit code {ended.code}: {ended.last_line}"]
        return _differing(self.command.results(place), self.unbroken)


Strike: TypeAlias = Callable[[Subject, random.Random], tuple[bool, list[str]]]
"""One trial: whether it met the command at work, and what was wrong."""


def first_run(command: Command, inputs: Path, work: Path, server: SlowServer) -> Subject:
    """Run a command unbroken, twice, and see that it gives the same results."""
    subject = Subject(command, inputs, work, {}, 0.0, server)
    found, seconds = [], []
    for _ in range(2):
        with subject.place() as place:
            ended = subject.begin(place).wait()
            if ended.code:
                raise SystemExit(f"{command.name}: {ended.said}")
            found.append(command.results(place))
            seconds.append(ended.seconds)
            assert subject.cannot_be_opened(place) == []
    assert found[0] == found[1], f"{command.name}: unbroken runs differ"
    return replace(subject, unbroken=found[0], seconds=min(seconds))


def killed(subject: Subject, rng: random.Random, number: int = signal.SIGKILL) -> tuple[bool, list[str]]:
    """By SIGKILL, or another signal that ends a process at once."""
    with subject.place() as place:
        process = subject.begin(place)
        met = process.strike(number, subject.point(rng))
        ended = process.wait()
        met = met and ended.code != 0  # else it was about to end
        wrong = [f"exit code {ended.code}: {ended.last_line}"] * (ended.code != (-number if met else 0))
        return met, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


def terminated(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """By SIGTERM, as systems do when they shut down."""
    return killed(subject, rng, signal.SIGTERM)


def interrupted(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """By Ctrl-C, and again a moment later."""
    with subject.place() as place:
        process = subject.begin(place)
        first = subject.point(rng)
        if met := process.strike(signal.SIGINT, first):
            process.strike(signal.SIGINT, first + rng.uniform(0, 0.2))
        ended = process.wait()
        wrong = _spoke_in_lines(ended) + [f"exit code {ended.code}"] * (ended.code not in (130, 0))
        if ended.code == 130 and (ended.said.count("interrupted") != 1 or ended.last_line != "showtell: interrupted"):
            wrong.append(f"said {ended.said!r}")
        return met, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


def on_a_full_disk(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """No file may grow over a random size, which is below that of the largest one."""
    sizes = [len(value) for value in subject.unbroken.values() if isinstance(value, bytes)]
    with subject.place() as place:
        ended = subject.begin(place, Bounds(file_size=rng.randrange(max(sizes)))).wait()
        wrong = _spoke_in_lines(ended)
        if ended.code and "make room" not in ended.said:
            wrong.append(f"exit code {ended.code}: {ended.last_line}")
        return ended.code != 0, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


def on_a_small_disk(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """The outputs lie on a file system of their own, which is full before the run has ended."""
    needed = sum(_BLOCK * -(-len(value) // _BLOCK) for value in subject.unbroken.values() if isinstance(value, bytes))
    with subject.place() as place, _mounted(place / subject.command.output) as remount:
        remount(f"remount,size={_used(place / subject.command.output) + rng.randrange(max(needed, 2 * _BLOCK))}")
        ended = subject.begin(place).wait()
        wrong = _spoke_in_lines(ended)
        if ended.code and "make room" not in ended.said:
            wrong.append(f"exit code {ended.code}: {ended.last_line}")
        wrong += subject.wrong_now(place)
        remount(f"remount,size={_LARGE}")
        return ended.code != 0, wrong + subject.wrong_at_the_end(place)


def where_it_may_not_write(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """The folder of the outputs takes no files."""
    with subject.place() as place:
        folder = place / subject.command.output
        folder.chmod(0o555)
        ended = subject.begin(place, Bounds(ordinary=True)).wait()
        wrong = _refused(ended, str(place))
        folder.chmod(0o755)
        return True, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


def on_a_read_only_disk(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """The outputs lie on a file system that is mounted read-only."""
    with subject.place() as place, _mounted(place / subject.command.output) as remount:
        remount("remount,ro")
        wrong = _refused(subject.begin(place).wait(), str(place))
        remount("remount,rw")
        return True, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


def while_its_input_changes(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """A picture is replaced, cut, removed or added, captions are rewritten, or a server gets other bytes."""
    with subject.place() as place:
        process = subject.begin(place)
        met = process.strike(0, subject.point(rng))
        if subject.command.changes:
            rng.choice(subject.command.changes)(place, rng)
        else:
            subject.server.swap()
        ended = process.wait()
        subject.server.restore()
        wrong = _spoke_in_lines(ended)
        if not subject.command.changes:
            return met, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)
        wrong += subject.cannot_be_opened(place)
        again = subject.begin(place).wait()
        return met, wrong + _spoke_in_lines(again) + _wrong_over_new_inputs(subject, place)


def _wrong_over_new_inputs(subject: Subject, place: Path) -> list[str]:
    """A finished run opens; if it repeats, it is an unbroken run over the same inputs."""
    wrong = subject.cannot_be_opened(place)
    if not subject.command.repeats:
        return wrong
    found = subject.command.results(place)
    fresh = place.with_name("fresh")
    place.rename(fresh)
    with subject.place() as place:
        shutil.rmtree(place / "in")
        shutil.copytree(fresh / "in", place / "in", ignore=shutil.ignore_patterns("*.txt", ".showtell*"))
        subject.begin(place).wait()
        wanted = subject.command.results(place)
    fresh.rename(place)
    return wrong + _differing(found, wanted)


def twice_at_once(subject: Subject, rng: random.Random) -> tuple[bool, list[str]]:
    """A second run of the same command begins while the first one is at work."""
    with subject.place() as place:
        first = subject.begin(place)
        first.strike(0, rng.uniform(0.2, 0.8) * subject.seconds)
        second = subject.begin(place).wait()
        met = first.running()
        one = first.wait()
        wrong = [f"exit codes {one.code} and {second.code}: {one.last_line} {second.last_line}"]
        told = [ended for ended in (one, second) if ended.code]
        if len(told) < 2 and all(ended.code == 2 and "another run" in ended.last_line for ended in told):
            wrong = []
        return met, wrong + subject.wrong_now(place) + subject.wrong_at_the_end(place)


STRIKES: dict[str, Strike] = {
    "kill -9": killed,
    "SIGTERM": terminated,
    "SIGINT twice": interrupted,
    "files of bounded size": on_a_full_disk,
    "full disk": on_a_small_disk,
    "folder not writable": where_it_may_not_write,
    "disk read-only": on_a_read_only_disk,
    "input changes": while_its_input_changes,
    "two runs": twice_at_once,
}
"""All strikes by the name in the table."""

NEED_A_MOUNT = {"full disk", "disk read-only"}


def can_mount() -> bool:
    """Whether this process may mount file systems."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with _mounted(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextlib.contextmanager
def _mounted(folder: Path) -> Iterator[Callable[[str], None]]:
    """Put a file system in memory in the place of a folder, with what is in it; what is yielded mounts it otherwise."""
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.copytree(folder, kept)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_LARGE}", "tmpfs", folder], check=True, capture_output=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield lambda options: _run("mount", "-o", options, folder)
    finally:
        _run("umount", folder)
        shutil.rmtree(kept)


def _run(*words: object) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


def _used(folder: Path) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _spoke_in_lines(ended: Ended) -> list[str]:
    """No traceback, and errors in one line; alt-text lists pictures that it cannot read on standard output."""
    silent = ended.code not in (0, 1) and not ended.said.strip()
    if "Traceback" in ended.said or silent or ended.code not in (0, 1, 2, 130):
        return [f"exit code {ended.code}, and said {ended.said[-2000:]!r}"]
    return []


def _refused(ended: Ended, place: str) -> list[str]:
    wrong = _spoke_in_lines(ended)
    if ended.code not in (1, 2) or place not in ended.said or "cannot be" not in ended.said:
        wrong.append(f"exit code {ended.code}: {ended.last_line}")
    return wrong


def _differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    wrong = [f"left behind: {name}" for name in unfinished(found)]
    names = (name for name in sorted(found.keys() | wanted.keys()) if not unfinished([name]))
    return wrong + [f"{name} differs" for name in names if found.get(name) != wanted.get(name)]
