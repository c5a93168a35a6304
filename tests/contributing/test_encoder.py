"""docs/contributing/encoder.md, followed to the letter: one file makes encoders that embed and that models train on."""

import numpy as np
import pytest

from showtell.embeddings.store import EmbeddingStore
from worked_example import follow, follow_test

PLACE = "showtell/encoders/sources/colors.py"


@pytest.fixture
def example(tmp_path):
    with follow("encoder.md", PLACE, tmp_path) as made:
        yield made


def test_its_test_passes(example):
    done = follow_test("encoder.md", "tests/encoders/test_colors.py", example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_it_embeds(example, photos):
    done = example.run("embed", photos, "--encoder", "colors:4", "--grid", "--out", "store")
    assert done.returncode == 0, done.stderr
    store = EmbeddingStore(example.folder / "store")
    assert (len(store), store.spec.shape, store.spec.encoder.name) == (10, (16, 3), "colors:4")
    embeddings = store.take(np.arange(10))
    assert 0 <= embeddings.min() < embeddings.max() <= 1


def test_it_is_listed_and_its_names_are_checked(example, photos):
    wrong = example.run("embed", photos, "--encoder", "colours:4", "--out", "store")
    assert wrong.returncode == 2
    assert "choose one of colors:N, efficientnet_lite0" in wrong.stderr
    wrong = example.run("embed", photos, "--encoder", "colors:5", "--out", "store")
    assert wrong.returncode == 2
    assert "2, 4 or 8" in wrong.stderr
    (example.folder / "w.bin").write_bytes(b"")
    wrong = example.run("embed", photos, "--encoder", "colors:4", "--encoder-weights", "w.bin", "--out", "store")
    assert wrong.returncode == 2
    assert "has its own weights" in wrong.stderr
