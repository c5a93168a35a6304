"""Captioning in pieces writes what captioning in one go writes, and goes on from whatever was finished."""

import dataclasses
import json
import tarfile

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.jobs import caption_pieces, captioned, part_of
from showtell.captioning.output.formats.parquet import read_rows, row_writer
from showtell.data.sources.gather import PictureSelection, Sample


def rows_of(path, results):
    with path.open("wb") as file, row_writer(file) as write:
        for result in results:
            write(result)
    return list(read_rows(path))


def test_rows_hold_all_of_a_caption_to_the_last_digit(looking_bundle, photos, tmp_path):
    (photos / "4.png").write_bytes(b"no picture")
    captioner = Captioner(looking_bundle)
    results = list(captioner.caption_stream(PictureSelection([str(photos)]).read(), num_captions=3, attention=True))
    kept = rows_of(tmp_path / "rows.parquet", results)
    assert kept == results
    assert [one.name for one in kept if one.error] == ["4.png"]
    for one, other in zip(kept, results, strict=True):
        for word, same in zip(*(c.caption.words if c.caption else () for c in (one, other)), strict=True):
            np.testing.assert_array_equal(word.attention, same.attention)
    known = dataclasses.replace(results[0].caption, confidence=1 / 3, unfamiliar=True, guess="a dog", guided=True)
    known = dataclasses.replace(results[0], caption=known)
    assert rows_of(tmp_path / "known.parquet", [known]) == [known]


@pytest.mark.parametrize("format", ["text", "jsonl", "csv", "parquet"])
def test_pieces_make_the_file_of_an_unbroken_run(photos, tiny_bundle, tmp_path, showtell, format):
    (photos / "4.png").write_bytes(b"no picture")
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(photos, "more")
    drawn = ("--sample", "--seed", "3", "--num-captions", "2", "--batch-size", "2", "--model", tiny_bundle)
    command = ("caption", photos, tmp_path / "p.tar", photos / "1.png", *drawn, "--format", format)
    whole = showtell(*command, "-o", tmp_path / "whole")
    assert whole.code == 1, whole.err
    pieces = showtell(*command, "-o", tmp_path / "pieces", "--piece-size", "6")
    assert (pieces.code, pieces.err.splitlines()[-1]) == (1, "2 of 21 pictures could not be read")
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / "pieces.parts").exists()


def test_a_job_goes_on_from_its_finished_parts(photos, tiny_bundle, tmp_path):
    captioner, folder = Captioner(tiny_bundle), tmp_path / "parts"
    pictures = PictureSelection([str(photos)])
    (photos / "7.png").write_bytes(b"no picture")

    def job(**asked):
        tally, count = caption_pieces(pictures, captioner, folder, 4, batch_size=2, show=False, **asked)
        return (tally.pictures, tally.failed, count), {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    done, first = job()
    assert done == (10, 1, 3)
    whole = [one.caption and one.caption.text for one in captioned(folder, 3)]
    assert whole == [one.caption and one.caption.text for one in captioner.caption_stream(pictures.read())]
    part_of(folder, 0).unlink()
    (folder / ".part-000002.parquet.1.partial").write_bytes(b"")
    done, again = job()
    assert done == (10, 1, 3)
    assert {name for name in again if again[name] != first[name]} == {"part-000000.parquet"}
    assert [one.caption and one.caption.text for one in captioned(folder, 3)] == whole
    part_of(folder, 1).write_bytes(b"damaged")
    _, mended = job()
    assert {name for name in mended if mended[name] != again[name]} == {"part-000001.parquet"}
    _, others = job(beam=1)  # other settings make another job
    assert all(others[name] != mended[name] for name in mended)
    photos.rename(tmp_path / "elsewhere")
    pictures = PictureSelection([str(tmp_path / "elsewhere")])  # pictures of the same names may be others
    _, elsewhere = job(beam=1)
    assert all(elsewhere[name] != others[name] for name in others)
    pictures = PictureSelection([str(tmp_path / "elsewhere")], Sample(indices=(1, 2)))
    assert job()[1].keys() == {"part-000000.parquet"}


def test_a_folder_keeps_the_parts_as_a_table(photos, tiny_bundle, tmp_path, showtell):
    import pyarrow.parquet as pq

    (tmp_path / "out").mkdir()
    command = ("caption", photos, "--model", tiny_bundle, "--batch-size", "2", "--piece-size", "4")
    assert showtell(*command, "--format", "parquet", "-o", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out")
    assert table["name"].to_pylist() == [f"{i}.png" for i in range(10)]
    lines = [json.loads(line) for line in showtell(*command[:4], "--format", "jsonl").out.splitlines()]
    assert table["caption"].to_pylist() == [line["caption"] for line in lines]
    refused = showtell(*command, "-o", tmp_path / "out")
    assert (refused.code, "add --format parquet" in refused.err) == (2, True)


def test_an_archive_that_breaks_off_is_told_when_the_rest_is_done(photos, tiny_bundle, tmp_path, showtell):
    path = tmp_path / "p.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos, "photos")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    command = ("caption", path, "--model", tiny_bundle, "--format", "jsonl", "--batch-size", "2", "--piece-size", "2")
    ran = showtell(*command, "-o", tmp_path / "o.jsonl")
    assert ran.code == 2
    assert not (tmp_path / "o.jsonl").exists()
    kept = sum(len(list(read_rows(part))) for part in (tmp_path / "o.jsonl.parts").iterdir())
    assert kept > 4
    assert f"it ends after {kept} complete pictures" in ran.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--piece-size", "3", "-o", "x"], "3 pictures is not a multiple of the batch size 32"),
        (["--piece-size", "32"], "add it, or leave out"),
        (["--ray", "local"], "add it, or leave out"),
        (["--piece-size", "32", "-o", "x", "--html", "y"], "leave out --ray and --piece-size"),
        (["--format", "parquet"], "name it with --output"),
    ],
)
def test_a_job_that_cannot_be_is_told_in_one_line(photos, tiny_bundle, showtell, monkeypatch, tmp_path, given, said):
    monkeypatch.chdir(tmp_path)
    ran = showtell("caption", photos, "--model", tiny_bundle, *given)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert said in ran.err
