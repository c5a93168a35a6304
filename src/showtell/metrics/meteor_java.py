"""Tokenized captions and references -> the counts of METEOR's Java program.

Requests, answers and error output go through files, so no pipe can fill up or break, and a program that stops answering
is ended. The program is the jar of METEOR 1.5 in the package pycocoevalcap (extra `java`).
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from showtell.errors import InputError, MissingExtra, ShowtellError
from showtell.metrics.inputs import Tokens
from showtell.metrics.result import Floats

COUNTS = 23  # numbers in an answer
_SEPARATOR = " ||| "
_SECONDS_BETWEEN_LOOKS = 0.1

Pair = tuple[Tokens, Sequence[Tokens]]


@dataclass(frozen=True, slots=True)
class JavaOptions:
    """How to run the program."""

    program: str = "java"
    """Name or path of the Java runtime."""
    memory: str = "2G"
    """The largest heap; METEOR's table of paraphrases takes most of it."""
    patience: float = 600.0
    """Seconds without an answer after which the program is ended. It needs about ten to start, and minutes on a busy
    machine.
    """


def align(pairs: Sequence[Pair], options: JavaOptions, progress: Callable[[int], None] | None = None) -> Floats:
    """Align hypotheses with their references, and return what METEOR counts.

    Args:
        pairs: (hypothesis, references), tokenized, shape `(B,)`.
        options: how to run the program.
        progress: called with the number of pairs done since the last call.

    Returns:
        float64 `(B, 23)`, see `showtell.metrics.meteor.meteor_of`.

    Raises:
        InputError: there is no Java.
        MissingExtra: pycocoevalcap is not installed.
        ShowtellError: the program failed, stopped answering or answered something else.
    """
    command = _command(options)
    with tempfile.TemporaryDirectory(prefix="meteor-") as folder:
        answers, complaints = Path(folder, "answers"), Path(folder, "complaints")
        Path(folder, "requests").write_text("".join(map(_request, pairs)), "utf-8")
        with (
            open(Path(folder, "requests"), "rb") as stdin,
            open(answers, "wb") as stdout,
            open(complaints, "wb") as stderr,
            subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr) as process,
        ):
            try:
                code = _wait(process, answers, options.patience, progress)
            except TimeoutError:
                raise _failure(f"gave no answer for {options.patience:g} s", answers, len(pairs), complaints) from None
            finally:
                process.kill()
        if code:
            raise _failure(f"ended with exit code {code}", answers, len(pairs), complaints)
        return _counts(answers, len(pairs), complaints)


def _command(options: JavaOptions) -> list[str]:
    package = find_spec("pycocoevalcap")
    if package is None or not package.submodule_search_locations:
        raise MissingExtra("METEOR", "java")
    jar = Path(package.submodule_search_locations[0], "meteor", "meteor-1.5.jar")
    for needed in (jar, jar.parent / "data" / "paraphrase-en.gz"):
        if not needed.is_file():
            raise InputError(f"{needed}: does not exist: install pycocoevalcap again")
    java = shutil.which(options.program)
    if java is None:
        raise InputError(f"METEOR needs Java, and there is no {options.program!r} here: install it or leave METEOR out")
    # UTF-8 whatever the locale; the other settings are pycocoevalcap's.
    settings = ["-", "-", "-stdio", "-l", "en", "-norm"]
    return [java, f"-Xmx{options.memory}", "-Dfile.encoding=UTF-8", "-jar", str(jar), *settings]


def _request(pair: Pair) -> str:
    hypothesis, references = pair
    # As in pycocoevalcap: a separator inside a hypothesis would count as another reference.
    text = _text(hypothesis).replace("|||", "").replace("  ", " ")
    return _SEPARATOR.join(["SCORE", *map(_text, references), text]) + "\n"


def _text(tokens: Iterable[object]) -> str:
    return " ".join(map(str, tokens))


def _wait(
    process: "subprocess.Popen[bytes]", answers: Path, patience: float, progress: Callable[[int], None] | None
) -> int:
    """The exit code; a `TimeoutError` if no new answer comes for `patience` seconds."""
    size, heard = 0, time.monotonic()
    with open(answers, "rb") as file:
        while True:
            try:
                code: int | None = process.wait(_SECONDS_BETWEEN_LOOKS)
            except subprocess.TimeoutExpired:
                code = None
            new = file.read()
            if new:
                size, heard = size + len(new), time.monotonic()
                if progress:
                    progress(new.count(b"\n"))
            if code is not None:
                return code
            if time.monotonic() - heard > patience:
                raise TimeoutError


def _counts(answers: Path, expected: int, complaints: Path) -> Floats:
    lines = answers.read_text("utf-8", "replace").splitlines()
    try:
        counts = np.array([[float(number) for number in line.split()] for line in lines])
    except ValueError:
        counts = np.empty(0)
    if counts.shape != (expected, COUNTS):
        raise _failure("answered something else than its counts", answers, expected, complaints)
    return counts


def _failure(what: str, answers: Path, expected: int, complaints: Path) -> ShowtellError:
    """An error that reports how many answers there were and the program's last error output."""
    lines = answers.read_text("utf-8", "replace").splitlines()
    messages = [*complaints.read_text("utf-8", "replace").splitlines(), *lines[-1:]]
    reason = next((line.strip() for line in messages if line.strip()), "nothing")
    return ShowtellError(
        f"METEOR's Java program {what}, after {len(lines)} of {expected} captions; it says: {reason:.200}"
    )
