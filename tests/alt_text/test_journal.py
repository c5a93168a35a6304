"""The journal of alt texts where it cannot be written."""

import pytest

from showtell.alt_text.journal import Journal
from showtell.errors import ShowtellError


@pytest.mark.parametrize("write", [Journal.note_run, Journal.note_table])
def test_a_full_disk_is_one_line_whatever_is_written(tmp_path, write):
    journal = Journal(tmp_path / "journal")
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then says that the disk is full
    with pytest.raises(ShowtellError, match=r"journal: cannot be written \(.*full\): make room"):
        write(journal, "x" * 100_000)
    journal.close()
