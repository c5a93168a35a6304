"""Everything the course notebook did, row by row.

The rows are the tables of docs/guide/course-notebook.md; the tests named here hold each.

Rows that no other test holds have theirs here, named in its docstring.
"""

import ast
import base64
import io
import re
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from course import TRAIN, VALIDATION
from repository import ROOT
from showtell.data.captions.caption_set import read_captions
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.images.decode import decode
from showtell.images.preprocessing import Preprocessing, normalize, square
from showtell.search import SearchOptions, search
from showtell.text import SPECIALS, Vocabulary

TESTS = ROOT / "tests"

ROWS = {
    "1.1": ["test_seed_training.py::test_the_courses_three_zips_are_enough_to_train"],
    "1.2": ["test_seed_training.py::test_the_courses_three_zips_are_enough_to_train"],
    "1.3": [
        "test_seed_training.py::test_every_picture_has_its_five_captions_by_file_name",
        "test_seed_coco.py::test_coco_train2014_has_a_list_of_captions_for_every_picture",
    ],
    "1.4": [
        "data/test_sample.py::test_seed_42_keeps_the_same_members_for_ever",
        "data/test_sample.py::test_the_rate_is_the_share_that_is_kept",
    ],
    "1.5": ["test_seed.py::test_a_training_example_is_shown_cropped_with_its_five_captions"],
    "2.1": [
        "images/test_decode.py::test_every_format_gives_its_pixels",
        "images/test_decode.py::test_grey_becomes_three_equal_channels",
    ],
    "2.2": ["images/test_decode.py::test_crop_cuts_the_odd_extra_pixel_from_the_top_or_left"],
    "2.3": [
        "test_seed.py::test_a_square_is_resized_bilinearly_and_scaled_to_minus_one_to_one",
        "images/test_cv2_resize.py::test_photographs_become_the_notebooks_squares",
    ],
    "2.4": [
        "encoders/test_keras.py::test_the_courses_networks_equal_keras_on_photographs",
        "test_seed_training.py::test_the_coco_recipe_crops_for_inceptionv3",
    ],
    "2.5": [
        "encoders/test_keras.py::test_the_courses_networks_equal_keras_on_photographs",
        "encoders/test_keras.py::test_pixels_are_normalised_as_the_networks_own_module_does",
    ],
    "2.6": ["test_seed.py::test_the_zip_is_read_a_bounded_way_ahead_of_batches_of_32"],
    "2.7": ["test_seed.py::test_a_progress_bar_counts_the_zips_members"],
    "2.8": ["test_seed.py::test_reading_stops_when_the_network_fails_or_is_interrupted"],
    "2.9": ["test_seed.py::test_members_that_are_no_pictures_are_skipped"],
    "2.10": ["test_seed.py::test_embeddings_come_with_their_names_in_the_zips_order_and_are_loaded_later"],
    "2.11": ["test_seed.py::test_embeddings_come_with_their_names_in_the_zips_order_and_are_loaded_later"],
    "3.1": ["text/test_words.py::test_a_sentence_becomes_lower_case_words"],
    "3.2": [
        "text/test_words.py::test_the_specials_come_first_in_the_order_end_pad_start_unk",
        "text/test_words.py::test_a_word_must_be_seen_min_count_times",
    ],
    "3.3": ["test_seed_coco.py::test_the_vocabulary_of_coco_train2014_has_8769_entries"],
    "3.4": ["text/test_words.py::test_captions_become_start_tokens_end_with_unknown_words_marked"],
    "3.5": ["test_seed_coco.py::test_the_first_pictures_captions_have_the_notebooks_ids"],
    "3.6": ["text/test_words.py::test_rows_are_padded_to_the_longest_and_cut_to_max_length"],
    "4.1": [
        "test_seed_decoder.py::test_the_layers_have_the_notebooks_sizes",
        "test_seed_decoder.py::test_the_whole_forward_pass_equals_numpys",
    ],
    "4.2": [
        "test_seed_decoder.py::test_the_layers_have_the_notebooks_sizes",
        "test_seed_decoder.py::test_the_whole_forward_pass_equals_numpys",
    ],
    "4.3": ["test_seed_decoder.py::test_the_loss_equals_numpys"],
    "4.4": ["test_seed_decoder.py::test_the_loss_equals_numpys"],
    "5.1": ["test_seed_training.py::test_every_step_is_adams"],
    "5.2": ["test_seed_training.py::test_a_batch_is_64_different_pictures_with_one_random_caption_of_each"],
    "5.3": ["test_seed_training.py::test_a_batch_is_64_different_pictures_with_one_random_caption_of_each"],
    "5.4": [
        "test_seed_training.py::test_the_recipe_has_the_notebooks_numbers",
        "test_seed_training.py::test_twelve_epochs_of_so_many_batches_are_trained",
    ],
    "5.5": [
        "test_seed_training.py::test_the_recipe_has_the_notebooks_numbers",
        "test_seed_training.py::test_the_validation_loss_is_that_of_so_many_batches",
    ],
    "5.6": ["test_seed_training.py::test_the_running_loss_stands_on_the_progress_bar"],
    "5.7": ["test_seed_training.py::test_weights_of_all_twelve_epochs_and_of_the_end_are_kept"],
    "5.8": ["training/test_resume.py::test_a_run_begun_from_any_epochs_weights_ends_with_those_of_the_unbroken_one"],
    "5.9": [
        "test_seed_training.py::test_the_losses_fall_as_the_notebook_logged_them",
        "test_seed_training.py::test_docs_have_the_notebooks_own_figures",
    ],
    "5.10": [
        "test_seed_training.py::test_the_finished_model_foretells_half_of_the_next_words_of_a_training_batch",
        "evaluation/test_next_word.py::test_sentences_stand_side_by_side_within_the_terminal",
    ],
    "6.1": [
        "test_seed.py::test_words_are_fed_back_until_end_or_20_words",
        "search/test_search.py::test_greedy_takes_the_likeliest_word_at_every_step",
    ],
    "6.2": [
        "search/test_search.py::test_greedy_takes_the_likeliest_word_at_every_step",
        "search/test_search.py::test_sampling_draws_words_as_often_as_the_tempered_probabilities_say",
    ],
    "6.3": ["search/test_search.py::test_temperature_follows_the_original_table_to_its_last_digit"],
    "6.4": [
        "captioning/test_captioner.py::test_a_path_bytes_an_image_and_an_array_are_one_picture",
        "cli/test_cli.py::test_files_archives_and_patterns_are_sources",
    ],
    "6.5": ["cli/test_caption_sources.py::test_one_picture_by_index"],
    "6.6": ["cli/test_caption_sources.py::test_random_pictures_of_a_zip_can_be_drawn_again"],
    "6.7": ["cli/test_caption_sources.py::test_a_picture_from_the_web_is_captioned_as_the_file_is"],
    "6.8": ["cli/test_cli.py::test_captions_go_to_a_file_and_a_page"],
    "6.9": ["test_notebook.py::test_it_shows_captions_and_ten_good_and_ten_bad"],
}


def test_every_row_of_the_page_has_tests_and_every_test_exists():
    page = (TESTS.parent / "docs/guide/course-notebook.md").read_text()
    assert list(ROWS) == re.findall(r"^\| (\d\.\d+) \|", page, re.MULTILINE)
    for row, tests in ROWS.items():
        assert tests, row
        for test in tests:
            file, _, name = test.partition("::")
            functions = {node.name for node in ast.parse((TESTS / file).read_text()).body if hasattr(node, "name")}
            assert name in functions, f"row {row}: {test}"


def test_a_training_example_is_shown_cropped_with_its_five_captions(course, showtell, tmp_path):
    """1.5: the picture's centre, and all five captions as its title."""
    named = "captions_train-val2014.zip/captions_train2014.json"
    files = ("--root", course, "--pictures", "train2014.zip", "--captions", named)
    ran = showtell("data", "show", *files, "--index", "3")
    assert ran.code == 0, ran.err
    assert showtell("data", "show", *files, "--index", "3", "--html", tmp_path / "x.html").code == 0
    name = PictureSource(course / "train2014.zip").names()[3]
    known = read_captions(course / "captions_train-val2014.zip", member="captions_train2014.json").captions
    captions = known[name.removeprefix("train2014/")]
    assert len(captions) == 5
    assert ran.out.splitlines()[0].startswith(name)
    assert [line.strip() for line in ran.out.splitlines()[1:]] == list(captions)
    page = (tmp_path / "x.html").read_text()
    assert all(caption in page for caption in captions)
    (thumbnail,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(thumbnail))) as shown:
        assert shown.width == shown.height, "the photograph is 111 x 91"


@pytest.mark.parametrize("interpolation", ["bilinear", "bilinear-opencv"])
def test_a_square_is_resized_bilinearly_and_scaled_to_minus_one_to_one(interpolation):
    """2.3: to 299 x 299, bilinear, float32, x / 127.5 - 1."""
    picture = Image.fromarray(np.linspace(0, 255, 2, dtype=np.uint8).repeat(3).reshape(1, 2, 3).repeat(2, axis=0))
    inception = Preprocessing(size=299, interpolation=interpolation)
    fitted = square(picture, inception)
    assert fitted.shape == (299, 299, 3)
    # Between the two pixels' centres a bilinear ramp, and beyond them the pixels themselves.
    place = (np.arange(299) + 0.5) * 2 / 299 - 0.5
    assert np.abs(fitted[150, :, 0] - np.clip(place, 0, 1) * 255).max() <= 1
    ready = normalize(fitted[None], inception)
    assert ready.dtype == np.float32
    assert ready[0] == pytest.approx(fitted.transpose(2, 0, 1) / 127.5 - 1, abs=1e-6)


class Watched(Encoder):
    """An encoder that notes each batch's size and how far the source has been read by then; and may fail."""

    def __init__(self, graph, source, fails=None):
        super().__init__(graph)
        self.source, self.fails, self.seen = source, fails, []

    def __call__(self, squares, output="pooled"):
        self.seen.append((len(squares), self.source.count))
        if self.fails and len(self.seen) == 2:
            raise self.fails
        return super().__call__(squares, output)


class Counted(PictureSource):
    """A source that counts the pictures that have been read."""

    count = 0
    closed = False

    def read(self, *, skip=frozenset()):
        try:
            for picture in super().read(skip=skip):
                self.count += 1
                yield picture
        finally:
            self.closed = True


@pytest.fixture
def large_zip(tmp_path):
    """400 pictures under a folder, out of the alphabet's order, with members between them that are none."""
    with zipfile.ZipFile(tmp_path / "train2014.zip", "w") as archive:
        for i in range(400):
            file = tmp_path / "one.jpg"
            Image.new("RGB", (9, 8), (i % 256, 255 - i % 256, 7 * i % 256)).save(file, quality=95)
            archive.write(file, f"train2014/{(37 * i) % 400:03}.jpg")
            if i % 100 == 0:
                archive.writestr(f"train2014/notes-{i}.txt", b"no picture")
    return tmp_path / "train2014.zip"


def test_the_zip_is_read_a_bounded_way_ahead_of_batches_of_32(large_zip, tiny_encoder, tmp_path):
    """2.6: never more than ten batches of decoded pictures wait for the network."""
    source = Counted(large_zip)
    encoder = Watched(tiny_encoder, source)
    embed(source, encoder, tmp_path / "store", EmbedOptions(batch_size=32), show=False)
    sizes = [size for size, _ in encoder.seen]
    assert sizes == [32] * 12 + [16]
    taken = np.cumsum(sizes)
    assert all(count - done <= 10 * 32 for (_, count), done in zip(encoder.seen, taken, strict=True))
    assert encoder.seen[0][1] < 400, "the network began before all was read"


def test_a_progress_bar_counts_the_zips_members(large_zip, tiny_encoder, tmp_path, capsys):
    """2.7."""
    embed(PictureSource(large_zip), Encoder(tiny_encoder), tmp_path / "store")
    assert "embedding: 400/400 pictures" in capsys.readouterr().err


@pytest.mark.parametrize("failure", [RuntimeError("the network failed"), KeyboardInterrupt()])
def test_reading_stops_when_the_network_fails_or_is_interrupted(large_zip, tiny_encoder, tmp_path, failure):
    """2.8: the error is raised, the zip is closed, and no thread keeps running."""
    source, before = Counted(large_zip), {*threading.enumerate()}  # other tests may have left a service running
    with pytest.raises(type(failure)):
        embed(source, Watched(tiny_encoder, source, failure), tmp_path / "s", EmbedOptions(batch_size=32), show=False)
    assert source.closed
    assert source.count < 400
    assert not [thread for thread in {*threading.enumerate()} - before if thread.name.startswith("decode")]


def test_members_that_are_no_pictures_are_skipped(course):
    """2.9: each zip has a folder entry and a text beside its pictures."""
    assert len(zipfile.ZipFile(course / "train2014.zip").namelist()) == TRAIN + 2
    assert len(PictureSource(course / "train2014.zip").names()) == TRAIN
    assert [len(PictureSource(course / "val2014.zip").names()), VALIDATION] == [VALIDATION] * 2


def test_embeddings_come_with_their_names_in_the_zips_order_and_are_loaded_later(large_zip, tiny_encoder, tmp_path):
    """2.10 and 2.11: `(n, D)`, row by row what the network says of each picture."""
    encoder, source = Encoder(tiny_encoder), PictureSource(large_zip)
    embed(source, encoder, tmp_path / "store", show=False)
    loaded = EmbeddingStore(tmp_path / "store")
    members = [name for name in zipfile.ZipFile(large_zip).namelist() if name.endswith(".jpg")]
    assert list(loaded.names) == members
    embeddings = loaded.take(range(400))
    assert embeddings.shape == (400, 8)
    for row, picture in enumerate(source.read()):
        if row % 57 == 0:
            one = square(decode(picture.data), encoder.info.preprocessing)
            assert embeddings[row] == pytest.approx(encoder(one[None])[0], rel=2e-3, abs=1e-4), picture.name


def test_words_are_fed_back_until_end_or_20_words():
    """6.1, with a decoder that counts: it writes END after the word that the picture names, or never ends."""
    words = [f"w{i:02}" for i in range(30)]
    vocabulary = Vocabulary(tuple(sorted([*SPECIALS, *words])))
    first = vocabulary.ids["w00"]

    class Counting:
        def start(self, embeddings):
            return {"last": embeddings[:, 0].astype(np.int64)}, {}

        def step(self, tokens, constants, state):
            following = np.where(tokens == vocabulary.start, first, tokens + 1)
            following = np.where(tokens - first == constants["last"], vocabulary.end, following)
            return np.eye(len(vocabulary), dtype=np.float32)[following] * 50, state

    pictures = np.array([[4.0], [0.0], [99.0]], np.float32)
    found = search(Counting(), pictures, vocabulary, SearchOptions(beam=1, max_length=20))
    assert [vocabulary.decode(hypotheses[0].tokens) for hypotheses in found] == [
        "w00 w01 w02 w03 w04",
        "w00",
        " ".join(words[:20]),
    ]
