"""What people import: models by name, streams of anything, embeddings, notebooks, training with few verbs."""

import itertools
import json
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
    with pytest.raises(PictureError, match=r"^missing\.png: cannot be read \(No such file or directory\)$"):
        estimator.fit(["missing.png"], ["a dog"])
    with pytest.raises(PictureError, match=r"^picture 0: an array of shape \(2,\)"):
        estimator.fit([np.zeros(2)], ["a dog"])


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_it_passes_the_checks_of_scikit_learn_that_give_it_no_table_of_numbers(check):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, check)("CaptioningEstimator", showtell.CaptioningEstimator())


@pytest.mark.slow  # it trains, which needs PyTorch
def test_scikit_learn_validates_it_on_folds(drawn, tiny_encoder, tmp_path):
    selection = pytest.importorskip("sklearn.model_selection")
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    tables = {"decoder": {"hidden": 16, "word": 8}}
    estimator = showtell.CaptioningEstimator(f"onnx:{tmp_path / 'tiny.onnx'}", min_count=1, epochs=1, recipe=tables)
    pictures, captions = drawn
    scores = selection.cross_val_score(estimator, pictures, captions, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_an_estimator_that_is_not_fitted_says_so_as_those_of_scikit_learn_do():
    estimator = showtell.CaptioningEstimator()
    for used in (estimator.predict, lambda pictures: estimator.score(pictures, ["a dog"])):
        with pytest.raises(showtell.NotFittedError, match="call fit first") as raised:
            used([b""])
        assert isinstance(raised.value, (InputError, ValueError, AttributeError))
    validation = pytest.importorskip("sklearn.utils.validation")
    with pytest.raises(ValueError, match="not fitted yet"):
        validation.check_is_fitted(estimator)


def test_a_caption_is_a_dictionary_with_the_same_keys_whatever_is_known(captioner, photos):
    caption = captioner.caption(photos / "0.png", num_captions=2)
    plain = caption.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["caption"], plain["score"], plain["confidence"]) == (caption.text, caption.score, None)
    assert [word["word"] for word in plain["words"]] == caption.text.split()
    assert plain["alternatives"][0]["caption"] == caption.alternatives[0].text
    known = Caption("a dog", -0.5, (), confidence=0.4, tags=(showtell.Tag("dog", 0.9),))
    assert known.to_dict().keys() == plain.keys()
    assert known.to_dict()["tags"] == {"dog": 0.9}
    (good, bad) = captioner.caption_stream([photos / "0.png", b"nothing"])
    assert good.to_dict() == {
        "name": str(photos / "0.png"),
        "error": "",
        **captioner.caption(photos / "0.png").to_dict(),
    }
    assert bad.to_dict() == {"name": "picture 1", "error": bad.error}


def test_what_is_printed_of_captions_and_models_says_something_short(captioner):
    caption = Caption("a dog", -0.512, (Word("a", 0.5),), confidence=0.4, unfamiliar=True)
    assert repr(caption) == "Caption('a dog', score=-0.51, confidence=0.40, unfamiliar=True)"
    assert repr(captioner) == "Captioner('tiny')"
    assert repr(captioner.bundle).endswith(f"'tiny', {len(captioner.bundle.vocabulary)} entries)")


def test_an_error_names_the_picture_once(captioner, photos):
    for broken in (photos / "missing.png", str(photos / "missing.png")):
        with pytest.raises(PictureError) as raised:
            captioner.caption(broken)
        assert str(raised.value).count("missing.png") == 1
        with pytest.raises(PictureError) as raised:
            captioner.embed_pictures([broken])
        assert str(raised.value).count("missing.png") == 1
