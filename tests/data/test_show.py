"""`showtell data show`: the pictures that were asked for, with the captions that are theirs."""

import json
import zipfile

import pytest
from PIL import Image


@pytest.fixture
def data(photos, tmp_path):
    """Options that name ten pictures in a zip, of which eight have captions and a split."""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for i in range(10):
            archive.write(photos / f"{i}.png", f"deep/{i}.png")
    rows = [f"{i}.png,Caption {i}{k}.,{'val' if i > 5 else 'train'}" for i in range(8) for k in "ab"]
    (tmp_path / "c.csv").write_text("\n".join(["image,caption,part", *rows]))
    named = ["--pictures", tmp_path / "p.zip", "--captions", tmp_path / "c.csv", "--set", "data.split_column=part"]
    return lambda *more: ("data", "show", *named, *more)


def test_pictures_are_shown_by_name_and_by_index(data, showtell):
    ran = showtell(*data("--name", "7.png"))
    assert (ran.code, ran.out) == (0, "deep/7.png  val, 89 x 60\n  Caption 7a.\n  Caption 7b.\n")
    assert showtell(*data("--index", "7")).out == ran.out
    ran = showtell(*data("--index", "1", "--index", "9"))
    assert ran.out.split("\n\n")[0].startswith("deep/1.png  train, 47 x 60\n  Caption 1a.")
    assert ran.out.split("\n\n")[1] == "deep/9.png  103 x 60\n  (no captions)\n"


def test_random_pictures_can_be_shown_again(data, showtell):
    first = showtell(*data("--random", "3"))
    assert first.out.count("deep/") == 3
    seed = first.err.partition("--seed ")[2].split()[0]
    assert showtell(*data("--random", "3", "--seed", seed)).out == first.out
    assert showtell(*data()).out.count("deep/") == 1


def test_a_png_and_a_page_are_written(data, showtell, tmp_path):
    ran = showtell(*data("--random", "4", "--png", tmp_path / "x.png", "--html", tmp_path / "x.html"))
    assert ran.code == 0, ran.err
    with Image.open(tmp_path / "x.png") as image:
        assert image.width == 2 * (480 + 24) + 24
    assert (tmp_path / "x.html").read_text().count("<figure>") == 4


def test_a_recipe_names_the_data(photos, tmp_path, showtell):
    (tmp_path / "c.jsonl").write_text(json.dumps({"image": "3.png", "caption": ["One.", "Two."]}))
    (tmp_path / "r.toml").write_text(
        '[data]\npictures = ["photos"]\ncaptions = "c.jsonl"\n[training]\nepochs = 3\n[decoder]\nkind = "attention"\n'
    )
    ran = showtell("data", "show", tmp_path / "r.toml", "--root", tmp_path, "--name", "3.png")
    assert ran.out == "3.png  61 x 60\n  One.\n  Two.\n"
    (tmp_path / "r.toml").write_text('[data]\npicturs = ["photos"]\n')
    ran = showtell("data", "show", tmp_path / "r.toml")
    assert ran.code == 2
    assert "r.toml: [data] has no key 'picturs'" in ran.err


def test_pictures_alone_and_unreadable_ones_are_shown(photos, showtell):
    (photos / "3.png").write_bytes(b"no picture")
    ran = showtell("data", "show", "--pictures", photos, "--name", "3.png")
    assert "cannot be read: not a JPEG" in ran.out
    assert showtell("data", "show", "--pictures", photos, "--index", "0").out == "0.png  40 x 60\n  (no captions)\n"


def test_the_built_in_data_set_is_shown(showtell):
    ran = showtell("data", "show", "--data", "shapes", "--index", "0")
    assert ran.out.startswith("train-00000.png  train, 224 x 224\n  ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--name", "77.png"], "has no picture '77.png'; its first is 'deep/0.png'"),
        (["--index", "10"], "no picture 10"),
        (["--index", "1", "--random", "2"], "give one of them"),
        (["--font", "x.ttf"], "--font only matters with --png"),
        (["--data", "shapes"], "leave out"),
        (["--data", "coco"], "are shapes and shapes-relations"),
    ],
)
def test_wrong_options_are_one_line(data, showtell, more, said):
    ran = showtell(*data(*more, "--seed", "1"))
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert said in ran.err


def test_an_image_that_cannot_be_written_is_told(data, showtell, tmp_path):
    ran = showtell(*data("--seed", "1", "--png", tmp_path / "c.csv" / "x.png"))
    assert ran.code == 2
    assert "x.png: cannot be written" in ran.err


def test_without_any_data_it_is_said_what_to_name(showtell):
    ran = showtell("data", "show")
    assert ran.code == 2
    assert "name the pictures" in ran.err
