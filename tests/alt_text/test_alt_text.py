"""Texts for folder trees: done once, gone on with, and never at the cost of what a person wrote."""

import csv
import io
import json
import os
import shutil
import signal
import time
from contextlib import closing
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from PIL import Image

from showtell import Captioner
from showtell.alt_text import AltTextOptions, Rights, Step, TextStyle, plan_alt_texts, write_alt_texts
from showtell.alt_text.describe import describe
from showtell.alt_text.journal import Entry, Journal
from showtell.alt_text.xmp import new_packet, read_packet
from showtell.errors import InputError


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


@pytest.fixture(scope="module")
def calibrated():
    """The package's model: what it says of drawn pictures is of no account, how sure it is of that varies."""
    return Captioner()


@pytest.fixture
def tree(photos):
    """Ten pictures in three folders, and things that are none of ours."""
    (photos / "deep" / "er").mkdir(parents=True)
    for name, folder in (("3.png", "deep"), ("4.png", "deep/er"), ("5.png", "deep/er")):
        (photos / name).rename(photos / folder / name)
    (photos / "notes.txt").write_text("mine")
    (photos / ".hidden").mkdir()
    shutil.copy(photos / "0.png", photos / ".hidden" / "0.png")
    return photos


PLAIN = {"style": TextStyle("plain"), "min_confidence": 0.0, "careful": False}
"""Captions as the captioner gives them."""


def write(tree, captioner, **options):
    outcomes = []
    summary = write_alt_texts(tree, captioner, AltTextOptions(**PLAIN | options), watch=outcomes.append, show=False)
    assert summary.pictures == len(outcomes)
    return summary, {outcome.name: outcome for outcome in outcomes}


def pictures_of(tree):
    return sorted(path for path in tree.rglob("*.png") if ".hidden" not in path.parts)


def state(tree):
    """Every file but the journal, with its bytes and time."""
    return {
        str(path.relative_to(tree)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in tree.rglob("*")
        if path.is_file() and path.name != ".showtell-alt-text"
    }


def upside_down(path):
    buffer = io.BytesIO()
    Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(buffer, "png")
    return buffer.getvalue()


def text_beside(picture):
    return picture.with_name(f"{picture.name}.txt").read_text()


@pytest.mark.parametrize("format", ["txt", "xmp"])
def test_every_picture_gets_its_caption_and_pictures_are_not_touched(tree, captioner, format):
    before = state(tree)
    summary, _ = write(tree, captioner, format=format)
    assert (summary.steps, summary.captioned) == ({Step.WRITTEN: 10}, 10)
    after = state(tree)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {f"{path.relative_to(tree)}.{format}" for path in pictures_of(tree)}
    for path in pictures_of(tree):
        text = captioner.caption(path).text
        data = path.with_name(f"{path.name}.{format}").read_bytes()
        assert data == (f"{text}\n".encode() if format == "txt" else new_packet(text))


@pytest.mark.parametrize("format", ["txt", "xmp", "csv", "jsonl", "parquet"])
def test_a_second_run_changes_no_byte(tree, captioner, format, tmp_path):
    output = tmp_path / f"t.{format}" if format not in ("txt", "xmp") else None
    write(tree, captioner, format=format, output=output)
    before = state(tmp_path)
    summary, _ = write(tree, captioner, format=format, output=output)
    assert (summary.captioned, summary.count(Step.WRITTEN)) == (0, 0)
    assert state(tmp_path) == before


def test_only_new_and_changed_pictures_are_captioned(tree, captioner):
    write(tree, captioner)
    old, new = tree / "0.png", tree / "deep" / "new.png"
    old.write_bytes(upside_down(tree / "1.png"))
    new.write_bytes(b"GIF89a")
    summary, outcomes = write(tree, captioner)
    assert (outcomes["0.png"].step, outcomes["deep/new.png"].step) == (Step.WRITTEN, Step.REJECTED)
    assert (summary.captioned, summary.count(Step.UNCHANGED)) == (1, 9)
    assert text_beside(old) == f"{captioner.caption(old).text}\n"


def test_pictures_that_were_moved_copied_or_touched_are_not_captioned_again(tree, captioner):
    write(tree, captioner)
    (tree / "0.png").rename(tree / "deep" / "moved.png")
    shutil.copy(tree / "1.png", tree / "copy.png")
    os.utime(tree / "2.png", (1, 1))
    summary, outcomes = write(tree, captioner)
    assert (summary.captioned, summary.known) == (0, 3)
    assert outcomes["2.png"].step is Step.UNCHANGED
    assert text_beside(tree / "copy.png") == text_beside(tree / "1.png")
    assert text_beside(tree / "deep" / "moved.png") == f"{captioner.caption(tree / 'deep' / 'moved.png').text}\n"


def test_what_a_person_wrote_stays_unless_it_is_to_be_overwritten(tree, captioner):
    mine = tree / "0.png.txt"
    mine.write_text("our dog Bello\n")
    summary, outcomes = write(tree, captioner)
    assert outcomes["0.png"].step is Step.KEPT
    assert summary.captioned == 9  # no time is lost on what is not going to be written
    edited = tree / "1.png.txt"
    edited.write_text(edited.read_text() + "on a Sunday\n")
    before = state(tree)
    assert write(tree, captioner)[0].count(Step.KEPT) == 2
    assert state(tree) == before
    write(tree, captioner, rights=Rights(others=True))
    assert text_beside(tree / "0.png") == f"{captioner.caption(tree / '0.png').text}\n"
    assert text_beside(tree / "1.png") == f"{captioner.caption(tree / '1.png').text}\n"
    assert write(tree, captioner)[0].steps == {Step.UNCHANGED: 10}


def test_without_its_journal_no_text_file_is_taken_for_ours(tree, captioner):
    write(tree, captioner)
    (tree / ".showtell-alt-text").unlink()
    assert write(tree, captioner)[0].steps == {Step.KEPT: 10}


def test_an_xmp_file_of_another_program_is_left_alone_merged_into_or_overwritten(tree, captioner):
    other = tree / "0.png.xmp"
    described = new_packet("Bello").replace(b"showtell:", b"other:").replace(b"x-showtell", b"x-other")
    alt = described.index(b"   <Iptc4xmpCore:Alt"), described.index(b"   <other:description")
    without_alt = described[: alt[0]] + described[alt[1] :]
    other.write_bytes(without_alt)
    full = tree / "1.png.xmp"
    full.write_bytes(described)
    summary, outcomes = write(tree, captioner, format="xmp")
    assert (outcomes["0.png"].step, outcomes["1.png"].step, summary.mergeable) == (Step.KEPT, Step.KEPT, 1)
    assert (other.read_bytes(), full.read_bytes()) == (without_alt, described)
    write(tree, captioner, format="xmp", rights=Rights(merge=True))
    said = captioner.caption(tree / "0.png").text
    assert list(read_packet(other.read_bytes()).texts.values()) == ["Bello", said]
    assert full.read_bytes() == described
    assert write(tree, captioner, format="xmp")[0].count(Step.UNCHANGED) == 9  # of the merged one, our field alone
    write(tree, captioner, format="xmp", rights=Rights(others=True))
    assert set(read_packet(other.read_bytes()).texts.values()) == {said}


def test_tables_have_a_row_for_every_picture_in_order(tree, captioner, tmp_path):
    (tree / "2.png").write_bytes(b"no picture")
    rows = {}
    for format in ("csv", "jsonl", "parquet"):
        summary, _ = write(tree, captioner, format=format, output=tmp_path / format)
    assert summary.captioned == 0  # the first of the three runs captioned them
    rows = list(csv.DictReader((tmp_path / "csv").open()))
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    records = pq.read_table(tmp_path / "parquet").to_pylist()
    names = [path.relative_to(tree).as_posix() for path in pictures_of(tree)]
    for found in (rows, lines, records):
        assert [row["name"] for row in found] == names
    errors = {found[2]["error"] for found in (rows, lines, records)}
    assert errors == {"not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"}
    for name, row, line, record in zip(names, rows, lines, records, strict=True):
        if name != "2.png":
            assert row["caption"] == line["caption"] == record["caption"] == captioner.caption(tree / name).text
            assert float(row["score"]) == line["score"] == record["score"]


def test_a_table_that_was_edited_is_not_replaced_unless_told(tree, captioner, tmp_path):
    output = tmp_path / "t.csv"
    output.write_text("my own\n")
    with pytest.raises(InputError, match="was changed or written by something else"):
        write(tree, captioner, format="csv", output=output)
    assert output.read_text() == "my own\n"
    write(tree, captioner, format="csv", output=output, rights=Rights(others=True))
    shutil.copy(tree / "0.png", tree / "new.png")
    assert write(tree, captioner, format="csv", output=output)[0].known == 1
    assert "new.png" in output.read_text()
    output.write_text(output.read_text().replace("new.png", "NEW.png"))
    with pytest.raises(InputError, match="was changed"):
        write(tree, captioner, format="csv", output=output)


def test_captions_of_too_little_confidence_are_held_back_and_let_go(tree, calibrated, tmp_path):
    confidence = {path: calibrated.caption(path).confidence for path in pictures_of(tree)}
    least = sum(sorted(confidence.values())[4:6]) / 2  # batches change a last digit, so not one of them
    unsure = {path for path, value in confidence.items() if value < least}
    assert len(unsure) == 5
    summary, _ = write(tree, calibrated, min_confidence=least)
    assert summary.steps == {Step.WRITTEN: 5, Step.HELD: 5}
    assert {path for path in confidence if not path.with_name(f"{path.name}.txt").exists()} == unsure
    assert write(tree, calibrated)[0].captioned == 0
    assert {text_beside(path) for path in unsure} <= {f"{calibrated.caption(path).text}\n" for path in unsure}
    summary, _ = write(tree, calibrated, min_confidence=least)
    assert summary.count(Step.HELD) == 5
    assert {path for path in confidence if not path.with_name(f"{path.name}.txt").exists()} == unsure
    write(tree, calibrated, min_confidence=least, format="jsonl", output=tmp_path / "t.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert {tree / line["name"] for line in lines if "guess" in line and "caption" not in line} == unsure


def test_other_settings_are_told_and_renewed_when_asked(tree, captioner):
    write(tree, captioner)
    options = AltTextOptions(**PLAIN)
    summary = write_alt_texts(tree, captioner, options, show=False, max_length=3)
    assert (summary.outdated, summary.captioned) == (10, 0)
    summary = write_alt_texts(tree, captioner, AltTextOptions(**PLAIN, renew=True), show=False, max_length=3)
    assert (summary.outdated, summary.captioned) == (0, 10)
    assert all(len(text_beside(path).split()) <= 3 for path in pictures_of(tree))


def test_a_plan_says_what_a_run_then_does_and_writes_nothing(tree, captioner):
    (tree / "0.png.txt").write_text("mine")
    before = state(tree)
    plan = plan_alt_texts(tree, captioner, AltTextOptions(**PLAIN), show=False)
    assert plan.steps == {Step.CAPTION: 9, Step.KEPT: 1}
    assert state(tree) == before
    assert not (tree / ".showtell-alt-text").exists()
    write(tree, captioner)
    (tree / "1.png.txt").unlink()
    plan = plan_alt_texts(tree, captioner, AltTextOptions(**PLAIN), show=False)
    assert plan.steps == {Step.UNCHANGED: 8, Step.KEPT: 1, Step.WRITE: 1}


def test_a_sidecar_that_cannot_be_written_or_understood_is_a_listed_failure(tree, captioner):
    (tree / "0.png.xmp").write_bytes(b"<not xmp")
    (tree / "1.png.xmp").mkdir()
    summary, outcomes = write(tree, captioner, format="xmp")
    assert summary.steps == {Step.WRITTEN: 8, Step.FAILED: 2}
    assert "not XMP" in outcomes["0.png"].problem
    assert "cannot be read" in outcomes["1.png"].problem


def test_a_text_that_a_person_writes_during_the_run_is_not_lost(tree, captioner, monkeypatch):
    mine = tree / "9.png.txt"  # it is looked at before the first is finished
    outcomes = []

    def watch(outcome):
        outcomes.append(outcome)
        mine.write_text("mine")

    monkeypatch.setattr("showtell.alt_text.run._SECONDS_UNSETTLED", float("inf"))  # all are finished at the end
    write_alt_texts(tree, captioner, AltTextOptions(**PLAIN), watch=watch, show=False)
    assert [one.problem for one in outcomes if one.name == "9.png"] == [
        "was changed in the meantime: run the command again"
    ]
    assert mine.read_text() == "mine"


def test_captions_that_are_made_elsewhere_come_to_the_same(tree, captioner, tmp_path, monkeypatch):
    """In rounds of three, and backwards: whoever captions gives the entries in any order."""
    (tree / "2.png").write_bytes(b"no picture")
    (tree / "gone.png").symlink_to("nowhere")
    shutil.copytree(tree, tmp_path / "other", symlinks=True)
    monkeypatch.setattr("showtell.alt_text.run._PICTURES_AT_ONCE", 3)
    rounds = []

    def elsewhere(pictures, settings):
        rounds.append(len(pictures))
        options = captioner.caption_options()
        return reversed(list(describe(pictures, settings, captioner, options, batch_size=2)))

    here = write_alt_texts(tree, captioner, AltTextOptions(**PLAIN), show=False)
    there = write_alt_texts(tmp_path / "other", captioner, AltTextOptions(**PLAIN), show=False, elsewhere=elsewhere)
    assert rounds == [3, 3, 3, 1]
    assert here == there
    assert here.steps == {Step.WRITTEN: 9, Step.REJECTED: 2}
    assert texts_in(tree) == texts_in(tmp_path / "other")


def texts_in(tree):
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*.png.txt")}


def test_a_folder_that_is_none_and_contradicting_options_are_told(tree, captioner, tmp_path):
    with pytest.raises(InputError, match="there is no such folder"):
        write(tmp_path / "missing", captioner)
    with pytest.raises(InputError, match="not a folder"):
        write(tree / "0.png", captioner)
    with pytest.raises(InputError, match="add --output"):
        AltTextOptions(**PLAIN, format="csv")
    with pytest.raises(InputError, match="leave out --output"):
        AltTextOptions(**PLAIN, output=tmp_path / "x")
    with pytest.raises(InputError, match="add --format xmp"):
        AltTextOptions(**PLAIN, rights=Rights(merge=True))
    with pytest.raises(InputError, match="not calibrated, so it has no confidence"):
        write(tree, captioner, min_confidence=0.5)


def test_a_journal_that_is_none_or_in_use_is_told(tree, captioner):
    path = tree / ".showtell-alt-text"
    path.write_bytes(b"something else altogether" * 100)
    with pytest.raises(InputError, match="not a journal"):
        write(tree, captioner)
    path.unlink()
    with closing(Journal(path)), pytest.raises(InputError, match="another run is working"):
        write(tree, captioner)
    assert write(tree, captioner)[0].captioned == 10


def test_overwrite_alone_replaces_what_showtell_wrote_and_someone_changed(tree, captioner):
    """Of two pictures, one text was Showtell's and was changed; the other was a person's from the beginning."""
    for format, own in (
        ("txt", b"mine from the beginning\n"),
        ("xmp", new_packet("mine").replace(b"showtell:", b"mine:")),
    ):
        persons = tree / f"1.png.{format}"
        persons.write_bytes(own)
        write(tree, captioner, format=format)
        changed = tree / f"0.png.{format}"
        before = changed.read_bytes()
        changed.write_bytes(before.replace(captioner.caption(tree / "0.png").text.encode(), b"changed"))
        summary, _ = write(tree, captioner, format=format)
        assert (summary.count(Step.KEPT), b"changed" in changed.read_bytes()) == (2, True)
        summary, _ = write(tree, captioner, format=format, rights=Rights(overwrite=True))
        assert (summary.count(Step.KEPT), changed.read_bytes()) == (1, before)
        assert persons.read_bytes() == own
        for path in (persons, *tree.rglob(f"*.png.{format}")):
            path.unlink(missing_ok=True)
        (tree / ".showtell-alt-text").unlink()


def test_a_journal_that_was_killed_while_it_began_is_a_new_one(tree, captioner):
    (tree / ".showtell-alt-text").write_bytes(b"")
    assert plan_alt_texts(tree, captioner, AltTextOptions(**PLAIN), show=False).steps == {Step.CAPTION: 10}
    assert (tree / ".showtell-alt-text").read_bytes() == b"", "a dry run changes nothing"
    summary, _ = write(tree, captioner)
    assert summary.steps == {Step.WRITTEN: 10}


def test_a_run_that_is_killed_while_its_journal_begins_goes_on(tree, captioner):
    path, seen = tree / ".showtell-alt-text", set()
    for microseconds in range(0, 4000, 100):
        for leftover in tree.glob(".showtell-alt-text*"):
            leftover.unlink()
        process = os.fork()
        if not process:
            with closing(Journal(path)) as journal:
                journal.put([("a.png", Entry(1, 2, "c", "s", "said"))])
            os._exit(0)
        while not path.exists():
            pass
        time.sleep(microseconds / 1e6)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        seen.add(path.stat().st_size if path.exists() else None)
        with closing(Journal(path, reading=True)) as journal:
            assert journal.get("a.png") in (None, Entry(1, 2, "c", "s", "said"))
        with closing(Journal(path)) as journal:
            journal.put([("b.png", Entry(1, 2, "c", "s", "said"))])
            assert journal.get("b.png")
    assert 0 in seen
    summary, _ = write(tree, captioner)
    assert summary.count(Step.WRITTEN) == 10


def test_what_a_killed_run_wrote_but_did_not_note_is_noted_by_the_next(tree, captioner):
    write(tree, captioner)
    with closing(Journal(tree / ".showtell-alt-text")) as journal:
        entry = journal.get("0.png")
        assert entry.written
        journal.put([("0.png", replace(entry, written=""))])
    summary, outcomes = write(tree, captioner)
    assert summary.captioned == 0
    assert outcomes["0.png"].step is Step.UNCHANGED
    with closing(Journal(tree / ".showtell-alt-text", reading=True)) as journal:
        assert journal.get("0.png") == entry
    (tree / "0.png.txt").write_text("edited\n")
    write(tree, captioner, rights=Rights(overwrite=True))
    assert (tree / "0.png.txt").read_text() == f"{entry.caption}\n"


def test_what_a_killed_run_left_beside_its_journal_is_removed(tree, captioner):
    write(tree, captioner)
    before = state(tree)
    left = tree / ".showtell-alt-text-journal"
    left.write_bytes(bytes(512))  # of a step that was committed
    write(tree, captioner)
    assert not left.exists()
    assert state(tree) == before
