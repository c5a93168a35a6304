"""A path, bytes, an open file, an array or a PIL image -> the bytes of a picture file, or an image."""

import os
import stat
from os import PathLike
from typing import Any

from PIL import Image

from showtell.errors import PictureError, one_line
from showtell.images import arrays

MAX_BYTES = 512 << 20
"""Bytes of the largest file that is read as a picture."""


def read_file(path: str | PathLike[str], limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file; pipes and devices are refused at once.

    Raises:
        PictureError: it cannot be read, is not a regular file, or has more than `limit` bytes.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait forever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise PictureError("cannot be read (Is a directory)")
            if not stat.S_ISREG(status.st_mode):
                raise PictureError("not a regular file")
            if reason := too_large(status.st_size, limit):
                raise PictureError(reason)
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise PictureError(f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def too_large(size: int, limit: int = MAX_BYTES) -> str:
    """Why a file of `size` bytes is too large; empty if it is not."""
    return f"{-(-size >> 20):,} MiB are too many for one picture (limit {limit >> 20:,})" if size > limit else ""


def source_of(picture: Any) -> bytes | Image.Image:
    """The bytes of a picture file, or an image that is decoded already.

    Raises:
        PictureError: it cannot be read, or is not something that can be a picture.
    """
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, (str, PathLike)):
        return read_file(picture)
    if callable(getattr(picture, "read", None)):
        return _read_open(picture)
    if arrays.is_array(picture):
        return arrays.image_of(picture)
    what = "None" if picture is None else f"a value of type {type(picture).__name__}"
    raise PictureError(f"{what} is no picture: give a path, bytes, an open file, a PIL image or an array")


def _read_open(file: Any) -> bytes:
    """The rest of an open file. If there is none, all of it, because it may have just been written."""
    try:
        data = file.read(MAX_BYTES + 1)
        if not data and file.seekable():
            file.seek(0)
            data = file.read(MAX_BYTES + 1)
    except Exception as error:  # closed, not open for reading, or whatever a foreign file class raises
        raise PictureError(f"the open file cannot be read ({one_line(error, 200)})") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PictureError("the file is open for text: open it with mode 'rb'")
    if reason := too_large(len(data)):
        raise PictureError(reason)
    return bytes(data)
