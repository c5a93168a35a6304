"""Writes files so that no finished work is lost and no partial file is taken for a whole one; reads and checks files.

An output is written to a temporary file beside it, flushed to disk and renamed. The writing process holds a lock on the
temporary file. The operating system releases the lock however the process ends, so a leftover of a killed process can
be distinguished from a file that another process is writing.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from showtell.errors import InputError, OutputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")

LOCK = ".lock"
"""Name of the lock file in a folder, and the end of the names of others; the run that works there holds it."""

_LONGEST_NAME = 255  # bytes, on nearly every file system


class _Output(io.FileIO):
    """A temporary file whose errors name the final path."""

    def __init__(self, file: int | Path, path: Path) -> None:
        super().__init__(file, "wb")
        self._path = path

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError as error:
            raise OutputError(self._path, error) from error


@contextlib.contextmanager
def write_beside(path: Path, *, alone: bool = False, growing: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` for writing bytes; on success flush it to disk and rename it to `path`.

    Readers see the old file or the whole new one, never a part. If the block raises, the temporary file is removed and
    `path` is unchanged. If `path` is a link, the link stays and its target is replaced. Anything that is not a regular
    file, such as `/dev/stdout` or a pipe, is written directly.

    Arguments:
        path: the output; missing parent folders are made.
        alone: no other process writes to `path`. The temporary file then has the same name every time, and a killed
            process's leftover is overwritten.
        growing: name the temporary file `NAME.partial`, which people may watch and which stays if the block raises.
            Only one process at a time can write it.

    Raises:
        OutputError: the file cannot be written.
        InputError: `growing` is set, and another process is writing the file.
    """
    if _is_device(path):
        with _reported(path), io.BufferedWriter(_Output(path, path)) as device:
            yield device
        return
    target = Path(os.path.realpath(path))
    with _reported(path):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(target, alone, growing)
        if not (alone or growing):
            remove_unfinished(target.parent, target.name)
        descriptor = _open_held(beside)
        if descriptor is None:
            raise InputError(f"{path}: another run is writing it ({beside.name}): wait until it has ended, or stop it")
        os.truncate(descriptor, 0)
        file = io.BufferedWriter(_Output(descriptor, path))
    done = False
    try:
        yield file
        with _reported(path):
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(OSError):  # a file that is replaced stays as private as it was
                os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
            if sys.platform == "win32":
                file.close()  # or it could not be renamed
            os.replace(beside, target)
        done = True
    finally:
        _close(file)
        if not done and not growing:
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, alone: bool = False) -> None:
    """Write `data` to `path` through `write_beside`."""
    with write_beside(path, alone=alone) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented UTF-8 JSON through `write_beside`."""
    write_bytes(path, json_bytes(value))


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove the temporary files that killed processes left in `folder`, of the output `name` or of all (`*`)."""
    ours = re.compile(r"\..+\.[0-9]+\.partial")
    for leftover in folder.glob(f".{_escaped(name)}.*.partial"):
        if ours.fullmatch(leftover.name) and not _is_held(leftover):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def held(folder: Path, file: str = "") -> Iterator[None]:
    """Hold the lock of a folder while the block runs, so that a second run stops before it does any harm.

    The lock is the file `.lock`, which contains the process id for people to read. It is removed at the end, and so is
    the folder if it was made for the lock and is still empty. A lock that a killed process left is taken over.

    Arguments:
        folder: made if missing.
        file: hold only this file of the folder; its lock is `FILE.lock`.

    Raises:
        InputError: another process holds the lock.
        OutputError: the lock file cannot be written.
    """
    lock = folder / f"{file}{LOCK}"
    made = not folder.exists()
    with _reported(folder / file):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _open_held(lock)
        if descriptor is None:
            work = "is writing it" if file else "is at work there"
            raise InputError(f"{folder / file}: another run{_process_in(lock)} {work}: wait until it has ended")
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            if made:
                folder.rmdir()


def _process_in(lock: Path) -> str:
    try:
        number = lock.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (process {number})" if number.isdigit() else ""


def _open_held(path: Path) -> int | None:
    """Open the file, which is made if missing, and lock it; None if another process holds the lock."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        if not _lock(file):
            os.close(file)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        os.close(file)  # its holder removed it between our opening and our locking it


def _lock(file: int) -> bool:
    """Lock an open file until it is closed or the process ends; False if another process holds the lock.

    True on file systems that do not support locks.
    """
    try:
        if sys.platform == "win32":
            os.lseek(file, 1 << 30, os.SEEK_SET)  # a byte that nobody writes: others may still read the file
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def _is_held(path: Path) -> bool:
    """Whether a live process is writing the file; True if that cannot be known."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _lock(file)
    finally:
        os.close(file)


def _close(file: IO[bytes]) -> None:
    """Close; ignore errors of data that already failed to be written."""
    with contextlib.suppress(OSError, OutputError):
        file.close()


@contextlib.contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(path, error) from error


def _is_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _beside(target: Path, alone: bool, growing: bool) -> Path:
    end = ".partial" if alone or growing else f".{os.getpid()}.partial"
    name = f"{'' if growing else '.'}{target.name}{end}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{sha256_of(os.fsencode(target.name))[:32]}{end}"
    return target.with_name(name)


def _escaped(name: str) -> str:
    return name if name == "*" else re.sub(r"([*?\[])", r"[\1]", name)


def csv_cell(text: str | None) -> str | None:
    """Text as a CSV cell that no spreadsheet runs as a formula.

    Text that begins with one of `=+-@`, a tab or a line break gets an apostrophe in front, and so does text with
    apostrophes before one of these. `csv_text` removes one apostrophe, so every text survives the round trip.
    """
    return f"'{text}" if text and _FORMULA.match(text) else text


def csv_text(cell: str) -> str:
    """The text of a cell that `csv_cell` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def json_bytes(value: Any) -> bytes:
    """`value` as indented UTF-8 JSON with a final newline: the same value always gives the same bytes."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """The JSON value in the file `path`; an `InputError` that names the file and line where it is not JSON."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}), so not JSON") from error
    return parse_json(text, str(path))


def parse_json(text: str, where: str) -> Any:
    """The JSON value in `text`; an `InputError` that names `where` and the line where it is not JSON."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise InputError(f"{where}: JSON that is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}: not JSON ({error.msg})") from error


def sha256_of(data: bytes | bytearray | memoryview) -> str:
    """Hexadecimal SHA-256 of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
