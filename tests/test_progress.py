"""Progress is shown to a person at a terminal as a bar, and to a log as a line now and then."""

import io
import logging

import pytest

from showtell import progress
from showtell.progress import bar, log_line, meter, show_progress, watch


@pytest.fixture(autouse=True)
def shown_here():
    show_progress()
    yield
    show_progress()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_brackets_in_a_file_name_are_no_markup(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with bar("downloading [/b]x[red].jpg", 2, "MB") as tick:
        tick(1, "[/i] again")
    assert "[/b]x[red].jpg" in progress.sys.stderr.getvalue()


def test_a_log_gets_the_last_line_and_no_escape_sequences(capsys):
    with bar("reading", 3, "pictures") as tick:
        for _ in range(3):
            tick()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("reading: 3/3 pictures, ")


def test_a_meter_shows_whole_megabytes_and_fills_at_the_last_byte(capsys):
    with meter("x", 12_345_678, 0, True) as tick:
        for _ in range(12):
            tick(1_000_000)
        assert capsys.readouterr().err == ""
        tick(345_678)
    assert capsys.readouterr().err.startswith("x: 13/13 MB")


def test_a_watch_begins_anew_when_the_total_becomes_known(capsys):
    total, done = None, 0
    with watch("x", lambda: (total, done), True) as look:
        look("")
        total = 5000
        look("")
        done = 5000
        look("")
    assert capsys.readouterr().err.startswith("x: 5/5 kB")


def test_the_library_prints_nothing_unless_asked(capsys, monkeypatch):
    show_progress(False)
    monkeypatch.setattr("sys.stderr", Terminal())
    with bar("reading", 3, "pictures") as tick:
        tick(3)
    log_line("epoch 1")
    assert progress.sys.stderr.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_other_programs_configure_the_logger(caplog):
    show_progress(False)
    caplog.set_level(logging.INFO, "showtell")
    with bar("reading", 3, "pictures") as tick:
        tick(3)
    log_line("epoch 1: 100% of %s")
    assert [(one.name, one.levelname) for one in caplog.records] == [("showtell", "INFO")] * 2
    assert caplog.messages[0].startswith("reading: 3/3 pictures")
    assert caplog.messages[1] == "epoch 1: 100% of %s"
