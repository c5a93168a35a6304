"""The same seed gives the same bits on two threads: every decoder's gradients, and whole runs through every stage."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from decoder_cases import VOCABULARY
from random_network import random_encoder
from showtell.decoders.registry import build, decoder_kinds
from showtell.training import recipe_from, train
from showtell.training.loss import next_word

RUNS = 3
ROWS, LENGTH = 96, 14
SHAPES = {"show_and_tell": (64,), "attention": (36, 64), "transformer": (36, 64)}
LARGE = {  # so large that PyTorch shares the work among threads
    "show_and_tell": {"hidden": 192, "word": 96, "picture": "every_step"},
    "attention": {"hidden": 96, "word": 96, "cell": 64, "attention": 64},
    "transformer": {"hidden": 96, "heads": 4, "feed_forward": 128},
}


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def gradients(kind):
    torch.manual_seed(0)
    options = decoder_kinds()[kind].options(**LARGE[kind])
    decoder = build(kind, options, SHAPES[kind], len(VOCABULARY))
    rng = np.random.default_rng(0)
    embeddings = torch.from_numpy(rng.normal(size=(ROWS, *SHAPES[kind])).astype(np.float32))
    tokens = rng.integers(4, len(VOCABULARY), (ROWS, LENGTH))
    tokens[:, 0] = VOCABULARY.start
    for row, length in enumerate(rng.integers(4, LENGTH, ROWS)):
        tokens[row, length:] = VOCABULARY.pad
    next_word(decoder.train(), embeddings, torch.from_numpy(tokens), VOCABULARY.pad).loss.backward()
    return {name: weight.grad for name, weight in decoder.named_parameters() if weight.grad is not None}


def test_every_decoder_is_tried():
    assert set(LARGE) == set(SHAPES) == set(decoder_kinds())


@pytest.mark.parametrize("kind", LARGE)
def test_the_gradients_of_a_decoder_are_the_same_every_time(kind):
    first = gradients(kind)
    assert len(first) > 5
    for _ in range(5 * RUNS):
        again = gradients(kind)
        assert [name for name in first if not torch.equal(first[name], again[name])] == []


def test_a_run_through_every_stage_ends_with_the_same_bits(small_data, tmp_path):
    (small_data / "random.onnx").write_bytes(random_encoder())
    recipe = recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:random.onnx"},
            "vocabulary": {"min_count": 1},
            "decoder": LARGE["show_and_tell"],
            "training": {"epochs": 1, "batch_size": 64, "average": 0.9, "best_by": "last"},
            "fine_tune": {"epochs": 1, "pictures": 24, "captions": 4},
            "self_critical": {"epochs": 1, "pictures": 24, "samples": 4, "cross_entropy": 0.2},
            "search": {"beam": 1},
        }
    )
    ends = []
    for number in range(RUNS):
        run = train(recipe, tmp_path / str(number), root=small_data, store=small_data / "random-store", show=False)
        assert [line["stage"] for line in run.metrics] == ["cross_entropy", "fine_tune", "self_critical"]
        ends.append(load_file(run.folder / "checkpoints" / "last.safetensors"))
    for end in ends[1:]:
        assert [name for name in ends[0] if not torch.equal(end[name], ends[0][name])] == []
