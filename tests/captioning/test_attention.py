"""Where a model looked for each word: in captions, on the command line and on a page."""

import json

import numpy as np
import pytest
from PIL import Image

import command_line
from showtell.captioning.attention import attention_maps, overlay
from showtell.captioning.captioner import Captioner
from showtell.captioning.output.page import PageEntry, caption_page
from showtell.errors import InputError
from showtell.images.preprocessing import square
from showtell.text import Vocabulary


def test_words_carry_their_attention_where_it_is_asked_for(looking_bundle, photos):
    captioner = Captioner(looking_bundle)
    paths = sorted(photos.iterdir())[:3]
    plain = captioner.caption(paths, num_captions=2)
    attended = captioner.caption(paths, num_captions=2, attention=True)
    assert attended == plain  # the same words, probabilities and scores
    for caption in attended:
        for one in (caption, *caption.alternatives):
            assert all(word.attention.shape == (4, 4) for word in one.words)
            assert all(word.attention.sum() == pytest.approx(1, abs=1e-5) for word in one.words)
    assert all(word.attention is None for word in plain[0].words)
    alone = captioner.caption(paths[2], num_captions=2, attention=True)
    assert alone.alternatives[0].words[0].attention == pytest.approx(
        attended[2].alternatives[0].words[0].attention, abs=1e-4
    )


def test_what_is_embedded_already_has_attention_too(looking_bundle, photos):
    captioner = Captioner(looking_bundle)
    image = Image.open(photos / "0.png")
    squares = square(image, captioner.encoder.info.preprocessing)[None]
    (embedded,) = captioner.caption_embeddings(captioner.embed(squares), attention=True, beam=2)
    whole = captioner.caption(image, attention=True, beam=2)
    assert embedded == whole
    assert np.array_equal(embedded.words[0].attention, whole.words[0].attention)


def test_a_model_of_pooled_embeddings_cannot_say_where_it_looks(tiny_bundle, photos):
    captioner = Captioner(tiny_bundle)
    reason = r"tiny\.showtell: has no attention, because its decoder is show_and_tell"
    with pytest.raises(InputError, match=reason):
        captioner.caption(photos / "0.png", attention=True)
    with pytest.raises(InputError, match=reason):
        captioner.caption_embeddings(np.zeros((1, 8), np.float32), attention=True)


class FifteenCells:
    """A decoder whose attention covers no square."""

    def start(self, embeddings):
        return {}, {}

    def look(self, tokens, constants, state):
        return np.zeros((1, 6), np.float32), {}, np.full((1, 15), 1 / 15, np.float32)


def test_cells_that_form_no_square_have_no_map():
    vocabulary = Vocabulary.build(["a dog"], min_count=1)
    with pytest.raises(InputError, match="15 grid cells do not form a square"):
        attention_maps(FifteenCells(), np.zeros((1, 15, 8), np.float32), [(5,)], vocabulary)


def test_an_overlay_is_the_picture_where_the_attention_lies_and_dark_elsewhere():
    picture = Image.new("RGB", (64, 64), (200, 100, 40))
    attention = np.zeros((4, 4), np.float32)
    attention[0, 3] = 0.9
    shown = np.asarray(overlay(picture, attention))
    assert shown.shape == (64, 64, 3)
    assert shown[4, 60] == pytest.approx((200, 100, 40), abs=2)
    assert shown[60, 4] == pytest.approx((50, 25, 10), abs=2)


def test_json_lines_and_the_page_show_where_it_looked(looking_bundle, photos, tmp_path):
    given = ("--attention", "--format", "jsonl", "--html", tmp_path / "page.html")
    done = command_line.caption(photos, *given, model=looking_bundle)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    expected = Captioner(looking_bundle).caption(photos / "0.png", attention=True)
    for found, word in zip(lines[0]["words"], expected.words, strict=True):
        assert np.array(found["attention"]) == pytest.approx(word.attention, abs=1e-4)
    words = sum(len(line["words"]) for line in lines)
    assert (tmp_path / "page.html").read_text().count("<img") == 10 + words
    plain = command_line.caption(photos / "0.png", "--format", "jsonl", model=looking_bundle)
    assert all("attention" not in word for word in json.loads(plain.stdout)["words"])


def test_attention_that_nothing_would_show_is_refused(looking_bundle, photos):
    done = command_line.caption(photos, "--attention", model=looking_bundle)
    assert done.returncode == 2
    assert "--format jsonl or parquet or --html" in done.stderr


def test_a_page_pairs_each_word_with_where_it_looked():
    looks = tuple(Image.new("RGB", (20, 20), colour) for colour in ("red", "blue"))
    entry = PageEntry("p.jpg", "a dog", (("a", 0.9), ("dog", 0.4)), -0.5, (), Image.new("RGB", (40, 30)), "", looks)
    page = caption_page([entry], title="Captions")
    details = page[page.index("<details>") :]
    assert "Word by word, and where it looked" in details
    before_dog = details[: details.index(">dog<")]
    assert before_dog.count("<img") == details.count("<img") == 2
    assert before_dog.rindex("<img") > details.index(">a<")
