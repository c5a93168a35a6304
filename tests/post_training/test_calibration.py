"""A small real model is calibrated on drawn pictures: what its bundle then says, and what people see of it."""

import csv
import io
import json
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from showtell import Captioner, Evaluation, evaluate
from showtell.captioning.captioner import NOT_SURE
from showtell.captioning.confidence import calibration_of, expected_calibration_error
from showtell.captioning.golden import replay
from showtell.data.captions.caption_set import read_captions
from showtell.embeddings.store import EmbeddingStore
from showtell.errors import BundleError, InputError
from showtell.evaluation.correlation import rank_correlation
from showtell.evaluation.human_baseline import human_baseline
from showtell.images.decode import decode
from showtell.images.preprocessing import square
from showtell.metrics import DocumentFrequency, cider_d, ptb_tokenize
from showtell.models.bundle import read_bundle, write_bundle
from showtell.post_training.calibration import calibrate, calibrate_from_store
from showtell.post_training.calibration.words import own_words
from showtell.text import SPECIALS, Vocabulary


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ninety small pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(90):
        rng = np.random.default_rng(i)
        small = rng.integers(0, 255, (3, 3, 3), dtype=np.uint8)
        Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def captions(pictures, tiny_bundle, tmp_path_factory):
    """Two captions of each: of every other picture much like what the model says. The last thirty are its training."""
    said = [caption.text for caption in Captioner(tiny_bundle).caption(sorted(pictures.iterdir()))]
    path = tmp_path_factory.mktemp("captions") / "captions.csv"
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption", "split"])
        for i, text in enumerate(said):
            split = "train" if i >= 60 else "val"
            other = "the man sits on the grass" if i % 2 else text
            rows.writerows([[f"{i:02}.png", other, split], [f"{i:02}.png", f"{other} in the snow", split]])
    return read_captions(path, split_column="split")


@pytest.fixture(scope="module")
def calibrated(tiny_bundle, pictures, captions, tmp_path_factory):
    path = tmp_path_factory.mktemp("calibrated") / "tiny.showtell"
    calibrate(tiny_bundle, pictures, captions, "val", train_split="train", out=path, show=False)
    return path


def test_the_captions_and_the_golden_one_stay_as_they_were(tiny_bundle, calibrated, pictures):
    before, after = Captioner(tiny_bundle), Captioner(calibrated)
    assert replay(after).text == replay(before).text
    paths = sorted(pictures.iterdir())[:20]
    for old, new in zip(before.caption(paths), after.caption(paths), strict=True):
        assert (old.text, old.score) == (new.text, new.score)
        assert (old.confidence, old.unfamiliar) == (None, None)
        assert 0 < new.confidence < 1
        assert new.unfamiliar in (False, True)


def test_word_probabilities_are_those_of_the_softmax_at_the_temperature(calibrated, pictures):
    captioner = Captioner(calibrated)
    temperature = calibration_of(captioner.bundle).temperature
    assert temperature != 1
    vocabulary, picture = captioner.bundle.vocabulary, pictures / "03.png"
    banned = [vocabulary.pad, vocabulary.unk, vocabulary.start]
    for options in ({}, {"beam": 1}, {"sample": True, "seed": 2, "temperature": 2.0}):
        caption = captioner.caption(picture, **options)
        embedding = captioner.embed(square(decode(picture), captioner.encoder.info.preprocessing)[None])
        constants, state = captioner.generator.decoder.start(embedding)
        last = vocabulary.start
        for i, word in enumerate(caption.words):
            logits, state = captioner.generator.decoder.step(np.array([last]), constants, state)
            p = np.exp(logits[0].astype(np.float64) / temperature)
            p[[*banned, vocabulary.end] if i == 0 else banned] = 0
            last = vocabulary.ids[word.word]
            assert word.probability == pytest.approx(p[last] / p.sum(), rel=1e-3)


def test_the_confidence_ranks_these_captions(calibrated, pictures, captions):
    paths = [pictures / f"{i:02}.png" for i in range(60)]
    references = {path.name: [ptb_tokenize(text) for text in captions.captions[path.name]] for path in paths}
    found = Captioner(calibrated).caption(paths)
    said = {path.name: ptb_tokenize(caption.text) for path, caption in zip(paths, found, strict=True)}
    scores = cider_d(said, references).per_picture[:, 0]
    figures = calibration_of(read_bundle(calibrated)).figures
    assert figures["pictures"] == figures["judged"] == 60
    assert figures["confidence"]["true"] == pytest.approx(0.5, abs=0.1)
    assert (scores[::2] > scores[1::2].max()).all()
    mean = np.mean([caption.confidence for caption in found])
    assert mean == pytest.approx(figures["confidence"]["true"], abs=0.05)


def test_below_the_least_confidence_the_text_is_not_sure_and_the_caption_stands_beside(calibrated, pictures):
    captioner, paths = Captioner(calibrated), sorted(pictures.iterdir())[:20]
    plain = captioner.caption(paths, num_captions=2)
    least = float(np.median([caption.confidence for caption in plain]))
    told = captioner.caption(paths, num_captions=2, min_confidence=least)
    for before, after in zip(plain, told, strict=True):
        for one, held in zip((before, *before.alternatives), (after, *after.alternatives), strict=True):
            sure = one.confidence >= least
            assert (held.text, held.guess) == ((one.text, "") if sure else (NOT_SURE, one.text))
            assert (held.words, held.score, held.confidence) == (one.words, one.score, one.confidence)
    assert 0 < sum(caption.text == NOT_SURE for caption in told) < 20


def test_a_bundle_that_is_not_calibrated_cannot_be_held_to_a_confidence(tiny_bundle, calibrated, pictures):
    with pytest.raises(InputError, match="tiny: not calibrated, so it has no confidence: run showtell calibrate"):
        Captioner(tiny_bundle).caption(pictures / "00.png", min_confidence=0.5)
    with pytest.raises(InputError, match=r"must be between 0 and 1, not 1.5"):
        Captioner(calibrated).caption(pictures / "00.png", min_confidence=1.5)


def test_an_ensemble_has_no_confidence(calibrated, pictures):
    assert Captioner([calibrated, calibrated]).caption(pictures / "00.png").confidence is None


def test_a_model_that_was_named_is_not_replaced_nor_shadowed(calibrated, pictures, captions, tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.showtell").write_bytes(calibrated.read_bytes())
    monkeypatch.setenv("SHOWTELL_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"mine: is .*mine\.showtell, which stays as it is: .*--out"):
        calibrate("mine", pictures, captions, "val", show=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine.showtell", "models"]
    assert (tmp_path / "models" / "mine.showtell").read_bytes() == calibrated.read_bytes()


def test_what_cannot_be_fitted_anew_is_not_dropped_in_silence(calibrated, pictures, captions, tmp_path, showtell):
    once = tmp_path / "once.csv"
    lines = [f"{name},{captions.captions[name][0]}\n" for name in list(captions.captions)[:60]]
    once.write_text("image,caption\n" + "".join(lines))
    done = showtell(
        "calibrate", calibrated, "--pictures", pictures, "--captions", once, "--out", tmp_path / "o.showtell"
    )
    assert done.code == 0, done.err
    after = calibration_of(read_bundle(tmp_path / "o.showtell"))
    assert (after.quality, after.out_of_distribution) == (None, None)
    assert "o.showtell: no longer has confidence, as too few pictures have two or more captions" in done.err
    assert "o.showtell: no longer has the flag for unfamiliar pictures: name the split" in done.err


def test_calibrating_again_and_in_place_gives_the_same_bytes(calibrated, tiny_bundle, pictures, captions, tmp_path):
    path = tmp_path / "again.showtell"
    path.write_bytes(calibrated.read_bytes())
    calibrate(path, pictures, captions, "val", train_split="train", show=False)
    assert path.read_bytes() == calibrated.read_bytes()
    assert calibration_of(read_bundle(tiny_bundle)) is None


def test_what_training_calibrates_is_what_the_command_calibrates(tiny_bundle, pictures, captions, tmp_path):
    after, command, store = tmp_path / "after.showtell", tmp_path / "command.showtell", tmp_path / "store"
    calibrate(tiny_bundle, pictures, captions, "val", train_split="train", out=command, store=store, show=False)
    after.write_bytes(tiny_bundle.read_bytes())
    learnt = {**captions.only("train").captions, "never embedded.png": ("a dog",)}
    calibrate_from_store(after, EmbeddingStore(store), captions.only("val").captions, learnt, show=False)
    one, other = (calibration_of(read_bundle(path)) for path in (after, command))
    assert (one.temperature, one.figures["pictures"]) == (other.temperature, 60)
    assert one.quality.weights == pytest.approx(other.quality.weights, rel=1e-3)
    assert one.out_of_distribution.bound == pytest.approx(other.out_of_distribution.bound, rel=1e-3)
    assert replay(Captioner(after))


def test_a_few_pictures_without_training_pictures_give_a_temperature_alone(tiny_bundle, pictures, captions, tmp_path):
    path, few = tmp_path / "few.showtell", [str(pictures / f"{i:02}.png") for i in range(12)]
    found = calibrate(tiny_bundle, few, replace(captions, splits={}), out=path, partial=True, show=False)
    assert (found.quality, found.out_of_distribution) == (None, None)
    caption = Captioner(path).caption(pictures / "00.png")
    assert (caption.confidence, caption.unfamiliar) == (None, None)
    assert "calibration.safetensors" not in read_bundle(path).parts
    with pytest.raises(InputError, match="not calibrated, so it has no confidence"):
        Captioner(path).caption_options(min_confidence=0.5)


def test_a_calibration_without_its_sum_and_a_folder_to_replace_are_errors(
    calibrated, tiny_bundle, pictures, captions, tmp_path
):
    with zipfile.ZipFile(tiny_bundle) as archive:
        archive.extractall(tmp_path / "folder")
    with pytest.raises(InputError, match="folder: is a folder, which stays as it is: name a file"):
        calibrate(tmp_path / "folder", pictures, captions, "val", show=False)
    (tmp_path / "folder" / "calibration.json").write_bytes(read_bundle(calibrated).parts["calibration.json"])
    with pytest.raises(BundleError, match=r"calibration\.json or its sum is missing"):
        read_bundle(tmp_path / "folder")


def test_a_malformed_calibration_names_the_bundle(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts) | {"calibration.json": b"{}"}
    parts.pop("SHA256SUMS")
    write_bundle(tmp_path / "bad.showtell", parts)
    with pytest.raises(BundleError, match=r"bad\.showtell: calibration\.json is malformed"):
        Captioner(tmp_path / "bad.showtell")


def test_an_evaluation_tells_how_honest_the_confidence_is(calibrated, tiny_bundle, pictures, captions):
    found = evaluate(calibrated, pictures, captions, "val", show=False)
    texts = {picture.name: picture.references for picture in found.pictures}
    good = human_baseline([picture.caption for picture in found.pictures], texts).good
    stated = np.array([picture.confidence for picture in found.pictures])
    assert found.figures["confidence_error"].value == pytest.approx(expected_calibration_error(stated, good))
    assert found.figures["confidence_error"].value < 0.15
    cider = np.array([picture.scores["CIDEr-D"] for picture in found.pictures])
    assert found.figures["rank_correlation"].value == pytest.approx(rank_correlation(stated, cider))
    assert found.figures["unfamiliar"].value == np.mean([picture.unfamiliar for picture in found.pictures])
    assert Evaluation.from_json(json.loads(json.dumps(found.to_json()))) == found
    plain = evaluate(tiny_bundle, pictures, captions, "val", show=False)
    assert {"confidence_error", "unfamiliar"}.isdisjoint(plain.figures)
    assert {picture.confidence for picture in plain.pictures} == {None}


def test_people_are_scored_one_against_the_others(pictures, captions):
    references = {name: captions.captions[name] for name in list(captions.captions)[:8]}
    references["00.png"] = ("a dog", "a big dog jumps", "the dog jumps in the snow")
    references["01.png"] = ("one person alone",)
    tokens = {name: [ptb_tokenize(text) for text in texts] for name, texts in references.items()}
    found = human_baseline([texts[0] for texts in references.values()], references)
    frequency = DocumentFrequency.of(tokens)
    for i, (name, texts) in enumerate(tokens.items()):
        own = [
            cider_d({name: text}, {name: texts[:j] + texts[j + 1 :]}, frequency).corpus["CIDEr-D"]
            for j, text in enumerate(texts)
            if len(texts) > 1
        ]
        assert found.people[i] == pytest.approx(np.mean(own) if own else math.nan, nan_ok=True)
    assert found.judged.tolist() == [name != "01.png" for name in references]
    silent = human_baseline(["xyz"] * 8, references)
    assert not silent.good.any()
    assert found.good.all()


def test_own_words_are_judged_as_long_as_a_person_says_the_same():
    vocabulary = Vocabulary(tuple(sorted(["a", "dog", "cat", "runs", *SPECIALS])))
    said = [vocabulary.ids[word] for word in ("a", "dog", "runs")]
    log_probs = np.log(np.array([0.9, 0.8, 0.7, 0.6], np.float32))
    judged = own_words([log_probs], [said], [["A dog runs.", "a cat", "a dog", "runs a dog"]], vocabulary)
    expected = [(0.9, True), (0.8, True), (0.7, True), (0.6, True)]
    expected += [(0.9, True), (0.8, False), (0.9, True), (0.8, True), (0.7, False), (0.9, False)]
    assert judged.stated == pytest.approx([stated for stated, _ in expected])
    assert judged.true.tolist() == [true for _, true in expected]


def test_the_command_calibrates_and_captions_say_what_they_are_worth(
    showtell, tiny_bundle, pictures, captions, tmp_path
):
    path, table = tmp_path / "mine.showtell", tmp_path / "captions.json"
    path.write_bytes(tiny_bundle.read_bytes())
    images = [
        {"filename": name, "split": captions.splits[name], "sentences": [{"raw": text} for text in texts]}
        for name, texts in captions.captions.items()
    ]
    table.write_text(json.dumps({"images": images}))
    where = ("--pictures", pictures, "--captions", table, "--split", "val", "--train-split", "train")
    ran = showtell("calibrate", path, *where)
    assert ran.code == 0, ran.err
    for line in ("temperature", "the model's own words, after", "confidence, cross-validated", "unfamiliar: "):
        assert line in ran.out
    assert showtell("verify", path).code == 0
    assert "## Confidence" in read_bundle(path).parts["README.md"].decode()

    ran = showtell("caption", pictures, "--model", path, "--format", "jsonl")
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert all({"confidence", "unfamiliar"} < set(line) and "guess" not in line for line in found)
    strange = sum(line["unfamiliar"] for line in found)
    assert f"{strange} of 90 pictures are unlike" in ran.err
    levels = sorted({line["confidence"] for line in found})
    least = sum(levels[len(levels) // 2 :][:2]) / 2  # between two levels, so that rounding decides nothing

    page = tmp_path / "page.html"
    ran = showtell("caption", pictures, "--model", path, "--min-confidence", least, "--html", page)
    lines = ran.out.splitlines()
    for one, line in zip(found, lines, strict=True):
        sure = one["confidence"] >= least
        said = one["caption"] if sure else f"not sure (perhaps: {one['caption']})"
        assert line == f"{one['name']}: {said}"
    unsure = sum("not sure" in line for line in lines)
    assert page.read_text().count(">not sure</p>") == unsure
    assert page.read_text().count("Unlike the pictures that the model was trained on") == strange
    assert page.read_text().count(">confidence ") == 90

    ran = showtell("caption", pictures, "--model", path, "--min-confidence", least, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    for one, row in zip(found, rows, strict=True):
        assert float(row["confidence"]) == pytest.approx(one["confidence"], abs=1e-4)
        assert row["unfamiliar"] == str(one["unfamiliar"]).lower()
        assert (row["guess"] or row["caption"]) == one["caption"]
    ran = showtell("caption", pictures, "--model", tiny_bundle, "--min-confidence", "0.5")
    assert (ran.code, ran.out) == (2, "")
    assert "run showtell calibrate" in ran.err
