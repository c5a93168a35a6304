"""Every output format is found in its folder, and says the same of the same results."""

import io
from contextlib import closing

import pytest

from showtell import Captioner
from showtell.captioning.output.registry import EVERYTHING, find_output_format, output_formats
from showtell.captioning.output.row import from_row, to_cells, to_json, to_row
from showtell.errors import InputError
from showtell.serve.answers import PictureAnswer


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


def test_every_file_of_the_folder_is_a_format_with_a_line_of_help():
    formats = output_formats()
    assert list(formats) == ["csv", "html", "jsonl", "parquet", "text"]
    assert all(one.name == name and one.help for name, one in formats.items())
    with pytest.raises(InputError, match="there is no output format 'xml': choose one of csv, html, jsonl"):
        find_output_format("xml")


def test_a_page_as_the_format_is_the_page_beside_another_format(photos, tiny_bundle, tmp_path, showtell):
    (photos / "4.png").write_bytes(b"no picture")
    command = ("caption", photos, "--model", tiny_bundle, "--num-captions", "2")
    assert showtell(*command, "--html", tmp_path / "beside.html").code == 1
    assert showtell(*command, "--format", "html", "-o", tmp_path / "alone.html").code == 1
    assert showtell(*command, "-o", tmp_path / "named.html").code == 1
    page = (tmp_path / "beside.html").read_text()
    assert page.count("<figure>") == 10
    assert page == (tmp_path / "alone.html").read_text() == (tmp_path / "named.html").read_text()
    pieces = showtell(*command, "--format", "html", "-o", tmp_path / "p.html", "--piece-size", "32")
    assert (pieces.code, "needs all pictures here" in pieces.err) == (2, True)


def test_one_mapping_of_a_result_serves_files_and_the_service(captioner, photos):
    (photos / "4.png").write_bytes(b"no picture")
    stream = captioner.caption_stream(sorted(photos.iterdir()), num_captions=2)
    with closing(stream):
        for result in stream:
            row = to_row(result)
            assert from_row({"error": None} | row) == result
            answer = PictureAnswer.of(result.name, result.caption or result.error)
            assert answer.model_dump(exclude_none=True) == to_json(result)
            cells = to_cells(result, exact=True)
            assert [one.get("caption", "") for one in cells] == [
                one.text for one in (result.caption.n_best if result.caption else ())
            ] or result.error
            assert all(one["name"] == result.name for one in cells)


def test_a_result_carries_what_it_was_made_from(captioner, photos):
    paths = sorted(photos.iterdir())
    assert [one.source for one in captioner.caption_stream(paths, batch_size=3)] == paths


def test_a_format_that_fails_is_not_closed_as_if_it_were_complete():
    file = io.StringIO()
    with pytest.raises(ZeroDivisionError), find_output_format("html").open(file, EVERYTHING):
        1 / 0  # noqa: B018
    assert file.getvalue() == ""
