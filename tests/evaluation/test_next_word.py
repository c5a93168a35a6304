"""`showtell check`: the figures against another computation, the terminal output, and the error messages."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from unittest import mock

import numpy as np
import pytest

import command_line
from showtell.captioning.captioner import Captioner
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError
from showtell.evaluation.next_word import check
from showtell.files import json_bytes
from showtell.models.bundle import read_bundle, write_bundle

CAPTIONS = {
    f"{i}.png": [f"a {colour} dog jumps in the {place}", f"the {colour} dog sits on {place} with a friend"]
    for i, (colour, place) in enumerate(zip(["red", "blue"] * 5, ["snow", "grass", "street", "snow", "grass"] * 2))  # noqa: B905
}


@pytest.fixture
def captions(tmp_path):
    """Captions of the ten photos as CSV with a split."""
    path = tmp_path / "captions.csv"
    with path.open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption", "split"])
        rows.writerows([name, text, "train"] for name, texts in CAPTIONS.items() for text in texts)
    return path


@pytest.fixture
def own_data(tiny_bundle, photos, captions, tmp_path):
    """The tiny bundle with a recipe that names the photos and the captions, relative to the test's folder."""
    bundle = read_bundle(tiny_bundle)
    model = json.loads(json.dumps(bundle.model))
    model["recipe"]["data"] |= {"pictures": ["photos"], "captions": "captions.csv", "validation_fraction": 0.3}
    path = tmp_path / "own.showtell"
    parts = {name: data for name, data in bundle.parts.items() if name != "SHA256SUMS"}
    write_bundle(path, parts | {"model.json": json_bytes(model)})
    return path


def run(*arguments, columns=80, cwd=None):
    with mock.patch.dict(os.environ, COLUMNS=str(columns)):
        os.environ.pop("SHOWTELL_DATA", None)
        return command_line.run("check", *arguments, cwd=cwd)


def figures(output):
    """Captions, words, loss and accuracy, as the last line says them."""
    words = output.splitlines()[-1].replace(",", "").replace(":", "").split()
    return int(words[0]), int(words[2]), float(words[5]), float(words[7])


def test_loss_and_accuracy_are_those_of_the_pytorch_decoder_on_the_same_batch(tiny_bundle, photos):
    """The independent computation: training's own loss, over the bundle's weights, on the batch that was drawn."""
    import torch

    from showtell.decoders.registry import build
    from showtell.decoders.show_and_tell import ShowAndTellOptions
    from showtell.text import pad_batch
    from showtell.training.loss import next_word

    captioner = Captioner(tiny_bundle)
    found = check(captioner, PictureSource(photos), CAPTIONS, batch_size=6, seed=3)
    vocabulary = captioner.bundle.vocabulary
    decoder = build(
        "show_and_tell", ShowAndTellOptions(**captioner.bundle.model["decoder"]["options"]), (8,), len(vocabulary)
    )
    weights = {name: torch.from_numpy(np.array(array)) for name, array in captioner.bundle.weights().items()}
    decoder.eval().load_state_dict(weights)
    known = {
        " ".join(vocabulary.entries[i] for i in vocabulary.encode(text)[1:]): text
        for texts in CAPTIONS.values()
        for text in texts
    }
    ids = pad_batch([vocabulary.encode(known[true]) for true in found.words.true], vocabulary.pad, 20)
    from showtell.images.decode import decode
    from showtell.images.preprocessing import square

    squares = [square(decode(photos / name), captioner.encoder.info.preprocessing) for name in found.names]
    embeddings = torch.from_numpy(captioner.embed(np.stack(squares)))
    with torch.no_grad():
        expected = next_word(decoder, embeddings, torch.from_numpy(ids), vocabulary.pad)
    assert len(found.words.losses) == expected.count
    assert found.words.loss == pytest.approx(float(expected.loss), abs=1e-5)
    assert found.words.accuracy == pytest.approx(expected.correct / expected.count)


def test_a_batch_has_different_pictures_with_one_of_their_own_captions_each(tiny_bundle, photos):
    captioner = Captioner(tiny_bundle)
    vocabulary = captioner.bundle.vocabulary
    batches = [check(captioner, PictureSource(photos), CAPTIONS, batch_size=6, seed=seed) for seed in (1, 1, 2)]
    for found in batches:
        assert len(set(found.names)) == len(found.names) == len(found.words.true) == 6
        for name, true in zip(found.names, found.words.true, strict=True):
            own = [" ".join(vocabulary.entries[i] for i in vocabulary.encode(text)[1:]) for text in CAPTIONS[name]]
            assert true in own
    assert batches[0].names == batches[1].names
    assert batches[0].words.true == batches[1].words.true
    assert (batches[0].names, batches[0].words.true) != (batches[2].names, batches[2].words.true)


def test_a_batch_has_no_more_pictures_than_there_are(tiny_bundle, photos):
    assert len(check(Captioner(tiny_bundle), PictureSource(photos), CAPTIONS, batch_size=1000).names) == 10


@pytest.mark.parametrize("columns", [80, 120])
def test_sentences_stand_side_by_side_within_the_terminal(tiny_bundle, photos, captions, columns):
    result = run(tiny_bundle, "--pictures", photos, "--captions", captions, "--show", "3", columns=columns)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(word in lines[1] for word in ("predicted", "true"))
    assert sum(" right" in line for line in lines) == 3
    inside = [line.strip("│").split("│") for line in lines if line.startswith("│")]
    rows = [(left.strip(), right.strip()) for left, right in inside]
    true = " ".join(right for _, right in rows)
    assert true.count("#END#") == 3, "every sentence is there whole"
    assert figures(result.stdout)[0] == 10


def test_the_counts_beside_the_sentences_are_of_matching_words(tiny_bundle, photos, captions):
    result = run(tiny_bundle, "--pictures", photos, "--captions", captions, columns=200)
    cells = [line.strip("│").split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    right = words = 0
    for (_, count), (predicted, true) in zip(cells[::2], cells[1::2], strict=True):
        pairs = list(zip(predicted.split(), true.split(), strict=True))
        assert count.split() == [str(sum(a == b for a, b in pairs)), "of", str(len(pairs)), "right"]
        right, words = right + sum(a == b for a, b in pairs), words + len(pairs)
    assert figures(result.stdout)[1] == words
    assert figures(result.stdout)[3] == pytest.approx(right / words, abs=1e-4)


def test_a_model_is_checked_on_what_it_was_trained_on_unless_told_otherwise(own_data, photos, tmp_path):
    train = run(own_data, "--show", "0", cwd=tmp_path)
    assert train.returncode == 0, train.stderr
    assert figures(train.stdout)[0] == 7
    assert figures(run(own_data, "--show", "0", "--root", tmp_path, "--split", "val").stdout)[0] == 3


def test_unreadable_pictures_are_listed_and_left_out(tiny_bundle, photos, captions):
    (photos / "5.png").write_bytes(b"broken")
    result = run(tiny_bundle, "--pictures", photos, "--captions", captions, "--show", "0")
    assert result.returncode == 0
    assert figures(result.stdout)[0] == 9
    assert result.stderr.startswith("5.png: ")


def test_captions_inside_an_archive_and_pictures_in_a_zip_are_checked(tiny_bundle, photos, captions, tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for path in photos.iterdir():
            archive.write(path, path.name)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(captions, "captions.csv")
    plain = run(tiny_bundle, "--pictures", photos, "--captions", captions, "--show", "0")
    zipped = run(tiny_bundle, "--pictures", tmp_path / "p.zip", "--captions", tmp_path / "c.zip", "--show", "0")
    assert zipped.stdout == plain.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pictures", "photos"], "--pictures and --captions belong together"),
        (["--captions", "captions.csv"], "--pictures and --captions belong together"),
        (["--pictures", "nowhere", "--captions", "captions.csv"], "nowhere"),
        (["--pictures", "photos", "--captions", "captions.csv", "--split", "train"], "has no splits"),
        (["--split", "test"], "no split 'test': choose one of train, val"),
        (["--root", "photos"], "give their folder with --root"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(own_data, photos, tmp_path, arguments, said):
    result = run(own_data, *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert said in result.stderr


def test_a_batch_without_one_readable_picture_is_an_error(tiny_bundle, photos):
    for path in photos.iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(InputError, match="none of 10 pictures could be read"):
        check(Captioner(tiny_bundle), PictureSource(photos), CAPTIONS)
    with pytest.raises(InputError, match="no picture has captions"):
        check(Captioner(tiny_bundle), PictureSource(photos), {})


def test_it_needs_no_pytorch(tiny_bundle, photos, captions):
    program = "import sys; sys.modules['torch'] = None\nfrom showtell.cli import main; main()\n"
    options = ["check", tiny_bundle, "--pictures", photos, "--captions", captions, "--show", "1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, options)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
