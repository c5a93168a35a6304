"""Commands that read pictures say what they pass over, take the same options for it, and print names safely."""

import inspect
import json

import pytest

from odd_pictures import photograph
from showtell.errors import InputError, shown

JPEG = photograph()


@pytest.fixture
def mixed(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a.jpg", "b_small.jpg", "c.dng", "d.jp2"):
        (folder / name).write_bytes(JPEG)
    return folder


def test_caption_says_what_it_passes_over_and_excludes_what_one_asks_it_to(mixed, tiny_bundle, showtell):
    ran = showtell("caption", mixed, "--model", tiny_bundle, "--exclude", "*_small.*", "--format", "jsonl")
    assert ran.code == 0
    assert [json.loads(line)["name"] for line in ran.out.splitlines()] == ["a.jpg"]
    assert "2 pictures skipped, because these kinds are not read: 1 .dng (raw photo): " in ran.err


def test_alt_text_says_so_too_and_lists_it_for_review(mixed, tiny_bundle, tmp_path, showtell):
    review = tmp_path / "review.jsonl"
    arguments = ("--model", tiny_bundle, "--review", review, "--exclude", "*_small.*")
    ran = showtell("alt-text", mixed, *arguments)
    assert ran.code == 0
    assert "2 pictures skipped" in ran.err
    assert (mixed / "a.jpg.txt").exists()
    assert not (mixed / "b_small.jpg.txt").exists()
    listed = [json.loads(line) for line in review.read_text().splitlines()]
    assert [(one["kind"], one["count"]) for one in listed if one["why"] == "not read"] == [
        (".dng (raw photo)", 1),
        (".jp2 (JPEG 2000)", 1),
    ]


def test_the_limit_of_pixels_and_lenience_are_options(mixed, tiny_bundle, showtell):
    cut = photograph(200, 100)
    (mixed / "b_small.jpg").write_bytes(cut[: len(cut) * 3 // 4])
    ran = showtell("caption", mixed, "--model", tiny_bundle, "--max-pixels", "0.0001")
    assert ran.code == 1
    assert "the picture has 64 x 48 pixels, more than" in ran.out
    assert "damaged" in showtell("caption", mixed, "--model", tiny_bundle).out
    assert showtell("caption", mixed, "--model", tiny_bundle, "--lenient").code == 0
    assert showtell("caption", mixed, "--model", tiny_bundle, "--max-pixels", "nan").code == 2


@pytest.mark.parametrize(
    "command", ["caption", "alt_text", "embed", "evaluate", "tune", "calibrate", "quantize", "check", "report", "train"]
)
def test_every_command_that_reads_pictures_has_the_options(command):
    module = __import__(f"showtell.cli.{command}", fromlist=[command])
    assert {"exclude", "max_pixels", "lenient"} <= set(inspect.signature(getattr(module, command)).parameters)


def test_names_with_newlines_and_escape_sequences_stay_in_their_line(tmp_path, tiny_bundle, showtell):
    (tmp_path / "x\nforged.jpg: a dog\x1b[31m.jpg").write_bytes(JPEG)
    (tmp_path / "y\r\x1b[2J.jpg").write_bytes(b"no picture")
    ran = showtell("caption", tmp_path, "--model", tiny_bundle)
    assert len(ran.out.splitlines()) == 2
    assert ran.out.splitlines()[0].startswith("x\\nforged.jpg: a dog\\x1b[31m.jpg: ")
    assert ran.out.splitlines()[1].startswith("y\\r\\x1b[2J.jpg: cannot be captioned: ")
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("größe 犬.jpg", "größe 犬.jpg"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
        ("10.30\u202fAM \U0001f468\u200d\U0001f469", "10.30\u202fAM \U0001f468\u200d\U0001f469"),
    ],
)
def test_what_moves_something_on_a_terminal_is_written_as_python_writes_it(text, printed):
    assert shown(text) == printed


def test_an_option_that_is_no_encoding_is_one_line(mixed, tiny_bundle, showtell):
    ran = showtell("caption", mixed, "--model", tiny_bundle, "--zip-encoding", "klingon")
    assert ran.code == InputError.exit_code
    assert ran.err.startswith("showtell: there is no encoding 'klingon'")
