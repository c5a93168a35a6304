"""Writing and reading files so that nothing finished is ever lost: beside, flushed, then renamed into place."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from showtell.errors import InputError


@contextlib.contextmanager
def write_beside(path: Path, *, alone: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` for bytes; on success flush it to disk and rename it to `path`.

    A reader sees the old file or the whole new one, never a part. When the block raises, the temporary file is removed
    and `path` stays as it was. Where the caller is `alone`, no other process writing to `path`, the temporary file has
    the same name every time, so that what a killed process left is gone once the work is done again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial" if alone else f".{path.name}.{os.getpid()}.partial")
    try:
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, alone: bool = False) -> None:
    """Write `data` to `path` through `write_beside`."""
    with write_beside(path, alone=alone) as file:
        file.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented UTF-8 JSON through `write_beside`."""
    write_bytes(path, json_bytes(value))


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
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}: not JSON ({error.msg})") from error


def sha256_of(data: bytes | bytearray | memoryview) -> str:
    """Hexadecimal SHA-256 of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
