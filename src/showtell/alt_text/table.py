"""The alt texts of a whole tree in one table (see `showtell.captioning.output`): a row for each picture, in the order
of the paths.

A row has the picture's name and either its caption or the error that says why it cannot be read. If the confidence is
below the minimum, the sentence is the row's `guess` and its `caption` is left out.
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
    """The table that a run writes."""

    def __init__(self, path: Path, format: str, journal: Journal, *, overwrite: bool) -> None:
        """Check that the table may be written.

        Raises:
            InputError: there is another file at `path`, or someone changed the table since a run with this journal
                wrote it, and `overwrite` is false.
            MissingExtra: the format is Parquet, and pyarrow is not installed.
        """
        self.path, self.journal = path, journal
        self._format = find_output_format(format)
        self._before = sha256_file(path) if path.is_file() else None
        if path.exists() and self._before is None:
            raise InputError(f"{path}: not a file: choose another --output")
        if self._before and not overwrite and not journal.wrote(self._before):
            raise InputError(
                f"{path}: was changed or written by something else: "
                "move it away, choose another --output, or give --overwrite-others"
            )

    def write(self, results: Iterable[Captioned]) -> bool:
        """Write the results unless the file already has them; return whether it was written."""
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
