"""`scheme://...` -> files on other file systems: S3, Google Cloud Storage and HDFS through pyarrow, others through
fsspec.

The path after the host is used literally, not percent-decoded. Settings of a file system may follow a question mark, as
in pyarrow: `s3://bucket/shard.tar?region=eu-west-1`.
"""

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any

from showtell.errors import InputError, MissingExtra, one_line

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/?]*)/?(.*?)(\?\w+=[^/]*)?", re.DOTALL)
_BUFFER = 1 << 18  # bytes requested from a file system at once


def is_remote(text: str) -> bool:
    """Whether `text` is of the form `scheme://...`."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text))


@dataclass(frozen=True, slots=True)
class Remote:
    """A file or folder by its address. Names shared with `pathlib.Path` have the same meaning."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self._split()[1]).name

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    def beside(self, path: str) -> "Remote":
        """The file at `path`, relative to this file's folder."""
        base, here, settings = self._split()
        return Remote(f"{base}/{PurePosixPath(here).parent / path}{settings}")

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the file for seekable, buffered reading.

        Raises:
            InputError: it cannot be opened, or no installed package reads such addresses.
        """
        return io.BufferedReader(self.native(), _BUFFER)

    def native(self) -> Any:
        """Open the file as a pyarrow file; errors as for `open`."""
        system, path = self._place()
        try:
            return system.open_input_file(path)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise self._unreadable(error) from error

    def size(self) -> int | None:
        """The file's size in bytes; None if the file system does not say.

        Raises:
            InputError: there is no such file.
        """
        info = self._info()
        from pyarrow.fs import FileType

        if info.type != FileType.File:
            raise InputError(
                f"{self.uri}: {'not a file' if info.type == FileType.Directory else 'there is no such file'}"
            )
        size: int | None = info.size
        return size

    def is_dir(self) -> bool:
        """Whether it is a folder; errors as for `open`."""
        info = self._info()
        from pyarrow.fs import FileType

        return bool(info.type == FileType.Directory)

    def files(self) -> list[tuple[str, "Remote"]]:
        """(relative path, file) of every file in a folder and below it, sorted by path; errors as for `open`."""
        system, path = self._place()
        from pyarrow.fs import FileSelector, FileType

        base, here, settings = self._split()
        try:
            listed = system.get_file_info(FileSelector(path, recursive=True))
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        before = len(path.rstrip("/")) + 1
        below = sorted(one.path[before:] for one in listed if one.type == FileType.File)
        top = f"{base}/{here.rstrip('/')}".rstrip("/")
        return [(name, Remote(f"{top}/{name}{settings}")) for name in below]

    def _info(self) -> Any:
        system, path = self._place()
        try:
            return system.get_file_info([path])[0]
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _split(self) -> tuple[str, str, str]:
        found = _URI.fullmatch(self.uri)
        if not found:
            raise InputError(f"{self.uri}: not an address: write scheme://host/path")
        return f"{found[1]}://{found[2]}", found[3], found[4] or ""

    def _place(self) -> tuple[Any, str]:
        base, path, settings = self._split()
        try:
            system, root = _file_system(base, settings)
        except ImportError as error:
            if "pyarrow" in str(error):
                raise MissingExtra(f"{self.uri}: reading it", "remote") from error
            reason = one_line(error, 200)
            advice = "pip install 'showtell[remote]' and the package of that file system"
            raise InputError(f"{self.uri}: cannot be read ({reason}): {advice}") from error
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return system, f"{root.rstrip('/')}/{path}" if root or base.endswith("://") else path

    def _unreadable(self, error: Exception) -> InputError:
        if isinstance(error, FileNotFoundError):
            return InputError(f"{self.uri}: cannot be read (there is no such file)")
        return InputError(f"{self.uri}: cannot be read ({one_line(getattr(error, 'strerror', None) or error, 200)})")


@lru_cache(maxsize=64)
def _file_system(base: str, settings: str) -> tuple[Any, str]:
    """The pyarrow file system for addresses that begin with `base`, and the path of such an address in it."""
    import pyarrow as pa
    from pyarrow import fs

    try:
        found: tuple[Any, str] = fs.FileSystem.from_uri(
            f"{base}/{settings}" if base.endswith("://") else base + settings
        )
        return found
    except pa.ArrowInvalid:  # a scheme that pyarrow does not know
        import fsspec

        system, root = fsspec.core.url_to_fs(base)
        return fs.PyFileSystem(fs.FSSpecHandler(system)), root
