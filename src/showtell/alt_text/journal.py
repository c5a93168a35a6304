"""The journal: what is known about the pictures of a tree, in one SQLite file, so that no run repeats finished work.

A row holds a picture's size, time and SHA-256, its caption, and the SHA-256 of the text that was written beside it.
Rows are committed before their files are written. So wherever a run stops, the journal has every caption that was made,
and it can tell files that Showtell wrote from files that people wrote.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from showtell.data.sources.folder import PictureFile
from showtell.errors import InputError, ShowtellError
from showtell.files import sha256_of

FORMAT = 2
_ADDED = ("tags TEXT NOT NULL DEFAULT ''", "intended TEXT NOT NULL DEFAULT ''", "person TEXT")  # since format 1
_APPLICATION = 0x53686F77  # "Show": identifies our files in SQLite's header


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about one picture; `error` says why it has no `caption`.

    `content` is the SHA-256 of the picture file, `settings` the cache key of the model and the search options.
    `written` is the SHA-256 of the text file that was written last, `intended` that of the one that a run was about to
    write; empty if there was none. `tags` are the picture's tags (see `showtell.alt_text.doubt`). `person` is the text
    that a person chose on the review page: empty if the picture shall have none, None if nobody has decided.
    """

    size: int
    modified: int
    content: str
    settings: str
    caption: str = ""
    score: float = 0.0
    confidence: float | None = None
    unfamiliar: bool | None = None
    error: str = ""
    written: str = ""
    tags: str = ""
    intended: str = ""
    person: str | None = None

    @property
    def ours(self) -> frozenset[str]:
        """The SHA-256 of text files that Showtell wrote; a text that a person chose is none of ours."""
        if self.person is not None:
            return frozenset()
        return frozenset({self.written, self.intended, sha256_of(f"{self.caption}\n".encode())} - {""})

    def is_of(self, picture: PictureFile) -> bool:
        """Whether the picture file has not changed since then."""
        return (self.size, self.modified) == (picture.size, picture.modified)


_COLUMNS = tuple(field.name for field in fields(Entry))
_COLUMNS_OF_1 = _COLUMNS[: -len(_ADDED)]
_AS_ADDED = ("''", "''", "NULL")
_RUN = "CREATE TABLE run (number INTEGER PRIMARY KEY, value TEXT)"


class Journal:
    """A journal file; only one run at a time may have it open for writing."""

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        """Open the journal, or create one.

        Arguments:
            path: the file.
            reading: open read-only; a missing journal is empty.

        Raises:
            InputError: the file is not a journal, has another format, cannot be written, or another run has it open.
        """
        self.path = path
        self._left = path.with_name(f"{path.name}-journal").exists()  # by a run that was killed, perhaps without need
        try:
            if reading:
                _roll_back(path)
            exists = path.exists() or not reading
            self._old = False
            self._connect(f"{path.absolute().as_uri()}?mode={'ro' if reading else 'rwc'}" if exists else ":memory:")
            self._begin(reading and exists)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def get(self, name: str) -> Entry | None:
        """The entry of the picture with that name."""
        row = self._db.execute(f"SELECT {self._selected} FROM pictures WHERE name = ?", (name,)).fetchone()
        return row and _entry(row)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """All entries with the names of their pictures, in the order of the names."""
        for name, *row in self._db.execute(f"SELECT name, {self._selected} FROM pictures ORDER BY name"):
            yield name, _entry(tuple(row))

    def note_run(self, value: str) -> None:
        """Record how a run writes texts, for the review page."""
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO run VALUES (0, ?)", (value,))

    def last_run(self) -> str:
        """The value of the last `note_run`; empty if there is none."""
        row = self._db.execute("SELECT value FROM run").fetchone()
        return str(row[0]) if row else ""

    def with_content(self, content: str, settings: str) -> Entry | None:
        """An entry with the same picture bytes and settings, whatever the picture's name."""
        row = self._db.execute(
            f"SELECT {self._selected} FROM pictures WHERE content = ? AND settings = ? LIMIT 1",
            (content, settings),
        ).fetchone()
        return row and _entry(row)

    def put(self, entries: Iterable[tuple[str, Entry]]) -> None:
        """Store entries by the pictures' names, in one transaction that is on disk when this returns."""
        marks = ", ".join("?" * (len(_COLUMNS) + 1))
        rows = [(name, *astuple(entry)) for name, entry in entries]
        with self._writing():
            self._db.execute("BEGIN")
            names = ", ".join(("name", *_COLUMNS))
            self._db.executemany(f"INSERT OR REPLACE INTO pictures ({names}) VALUES ({marks})", rows)
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of what is written within as one line that names the journal."""
        try:
            yield
        except sqlite3.Error as error:
            room = ": make room, then run the command again" if _is_full(error) else ""
            raise ShowtellError(f"{self.path}: cannot be written ({error}){room}") from error

    def wrote(self, sha256: str) -> bool:
        """Whether a run with this journal wrote a table with this SHA-256."""
        return self._db.execute("SELECT 1 FROM tables WHERE sha256 = ?", (sha256,)).fetchone() is not None

    def note_table(self, sha256: str) -> None:
        """Record that a table with this SHA-256 is about to be written."""
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO tables VALUES (?)", (sha256,))

    def close(self) -> None:
        """Let another run open the journal."""
        self._db.close()

    @property
    def _selected(self) -> str:
        """The columns to read; a journal of format 1 that is only read lacks the newer ones."""
        return ", ".join(_COLUMNS_OF_1 + _AS_ADDED if self._old else _COLUMNS)

    def _connect(self, target: str) -> None:
        # The review page may be served by another thread than the one that opened the journal, and by that one alone.
        self._db = sqlite3.connect(target, timeout=0, uri=True, isolation_level=None, check_same_thread=False)

    def _begin(self, reading: bool) -> None:
        application, version = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in _HEADER)
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if (tables or application) and application != _APPLICATION:
            raise InputError(f"{self.path}: not a journal of showtell alt-text: name another file with --journal")
        if tables and version not in (1, FORMAT):
            raise InputError(f"{self.path}: journal format {version}, this release reads {FORMAT}: upgrade showtell")
        if reading and not tables:  # created by a run that was killed at once
            self._db.close()
            self._connect(":memory:")
        elif reading:
            self._old = version == 1
            return
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN IMMEDIATE")
        if not tables:
            self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
            self._db.execute(
                "CREATE TABLE pictures (name TEXT PRIMARY KEY, size INTEGER, modified INTEGER, content TEXT, "
                "settings TEXT, caption TEXT, score REAL, confidence REAL, unfamiliar INTEGER, error TEXT, "
                f"written TEXT, {', '.join(_ADDED)}) WITHOUT ROWID"
            )
            self._db.execute(_RUN)
            self._db.execute("CREATE INDEX contents ON pictures (content)")
            self._db.execute("CREATE TABLE tables (sha256 TEXT PRIMARY KEY) WITHOUT ROWID")
        elif version == 1:
            for column in _ADDED:
                self._db.execute(f"ALTER TABLE pictures ADD COLUMN {column}")
            self._db.execute(_RUN)
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        elif self._left:
            self._db.execute(f"PRAGMA user_version = {FORMAT}")  # SQLite removes what it has used
        self._db.execute("COMMIT")

    def _unusable(self, error: sqlite3.Error) -> InputError:
        if "locked" in str(error):
            return InputError(f"{self.path}: another run is working on these pictures: wait until it ends")
        if isinstance(error, sqlite3.OperationalError):
            room = "make room, or " if _is_full(error) else ""
            return InputError(f"{self.path}: cannot be opened ({error}): {room}name another file with --journal")
        return InputError(f"{self.path}: not a journal of showtell alt-text ({error}): name another with --journal")


_HEADER = ("application_id", "user_version")


def _roll_back(path: Path) -> None:
    """Roll back what a killed run left unfinished; SQLite cannot do so for a file that is opened read-only."""
    if path.with_name(f"{path.name}-journal").exists():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=0)) as journal:
            journal.execute("PRAGMA user_version")


def _is_full(error: sqlite3.Error) -> bool:
    """Whether the disk is full, or no larger file is allowed, which SQLite calls an I/O error."""
    return getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_WRITE")


def _entry(row: tuple[object, ...]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    if values["unfamiliar"] is not None:
        values["unfamiliar"] = bool(values["unfamiliar"])
    return Entry(**values)  # type: ignore[arg-type]
