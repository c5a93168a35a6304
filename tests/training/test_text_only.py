"""Captions without pictures: their words, their embeddings, and what a run makes of them."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from random_network import random_encoder
from showtell.errors import InputError
from showtell.models.bundle import read_bundle
from showtell.text import Vocabulary
from showtell.training import recipe_from, train
from showtell.training.recipe import TextOptions, TrainingOptions
from showtell.training.text_only import TextOnly, read_texts


@pytest.fixture(scope="module")
def data(small_data):
    (small_data / "random.onnx").write_bytes(random_encoder())
    lines = [
        {"image": f"{number}.jpg", "caption": [f"a quokka near a {color} square", f"the {color} quokka"]}
        for number, color in enumerate(["red", "green", "blue"] * 20)
    ]
    (small_data / "text.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return small_data


def recipe(grid=False, **text):
    attention = {"kind": "attention", "hidden": 16, "word": 16, "cell": 12, "attention": 8, "dropout": 0.2}
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:random.onnx", "output": "grid" if grid else "pooled"},
            "vocabulary": {"min_count": 1},
            "text": text and {"captions": ["text.jsonl"], "min_count": 30} | text,
            "decoder": attention if grid else {"hidden": 24, "word": 16, "dropout": 0.2},
            "training": {"epochs": 2, "batch_size": 24, "best_by": "last"},
            "search": {"beam": 1},
        }
    )


@pytest.mark.parametrize("grid", [False, True])
def test_its_words_enter_the_vocabulary_and_its_batches_the_epochs(data, tmp_path, grid):
    result = train(recipe(grid, share=0.5), tmp_path / "run", root=data, show=False)
    assert "quokka" in read_bundle(result.bundle).vocabulary.ids
    closed = train(recipe(grid, min_count=0), tmp_path / "closed", root=data, show=False)
    assert "quokka" not in read_bundle(closed.bundle).vocabulary.ids
    plain = train(recipe(grid), tmp_path / "plain", root=data, show=False)
    assert "quokka" not in read_bundle(plain.bundle).vocabulary.ids
    steps, alone = (run.metrics[-1]["step"] for run in (result, plain))
    assert steps == 2 * (alone // 2 + round(0.5 * (alone // 2)))


def test_the_same_seed_gives_the_same_weights(data, tmp_path):
    runs = [train(recipe(share=1.0), tmp_path / name, root=data, show=False).folder for name in ("one", "two")]
    one, two = (load_file(run / "checkpoints" / "last.safetensors") for run in runs)
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_caption_moves_an_embedding_to_where_its_words_point(tmp_path):
    """The embeddings are sums of what each word adds, and noise: the regression finds those sums."""
    rng = np.random.default_rng(0)
    entries = [f"w{i}" for i in range(8)]
    words = Vocabulary.build(entries, 1)
    adds = {word: rng.normal(size=6).astype(np.float32) for word in entries}
    captions = {f"{i}.jpg": (" ".join(rng.choice(entries, 3, replace=False)),) for i in range(400)}
    noise = rng.normal(size=(400, 6)).astype(np.float32) * 0.1
    seen = {
        name: sum((adds[word] for word in texts[0].split()), noise[i])
        for i, (name, texts) in enumerate(captions.items())
    }
    store = FixedStore(seen)
    options = TextOptions(captions=("x",), ridge=1e-3)
    texts = TextOnly(options, TrainingOptions(batch_size=4), [("w0 w1 w2",), ("w3 w4 w5",)], captions, store, words)
    drawn = texts.embeddings(np.array([0] * 50 + [1] * 50), seed=3).numpy()
    for group, wanted in ((drawn[:50], ("w0", "w1", "w2")), (drawn[50:], ("w3", "w4", "w5"))):
        assert group.mean(0) == pytest.approx(sum(adds[word] for word in wanted), abs=0.15)
        assert group.std(0) == pytest.approx(noise.std(0), abs=0.06)  # the variety of the pictures stays


class FixedStore:
    """Embeddings by name, behind what `TextOnly` asks of a store."""

    class spec:
        shape = (6,)

    def __init__(self, embeddings):
        self.rows = {name: row for row, name in enumerate(embeddings)}
        self.values = np.stack(list(embeddings.values()))

    def take(self, rows):
        return self.values[np.asarray(rows)]


def test_a_missing_file_and_wrong_options_are_named(data):
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        read_texts(TextOptions(captions=("nowhere.jsonl",)), data)
    with pytest.raises(InputError, match=r"share and ridge of \[text\] must be positive"):
        TextOptions(share=0)
