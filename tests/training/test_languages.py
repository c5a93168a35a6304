"""Models of German, Russian, Vietnamese and Chinese captions of drawn pictures, and how their text is split."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from random_network import random_encoder
from showtell.captioning.captioner import Captioner
from showtell.data.examples import DataOptions, load_examples
from showtell.data_check import sized
from showtell.evaluation import evaluate
from showtell.models.bundle import TAG_PARTS, read_bundle
from showtell.text import TokenRules, guess_rules, is_english
from showtell.training import recipe_from, train

COLOURS = {
    (220, 30, 30): ("roter Kreis", "красный круг", "hình tròn màu đỏ", "红色的圆形"),
    (30, 160, 40): ("grüner Körper", "зелёный квадрат", "hình vuông màu xanh lá", "绿色的正方形"),
    (30, 60, 220): ("blauer Stern", "синяя звезда", "hình ngôi sao màu xanh dương", "蓝色的星星"),
    (240, 220, 30): ("gelber Fußball", "жёлтый треугольник", "hình tam giác màu vàng", "黄色的三角形"),
}
SENTENCES = {
    "German": ("Ein {} vor weißem Grund", 0),
    "Russian": ("На картинке {}.", 1),
    "Vietnamese": ("Một {} trong bức ảnh", 2),
    "Chinese": ("图片里有一个{}。", 3),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sixty pictures of one colour each, and captions of what might be seen there, in a file for each language."""
    folder = tmp_path_factory.mktemp("languages")
    (folder / "random.onnx").write_bytes(random_encoder())
    colours = [[*COLOURS][number % len(COLOURS)] for number in range(60)]
    with zipfile.ZipFile(folder / "p.zip", "w") as archive:
        for number, colour in enumerate(colours):
            archive.writestr(f"{number:02}.png", png(colour, number))
    for language, (sentence, place) in SENTENCES.items():
        lines = [
            {
                "image": f"{number:02}.png",
                "caption": [sentence.format(COLOURS[colour][place])],
                "split": "train" if number < 48 else "val",
            }
            for number, colour in enumerate(colours)
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{language}.jsonl").write_text(text)
    return folder


def png(colour, number=0):
    """A picture of nearly one colour."""
    shade = np.random.default_rng(number).integers(-20, 20, 3)
    file = io.BytesIO()
    Image.new("RGB", (32, 32), tuple(np.clip(np.array(colour) + shade, 0, 255).tolist())).save(file, "PNG")
    return file.getvalue()


def recipe(language, vocabulary=None, **tables):
    return {
        "data": {"pictures": ["p.zip"], "captions": f"{language}.jsonl", "split_column": "split"},
        "encoder": {"name": "onnx:random.onnx"},
        "vocabulary": {"min_count": 1} | (vocabulary or {}),
        "decoder": {"hidden": 64, "word": 32},
        "training": {"epochs": 30, "batch_size": 8, "learning_rate": 1e-2, "checkpoint_steps": 0},
        "search": {"beam": 1},
    } | tables


def trained(data, tmp_path, language, vocabulary=None):
    tables, _ = sized(recipe(language, vocabulary), load_examples(options(language), data))
    done = train(recipe_from(tables), tmp_path / "run", root=data, store=data / "store-random", show=False)
    return done, Captioner(done.bundle)


def options(language):
    return DataOptions(("p.zip",), f"{language}.jsonl", split_column="split")


def known(data, language):
    return {
        text for line in (data / f"{language}.jsonl").read_text().splitlines() for text in json.loads(line)["caption"]
    }


@pytest.mark.parametrize("language", SENTENCES)
def test_a_model_writes_the_language_as_people_do(data, tmp_path, language):
    done, captioner = trained(data, tmp_path, language)
    assert done.best["cider_d"] > 1
    found = evaluate(captioner, data / "p.zip", str(data / f"{language}.jsonl"), show=False)
    said = {picture.caption for picture in found.pictures}
    cleaned = {text.rstrip(".。") for text in known(data, language)}
    assert len(said & (cleaned if language == "German" else {text.lower() for text in cleaned})) >= 3
    assert found.figures["CIDEr-D"].value > 1
    caption = captioner.caption(png((30, 60, 220)))
    assert caption.text in said
    rules = captioner.bundle.vocabulary.rules
    assert caption.text == rules.join([word.word for word in caption.words])
    assert rules == {
        "German": TokenRules(case="keep"),
        "Chinese": TokenRules("characters"),
    }.get(language, TokenRules())
    assert captioner.generator.tagger is None
    assert not set(TAG_PARTS) & read_bundle(done.bundle).parts.keys()
    assert read_bundle(done.bundle).vocabulary == captioner.bundle.vocabulary


def test_subwords_are_put_together_and_write_words_from_parts(data, tmp_path):
    pytest.importorskip("tokenizers")
    _, captioner = trained(data, tmp_path, "Russian", {"tokenizer": "subwords", "subwords": 60})
    vocabulary = captioner.bundle.vocabulary
    assert any(entry.startswith("##") for entry in vocabulary.entries)
    text = "треугольник на картинке"
    assert vocabulary.decode(vocabulary.encode(text)[1:]) == text
    assert [word for word, _ in vocabulary.words(vocabulary.encode(text)[1:-1])] == text.split()
    caption = captioner.caption(png((30, 60, 220)), num_captions=2, beam=2)
    assert " ".join(word.word for word in caption.words) == caption.text
    assert "##" not in caption.text
    assert all(0 < word.probability <= 1 for word in caption.words)
    forced = captioner.caption(png((30, 60, 220)), must=["звезда"], beam=2)
    assert "звезда" in forced.text


def test_a_caption_of_characters_may_be_longer_than_one_of_words(data):
    long = {"vocabulary": {"tokenizer": "characters"}, "training": {}, "search": {}}
    examples = load_examples(options("Vietnamese"), data)
    tables, (note,) = sized(recipe("Vietnamese") | long, examples)
    longest = max(len(text.replace(" ", "")) for text in known(data, "Vietnamese"))
    assert 0 < tables["search"]["max_length"] == tables["training"]["max_length"] - 2 <= longest
    assert "search.max_length=" in note


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Ein Hund läuft über die Wiese"] * 3, TokenRules(case="keep")),
        (["A dog runs over the grass in Berlin"] * 3, TokenRules()),
        (["A Dog Runs Over The Grass"] * 3, TokenRules()),
        (["一只狗在草地上跑"] * 3, TokenRules("characters")),
        (["犬が草の上を走る"], TokenRules("characters")),
        (["สุนัขวิ่งบนหญ้า"], TokenRules("characters")),
        (["개가 풀밭 위를 달린다"], TokenRules()),
        (["Собака бежит по траве"], TokenRules()),
        ([], TokenRules()),
    ],
)
def test_the_rules_are_guessed_from_captions(texts, expected):
    assert guess_rules(texts) == expected


def test_english_is_told_from_other_languages():
    assert is_english(["a dog runs on the grass with a ball"] * 50)
    assert is_english(["red ball", "blue ball"])  # too few words to tell
    assert not is_english(["ein Hund läuft mit einem Ball über die Wiese"] * 50)
    assert not is_english(["un perro corre con una pelota por la hierba"] * 50)
    assert not is_english(["собака"])


@pytest.mark.parametrize(
    ("rules", "text", "tokens", "joined"),
    [
        (TokenRules(), "It's a dog-run, no?", ["it", "s", "a", "dog", "run", "no"], "it s a dog run no"),
        (TokenRules(), "một con cho\u0301", ["một", "con", "chó"], "một con chó"),  # an accent of its own
        (TokenRules(), "नमस्ते दुनिया", ["नमस्ते", "दुनिया"], "नमस्ते दुनिया"),
        (TokenRules("characters"), "穿T恤的 2个人", [*"穿t恤的", "2", *"个人"], "穿t恤的2个人"),
        (TokenRules("characters", "keep", "keep"), "狗，Max Two。", [*"狗，", "Max", "Two", "。"], "狗，Max Two。"),
        (
            TokenRules("words", "keep", "keep"),
            "Max's dog (a poodle) runs, jumps!",
            ["Max's", "dog", "(", "a", "poodle", ")", "runs", ",", "jumps", "!"],
            "Max's dog (a poodle) runs, jumps!",
        ),
    ],
)
def test_text_is_split_and_put_together(rules, text, tokens, joined):
    assert rules.tokens(text) == tokens
    assert rules.join(tokens) == joined
