"""Checking a data set before training: every number is compared with an independent count."""

import json
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from showtell.data.examples import DataOptions, load_examples
from showtell.data.sources.picture_source import PictureSource
from showtell.data.synthetic.shapes import Shapes, ShapesOptions
from showtell.data_check import SurveyOptions, survey
from showtell.data_check.captions import look_at_captions
from showtell.data_check.embedding_cost import encoder_at_hand, estimate
from showtell.data_check.pictures import look_at_pictures
from showtell.data_check.spread import NumberSummary
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.encoders import Encoder
from showtell.errors import InputError
from showtell.text import Vocabulary, tokenize


@pytest.fixture
def flawed(tmp_path):
    """Ten pictures to train on and four to validate on, with one flaw of every kind."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = ["image,caption,part"]
    for i in range(14):
        colours = np.random.default_rng(i).integers(0, 256, (10 + i, 20, 3), dtype=np.uint8)
        Image.fromarray(colours).save(folder / f"{i:02}.png")
        part = "train" if i < 10 else "val"
        rows += [f"{i:02}.png,A dog runs {'far ' * i}.,{part}", f"{i:02}.png,a cat,{part}"]
    (folder / "11.png").write_bytes((folder / "02.png").read_bytes())  # validation has what training has
    (folder / "04.png").write_bytes((folder / "03.png").read_bytes())
    (folder / "05.png").write_bytes((folder / "05.png").read_bytes()[:90])
    (folder / "alone.png").write_bytes((folder / "06.png").read_bytes())
    rows += [
        "none.png,No picture.,train",
        "07.png,...,train",
        "08.png, ,train",
        "09.png,A CAT!,train",
        "13.png,owl,test",
    ]
    (tmp_path / "c.csv").write_text("\n".join(rows[:-1]))
    return DataOptions(("pictures",), "c.csv", split_column="part")


def texts(found, fatal):
    return [problem.text for problem in found.problems if problem.fatal is fatal]


def test_every_flaw_is_found_and_named(flawed, tmp_path):
    found = survey(flawed, SurveyOptions(min_count=2, max_length=8), root=tmp_path, show=False)
    assert found.usable
    assert (found.train, found.validation, found.left_out) == (10, 4, 0)
    assert (found.without_captions, found.without_pictures) == (("alone.png",), ("none.png",))
    assert found.pictures.twins == (("03.png", "04.png"), ("02.png", "11.png"))
    assert (found.pictures.read, [name for name, _ in found.pictures.unreadable]) == (13, ["05.png"])
    assert found.captions.captions == 30  # the blank one was dropped
    assert (found.captions.wordless, found.captions.repeated) == (("07.png",), 1)
    assert found.captions.cut == sum(3 + i > 6 for i in range(14))
    assert found.captions.longest[0] == "13.png"
    said = texts(found, fatal=False)
    for words in (
        "1 picture cannot be read: 05.png (the picture is damaged",
        "1 picture byte for byte both to train and to validate on: 02.png = 11.png",
        "1 picture byte for byte twice in the same split: 03.png = 04.png",
        "1 picture without captions: alone.png",
        "1 captioned name without a picture: none.png",
        "1 caption blank, 1 without a word: 07.png",
        "10 captions of more than 6 words, which training cuts; the longest has 16: 13.png",
        "1 caption word for word like another",
        "only 10 pictures to train on",
    ):
        assert any(words in text for text in said), (words, said)


def test_a_flawless_data_set_has_no_problems():
    found = survey(DataOptions(("shapes",)), SurveyOptions(min_count=1, quick=True, encoder="none"), show=False)
    assert found.problems == ()
    assert (found.train, found.validation, found.quick, found.pictures.read) == (4000, 400, 200, 200)
    assert found.embedding is None


def test_without_a_known_word_training_cannot_work(flawed, tmp_path):
    found = survey(flawed, SurveyOptions(min_count=1000), root=tmp_path, show=False)
    assert not found.usable
    assert texts(found, fatal=True) == [
        "no word occurs 1000 times in the training captions: lower vocabulary.min_count"
    ]
    assert (found.captions.vocabulary, found.captions.unknown_train) == (0, 1.0)


def test_without_a_readable_picture_in_a_split_training_cannot_work(flawed, tmp_path):
    for i in range(10, 14):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(b"")
    found = survey(flawed, root=tmp_path, show=False)
    assert texts(found, fatal=True) == ["0 readable pictures to validate on, fewer than the 1 of a batch"]


def test_batches_of_different_pictures_need_enough_of_them(flawed, tmp_path):
    assert survey(flawed, SurveyOptions(least_train=9), root=tmp_path, show=False).usable
    found = survey(flawed, SurveyOptions(least_train=10), root=tmp_path, show=False)
    assert texts(found, fatal=True) == ["9 readable pictures to train on, fewer than the 10 of a batch"]


def test_an_archive_that_breaks_off_is_told_after_what_it_holds(flawed, tmp_path):
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        archive.add(tmp_path / "pictures", "p", filter=lambda member: member)
    whole = (tmp_path / "p.tar").read_bytes()
    (tmp_path / "p.tar").write_bytes(whole[: len(whole) * 3 // 4])
    options = DataOptions(("p.tar",), "c.csv", train=("train", "val"), validation=("val",), split_column="part")
    found = survey(options, root=tmp_path, show=False)
    assert not found.usable
    assert "ends after" in texts(found, fatal=True)[0]
    assert found.pictures.read > 3


def test_unknown_words_are_counted_as_training_will_meet_them():
    shapes = Shapes(ShapesOptions(train_pictures=60, val_pictures=40))
    captions = shapes.captions().captions
    train, validation = ([name for name in captions if name.startswith(split)] for split in ("train", "val"))
    facts = look_at_captions(captions, train, validation, min_count=30, max_length=9)
    vocabulary = Vocabulary.build([text for name in train for text in captions[name]], 30)
    assert facts.vocabulary == len(vocabulary)
    for names, share in ((train, facts.unknown_train), (validation, facts.unknown_validation)):
        ids = [i for name in names for text in captions[name] for i in vocabulary.encode(text)[1:-1]]
        assert share == pytest.approx(Counter(ids)[vocabulary.unk] / len(ids))
        assert share > 0
    lengths = [len(tokenize(text)) for texts in captions.values() for text in texts]
    assert facts.length == NumberSummary.of(lengths)
    assert facts.cut == sum(len(vocabulary.encode(text)) > 9 for texts in captions.values() for text in texts)


def test_a_spread_is_that_of_numpy():
    numbers = [7, 1, 1, 3, 40]
    spread = NumberSummary.of(numbers)
    assert (spread.smallest, spread.median, spread.largest) == (1, np.median(numbers), 40)
    assert (spread.most, spread.mean) == (np.percentile(numbers, 95), np.mean(numbers))
    assert (str(spread), str(NumberSummary.of([5, 5])), str(NumberSummary.of([]))) == ("1 to 40, median 3", "5", "0")


def test_an_estimate_is_what_embedding_makes(tiny_encoder, tmp_path):
    shapes = Shapes(ShapesOptions(train_pictures=60, val_pictures=40))
    encoder = Encoder(tiny_encoder)
    found = estimate(shapes, shapes.names(), encoder, "grid", measured=32)
    assert (found.encoder, found.pictures, found.measured) == ("tiny", 100, 32)
    assert found.seconds == pytest.approx(100 / found.rate)
    embed(shapes, encoder, tmp_path / "store", EmbedOptions("grid"), show=False)
    stored = sum(path.stat().st_size for path in (tmp_path / "store").glob("*.arrow"))
    assert stored == pytest.approx(found.bytes, rel=0.15)
    assert estimate(shapes, shapes.names()[:5], encoder) is None


def test_mirror_images_are_embedded_too(tiny_encoder, tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    options = SurveyOptions(min_count=1, encoder="onnx:tiny.onnx", quick=True)
    for mirrored, count in ((False, 180), (True, 270)):
        asked = replace(options, mirrored=mirrored)
        found = survey(DataOptions(("shapes",), limit=90), asked, root=tmp_path, show=False)
        assert found.embedding.pictures == count


@pytest.mark.slow  # its encoder's package comes with the extra train
def test_only_an_encoder_at_hand_is_asked(tiny_encoder, tmp_path):
    assert encoder_at_hand("efficientnet_lite2", resize="pad").info.preprocessing.resize == "pad"
    assert encoder_at_hand("keras:InceptionV3") is None
    assert encoder_at_hand("onnx:missing.onnx", root=tmp_path) is None
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    assert encoder_at_hand("onnx:tiny.onnx", root=tmp_path).info.dim == 8


@pytest.fixture
def check(flawed, tmp_path, showtell):
    named = ["--pictures", "pictures", "--captions", "c.csv", "--set", "data.split_column=part", "--root", tmp_path]
    return lambda *more: showtell("data", "check", *named, *more)


def test_the_command_prints_facts_and_problems(check):
    ran = check("--set", "vocabulary.min_count=2")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "pictures 10 to train on, 4 to validate on" in said
    assert "13 read, 1 unreadable" in said
    assert "warning 1 picture cannot be read: 05.png" in said
    assert ran.out.endswith("Training can work.\n")


def test_the_exit_code_says_whether_training_can_work(check, tmp_path):
    ran = check("--set", "vocabulary.min_count=99")
    assert ran.code == 1
    assert "error" in ran.out
    assert ran.out.endswith("Training cannot work.\n")
    ran = check("--set", "data.train=trian")
    assert ran.code == 2
    assert "has no split 'trian': its splits are train, val" in ran.err
    assert check("--set", "vocabulary.min_count=two").code == 2


@pytest.mark.slow  # the options of decoders need PyTorch
def test_the_command_refuses_what_training_refuses(check):
    for given, said in (
        ("training.epoch=3", "[training] has no key 'epoch'"),
        ("decoder.kind=lstmm", "'lstmm'"),
        ("trainnig.epochs=3", "unknown table or key 'trainnig'"),
        ("encoder.precision=int4", "precision 'int4' is unknown"),
    ):
        ran = check("--set", given)
        assert ran.code == 2
        assert said in ran.err, ran.err


def test_the_command_writes_json(check):
    facts = json.loads(check("--json").out)
    assert facts["usable"] is True
    assert facts["captions"]["vocabulary"] == 4 + len({"a", "cat", "dog", "runs", "far"})
    assert facts["pictures"]["twins"] == [["03.png", "04.png"], ["02.png", "11.png"]]
    assert facts["captions"]["length"]["largest"] == 16


def test_real_captions_and_pictures_have_the_figures_that_are_known(shared_data):
    """6,000 and 1,000 pictures of Flickr8k; the vocabulary is that of the recipe's model, and one pair is the same."""
    names = PictureSource(shared_data / "flickr8k" / "train.zip").names()
    pair = {"train/3050606344_af711c726c.jpg", "train/2851198725_37b6027625.jpg"}
    facts = look_at_pictures(PictureSource(shared_data / "flickr8k" / "train.zip"), pair | set(names[:50]), show=False)
    assert [set(group) for group in facts.twins] == [pair]
    assert (facts.read, facts.short_side.smallest, facts.long_side.largest) == (52, 224, 224)
    options = DataOptions(("flickr8k/train.zip", "flickr8k/val.zip"), "flickr8k/dataset_flickr8k.json")
    examples = load_examples(options, shared_data)
    found = look_at_captions(examples.captions, examples.train, examples.validation)
    assert (len(examples.train), len(examples.validation), found.captions) == (6000, 1000, 35_000)
    assert (found.vocabulary, found.different_words) == (2539, 7370)
    assert (round(found.unknown_train, 3), round(found.unknown_validation, 3)) == (0.025, 0.032)


def test_what_cannot_be_found_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        survey(DataOptions(("none.zip",), "c.csv"), root=tmp_path)


def test_data_commands_work_without_pytorch_and_arrow(flawed, tmp_path):
    program = """
import sys
for absent in ("torch", "pyarrow", "onnx", "matplotlib"):
    sys.modules[absent] = None  # as if it were not installed
from showtell.cli import main
for command in ("check", "show"):
    sys.argv = ["showtell", "data", command, "--pictures", "pictures", "--captions", "c.csv"]
    sys.argv += ["--set", "data.split_column=part", "--root", "."]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Training can work." in done.stdout
