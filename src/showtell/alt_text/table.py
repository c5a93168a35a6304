"""Texts of a whole tree in one table (see `showtell.captioning.output`), a row for each picture,
in the order of their paths.

A row has the picture's name and either its caption or the error that it could not be read with. A caption of less
confidence than was asked for is the row's `guess`, and its `caption` is left out.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from showtell.alt_text.journal import Journal
from showtell.captioning.caption import Captioned
from showtell.captioning.output.registry import Layout, find_output_format
from showtell.captioning.output.row import ALT_TEXT
from showtell.captioning.output.writing import writing_to
from showtell.errors import InputError
from showtell.files import sha256_file, write_beside

_LAYOUT = Layout(columns=ALT_TEXT, exact=True)


class Table:
    """One file that a run fills."""

    def __init__(self, path: Path, format: str, journal: Journal, *, overwrite: bool) -> None:
        """See whether the table may be written.

        Raises:
            InputError: there is another file at `path`, or a table that was changed since a run of this journal wrote
                it, and it is not to be overwritten.
            MissingExtra: Parquet is asked for, and pyarrow is not there.
        """
        self.path, self.journal = path, journal
        self._format = find_output_format(format)
        self._before = sha256_file(path) if path.is_file() else None
        if path.exists() and self._before is None:
            raise InputError(f"{path}: not a file: choose another --output")
        if self._before and not overwrite and not journal.wrote(self._before):
            raise InputError(
                f"{path}: was changed, or written by something else, since Showtell wrote it: "
                "move it away, choose another --output, or give --overwrite-others"
            )

    def write(self, results: Iterable[Captioned]) -> bool:
        """Write the results, unless the file holds just these already; returns whether it was written."""
        candidate = self.path.with_name(f".{self.path.name}.new")
        try:
            with write_beside(candidate, alone=True) as file, writing_to(file, self._format, _LAYOUT) as write:
                for result in results:
                    write(result)
            sha256 = sha256_file(candidate)
            if sha256 == self._before:
                return False
            self.journal.note_table(sha256)
            os.replace(candidate, self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from error
        finally:
            candidate.unlink(missing_ok=True)
        return True
