"""The command line: output, exit codes, and one line for every error; some of it in processes, as users run it."""

import csv
import io
import itertools
import json
import zipfile

import pytest

import user_process
from command_line import caption, run
from showtell.captioning.captioner import Captioner


def test_a_folder_is_captioned_line_by_line(photos, tiny_bundle):
    result = user_process.run("caption", photos, "--model", tiny_bundle)
    assert result.returncode == 0, result.stderr
    assert caption(photos, model=tiny_bundle).stdout == result.stdout
    captioner = Captioner(tiny_bundle)
    expected = [f"{i}.png: {captioner.caption(photos / f'{i}.png').text}" for i in range(10)]
    assert result.stdout.splitlines() == expected


def test_json_lines_have_the_documented_fields(photos, tiny_bundle):
    (photos / "5.png").write_bytes(b"broken")
    result = caption(photos, "--format", "jsonl", "--num-captions", "2", model=tiny_bundle)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["name"] for line in lines] == [f"{i}.png" for i in range(10)]
    assert set(lines[5]) == {"name", "error"}
    for line in lines[:5]:
        assert set(line) == {"name", "caption", "score", "words", "captions"}
        assert line["caption"] == " ".join(word["word"] for word in line["words"]) == line["captions"][0]["caption"]
        assert len(line["captions"]) == 2
        assert all(0 < word["probability"] <= 1 for word in line["words"])
    assert "1 of 10 pictures could not be read" in result.stderr
    plain = caption(photos / "0.png", "--format", "jsonl", model=tiny_bundle)
    assert set(json.loads(plain.stdout)) == {"name", "caption", "score", "words"}


def test_csv_has_a_row_for_every_caption(photos, tiny_bundle):
    (photos / "5.png").write_bytes(b"broken")
    result = caption(photos, "--format", "csv", "--num-captions", "2", model=tiny_bundle)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 19
    assert [row["name"] for row in rows if row["error"]] == ["5.png"]
    assert all(row["caption"] and float(row["score"]) < 0 for row in rows if not row["error"])


def test_files_archives_and_patterns_are_sources(photos, tiny_bundle, tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.write(photos / "1.png", "deep/1.png")
    result = caption("photos/0.png", "p.zip", model=tiny_bundle, cwd=tmp_path)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["photos/0.png", "p.zip/deep/1.png"]
    result = caption("photos/[12].png", model=tiny_bundle, cwd=tmp_path)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["1.png", "2.png"]


def test_captions_go_to_a_file_and_a_page(photos, tiny_bundle, tmp_path):
    page, out = tmp_path / "page.html", tmp_path / "out.csv"
    result = caption(photos, "--html", page, "-o", out, "--format", "csv", model=tiny_bundle)
    assert (result.returncode, result.stdout) == (0, "")
    assert len(out.read_text().splitlines()) == 11
    assert page.read_text().count("<figure") == 10


def test_sampling_and_beam_options_reach_the_search(photos, tiny_bundle):
    one = caption(photos, "--sample", "--seed", "3", "--temperature", "2", model=tiny_bundle).stdout
    assert one == caption(photos, "--sample", "--seed", "3", "--temperature", "2", model=tiny_bundle).stdout
    assert one != caption(photos, "--sample", "--seed", "4", "--temperature", "2", model=tiny_bundle).stdout
    captioner = Captioner(tiny_bundle)
    greedy = caption(photos / "0.png", "--beam", "1", model=tiny_bundle).stdout
    assert captioner.caption(photos / "0.png", beam=1).text in greedy


def test_words_that_must_appear_are_in_every_caption(photos, tiny_bundle):
    result = caption(photos, "--must", "zebra|snow", "--must", "red ball", "--beam", "2", model=tiny_bundle)
    sentences = [line.split(": ")[1] for line in result.stdout.splitlines()]
    assert len(sentences) == 10
    assert all("snow" in sentence.split() and "red ball" in sentence for sentence in sentences)


def test_diverse_captions_differ_from_their_first_word_on(photos, tiny_bundle):
    given = ("--num-captions", "3", "--diversity", "100", "--format", "jsonl")
    result = caption(photos / "0.png", *given, model=tiny_bundle)
    captions = [one["caption"].split() for one in json.loads(result.stdout)["captions"]]
    assert len({words[0] for words in captions}) == len(captions) == 3


def test_rules_reach_the_search(photos, tiny_bundle):
    plain = caption(photos, model=tiny_bundle).stdout
    word = plain.split()[-1]
    given = ("--must-not", word, "--must-not", "a|the", "--min-length", "8", "--max-length", "9")
    result = caption(photos, *given, "--no-repeat-ngram", "2", "--length-penalty", "0", model=tiny_bundle)
    sentences = [line.split(": ")[1].split() for line in result.stdout.splitlines()]
    assert len(sentences) == 10
    for sentence in sentences:
        assert 8 <= len(sentence) <= 9
        assert not {word, "a", "the"} & set(sentence)
        assert len(set(itertools.pairwise(sentence))) == len(sentence) - 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["empty.zip"], "empty.zip"),
        (["cut.zip"], "cut.zip"),
        (["*.nothing"], "*.nothing"),
        (["photos", "--beam", "0"], "beam"),
        (["photos", "--temperature", "0.5"], "--sample"),
        (["photos", "--num-captions", "4", "--beam", "2"], "beam of at least 4"),
        (["photos", "--must-not", "!"], "has no words"),
        (["photos", "--must", "dogs"], "similar words that it knows are dog"),
        (["photos", "--must", "dog", "--sample"], "leave sampling out"),
        (["photos", "--groups", "2"], "--groups only matters with --diversity"),
        (["photos", "--beam", "5", "--diversity", "1", "--groups", "2"], "2 groups cannot divide a beam of 5"),
        (["photos", "--min-length", "30"], "minimum length"),
        (["photos", "--output", "no/such/folder.txt"], "no/such/folder.txt"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(photos, tiny_bundle, tmp_path, arguments, said):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.write(photos / "1.png")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "cut.zip").read_bytes()[:-40])
    result = caption(*arguments, model=tiny_bundle, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert said in result.stderr
    assert result.stdout == ""


def test_a_damaged_model_is_one_line_and_debug_shows_more(photos, tiny_bundle, tmp_path):
    data = bytearray(tiny_bundle.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.showtell").write_bytes(bytes(data))
    for command in (["verify", tmp_path / "bad.showtell"], ["caption", photos, "--model", tmp_path / "bad.showtell"]):
        result = user_process.run(*command)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert "bad.showtell" in result.stderr
    assert "Traceback" in user_process.run("--debug", "verify", tmp_path / "bad.showtell").stderr


def test_verify_replays_the_golden_caption(tiny_bundle):
    result = run("verify", tiny_bundle)
    assert result.returncode == 0
    assert Captioner(tiny_bundle).bundle.model["golden"]["caption"] in result.stdout


def test_embed_reports_what_it_did(photos, tiny_bundle, tmp_path):
    (photos / "5.png").write_bytes(b"broken")
    result = run("embed", photos, "--out", tmp_path / "store", "--model", tiny_bundle, "--grid")
    assert result.returncode == 0, result.stderr
    assert "9 embeddings of 16 x 8, 9 new, 0 already there, 1 rejects" in result.stdout
    assert "5.png" in result.stdout


def test_an_unknown_encoder_lists_the_names(photos, tmp_path):
    result = run("embed", photos, "--out", tmp_path / "store", "--encoder", "vgg")
    assert result.returncode == 2
    assert "efficientnet_lite0" in result.stderr


def test_captions_written_before_an_archive_breaks_off_are_kept(photos, tiny_bundle, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(photos, "photos")
    (tmp_path / "cut.tar").write_bytes((tmp_path / "p.tar").read_bytes()[: (tmp_path / "p.tar").stat().st_size // 2])
    result = user_process.run("caption", tmp_path / "cut.tar", "--model", tiny_bundle)
    assert result.returncode == 2
    assert len(result.stdout.splitlines()) >= 3
    assert "cut.tar" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_help_names_every_command():
    result = user_process.run("--help")
    for command in ("caption", "embed", "train", "verify"):
        assert command in result.stdout
    assert user_process.run("--version").stdout.startswith("showtell ")
