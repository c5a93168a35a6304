"""What people import: models by name, streams of anything, embeddings, notebooks, training with few verbs."""

import itertools
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import showtell
from repository import ROOT
from showtell import Caption, Captioner, Word, list_models
from showtell.data.sources.picture_source import RawPicture
from showtell.errors import BundleError, InputError, PictureError


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


def test_a_model_is_loaded_by_its_name(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOWTELL_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    assert Captioner("general").name == Captioner().name
    with pytest.raises(BundleError, match="no model of that name: there are flickr8k"):
        Captioner("mine")
    (tmp_path / "models").mkdir()
    shutil.copy(tiny_bundle, tmp_path / "models" / "mine.showtell")
    assert Captioner("mine").name == "tiny"
    assert list_models()["mine"] == tmp_path / "models" / "mine.showtell"
    with pytest.raises(BundleError, match=r"other\.showtell: there is no such model bundle"):
        Captioner("other.showtell")


def test_a_stream_takes_whatever_holds_a_picture(captioner, photos):
    path = photos / "3.png"
    image = Image.open(path)
    pictures = [path, str(path), path.read_bytes(), image, np.asarray(image), RawPicture("named", path.read_bytes())]
    bad = [b"nothing", photos / "missing.png"]
    results = list(captioner.caption_stream(iter([*pictures, *bad]), batch_size=3))
    assert [one.name for one in results] == [
        *(str(path), str(path), "picture 2", "picture 3", "picture 4", "named"),
        *("picture 6", str(photos / "missing.png")),
    ]
    assert {one.caption.text for one in results[:6]} == {captioner.caption(path).text}
    assert [one.error for one in results[6:]] == [
        "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture",
        "cannot be read (No such file or directory)",
    ]


def test_a_stream_without_an_end_is_read_a_little_ahead(captioner, photos):
    read = []
    endless = (read.append(i) or photos / f"{i % 10}.png" for i in itertools.count())
    found = list(itertools.islice(captioner.caption_stream(endless, batch_size=2, threads=2), 25))
    assert [one.name for one in found] == [str(photos / f"{i % 10}.png") for i in range(25)]
    assert len(read) < 50


def test_embeddings_of_pictures_are_what_captions_are_made_of(captioner, photos):
    paths = sorted(photos.iterdir())
    embeddings = captioner.embed_pictures(paths, batch_size=3)
    assert (embeddings.shape, embeddings.dtype) == ((10, 8), np.float32)
    assert embeddings[4] == pytest.approx(captioner.embed_pictures([paths[4]])[0], abs=1e-5)
    assert [one.text for one in captioner.caption_embeddings(embeddings)] == [
        one.text for one in captioner.caption_batch(paths)
    ]
    assert captioner.embed_pictures([]).shape == (0, 8)
    with pytest.raises(PictureError, match="picture 1"):
        captioner.embed_pictures([paths[0], b"nothing"])


def test_grid_embeddings_have_a_row_for_each_cell(looking_bundle, photos):
    assert Captioner(looking_bundle).embed_pictures([photos / "0.png"]).shape == (1, 16, 8)


def test_n_best_is_the_caption_and_its_alternatives(captioner, photos):
    caption = captioner.caption(photos / "0.png", num_captions=3)
    assert len(caption.n_best) == 3
    assert caption.n_best == (caption, *caption.alternatives)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.titles, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.titles += [text for key, text in attributes if key == "title"]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def shown(caption):
    tags = _Tags()
    tags.feed(caption._repr_html_())
    assert not tags.open  # every element is closed, in its turn
    return tags


def test_a_notebook_shows_words_with_their_probabilities_and_what_is_known():
    words = (Word("a", 0.999), Word("<dog>", 0.25))
    other = Caption("a cat", -2.0, (Word("a", 0.5), Word("cat", 0.001)))
    found = shown(Caption("a <dog>", -0.5, words, (other,), confidence=0.4, unfamiliar=True))
    assert found.titles == ["over 99%", "25%", "50%", "under 1%"]
    assert found.text == (
        "a <dog>score -0.50 · confidence 40% · unlike the pictures that the model was trained ona catscore -2.00"
    )
    held = shown(Caption("not sure", -0.5, words, confidence=0.2, guess="a <dog>"))
    assert held.text == "not sure (perhaps: a <dog>)score -0.50 · confidence 20%"


def test_types_are_there_for_those_who_use_the_package(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from showtell import Caption, Captioner, CaptioningEstimator, evaluate, train\n"
        'one: Caption = Captioner("flickr8k").caption("a.jpg", beam=5)\n'
        'several: list[Caption] = Captioner().caption(["a.jpg", b"bytes"])\n'
        "reveal_type(one.n_best)\n"
        'reveal_type(train({"name": "x"}, "runs/x").bundle)\n'
        'reveal_type(evaluate("m.showtell", "p.zip", "c.json").figures["CIDEr-D"].value)\n'
        "reveal_type(CaptioningEstimator().fit([], []).predict([]))\n"
        'wrong: int = Captioner().caption("a.jpg")\n'
        'Captioner().caption("a.jpg", beem=5)\n'
        'Captioner().caption_stream(["a.jpg"], temperature="hot")\n'
        'Captioner().caption_batch(["a.jpg"], guide="never")\n'
        'evaluate("m.showtell", "p.zip", "c.json", num_caption=2)\n'
    )
    # With the project's own settings and cache, because mypy reads all of the package.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    lines = [line for line in done.stdout.splitlines() if "program.py:" in line]  # its folder may be an earlier run's
    assert [line.split('"')[1] for line in lines[:4]] == [
        "tuple[showtell.captioning.caption.Caption, ...]",
        "pathlib.Path",
        "float",
        "list[str]",
    ]
    assert "Incompatible types in assignment" in lines[4]
    faults = {int(line.split(":")[1]): line for line in lines[4:] if ": error: " in line}
    assert faults.keys() == {8, 9, 10, 11, 12}
    assert "[call-overload]" in faults[9]
    assert 'Argument "temperature" to "caption_stream"' in faults[10]
    assert 'Argument "guide" to "caption_batch"' in faults[11]
    assert 'Unexpected keyword argument "num_caption" for "evaluate"' in faults[12]


@pytest.fixture(scope="module")
def drawn():
    """Sixty drawn pictures, some as arrays, and their captions."""
    from showtell.data.synthetic.shapes import Shapes, ShapesOptions
    from showtell.images.decode import decode

    shapes = Shapes(ShapesOptions(train_pictures=48, val_pictures=12))
    captions = shapes.captions().captions
    pictures = [np.asarray(decode(one.data)) if i % 2 else one.data for i, one in enumerate(shapes.read())]
    return pictures, [captions[name] for name in shapes.names()]


@pytest.mark.slow  # it trains, which needs PyTorch
def test_an_estimator_learns_predicts_scores_and_is_saved(drawn, tiny_encoder, tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    pictures, captions = drawn
    estimator = showtell.CaptioningEstimator(
        encoder=f"onnx:{tmp_path / 'tiny.onnx'}",
        min_count=1,
        epochs=2,
        recipe={"decoder": {"hidden": 16, "word": 8}, "encoder": {"resize": "squash"}},
        folder=tmp_path / "fitted",
    )
    with pytest.raises(InputError, match="call fit first"):
        estimator.predict(pictures)
    assert estimator.fit(pictures, captions) is estimator
    assert len(estimator.metrics_) == 2
    assert estimator.metrics_[1]["train_loss"] < estimator.metrics_[0]["train_loss"]
    found = estimator.predict(pictures[:5])
    estimator.save(tmp_path / "mine.showtell")
    loaded = Captioner(tmp_path / "mine.showtell")
    assert [one.text for one in loaded.caption_batch(pictures[:5])] == found
    assert loaded.encoder.info.preprocessing.resize == "squash"
    references = {str(i): tuple(texts) for i, texts in enumerate(captions)}
    hypotheses = {str(i): text for i, text in enumerate(estimator.predict(pictures))}
    assert estimator.score(pictures, captions) == showtell.score(hypotheses, references).corpus["CIDEr-D"]
    with pytest.raises(InputError, match="other pictures or captions"):
        estimator.fit(pictures[::-1], captions)
    again = showtell.train(estimator._tables(), tmp_path / "again", root=tmp_path / "fitted", show=False)
    assert [one["train_loss"] for one in again.metrics] == [one["train_loss"] for one in estimator.metrics_]


@pytest.mark.slow  # it trains, which needs PyTorch
def test_parameters_are_got_set_and_cloned_as_scikit_learn_does_it():
    estimator = showtell.CaptioningEstimator(epochs=3, seed=7)
    clone = type(estimator)(**estimator.get_params())
    assert clone == estimator
    assert clone.set_params(epochs=5, decoder="attention") is clone
    assert (clone.get_params()["epochs"], estimator.epochs) == (5, 3)
    with pytest.raises(InputError, match="'epoch'"):
        clone.set_params(epoch=1)
    with pytest.raises(InputError, match="as many"):
        estimator.fit([b""], [])
    with pytest.raises(PictureError, match="picture 0"):
        estimator.fit(["missing.png"], ["a dog"])
