"""Mirror images in training: what is embedded, which rows are exchanged, and which captions keep their picture."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from showtell.captioning.confidence import calibration_of
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.errors import StoreError
from showtell.models.bundle import read_bundle
from showtell.text import Vocabulary
from showtell.training import recipe_from, train
from showtell.training.encoder.horizontal_flip import AugmentedEmbeddings, is_sided, sided_ids


@pytest.fixture
def stores(photos, tiny_encoder, tmp_path):
    encoder, source = Encoder(tiny_encoder), PictureSource(photos)
    plain = embed(source, encoder, tmp_path / "s", show=False).store
    mirrored = embed(source, encoder, tmp_path / "m", EmbedOptions(mirrored=True), only={"1.png", "4.png"}, show=False)
    return plain, mirrored.store


def test_a_mirrored_store_holds_the_embeddings_of_mirror_images(photos, tiny_encoder, stores, tmp_path):
    flipped = tmp_path / "flipped"
    flipped.mkdir()
    ImageOps.mirror(Image.open(photos / "4.png")).save(flipped / "4.png")  # 68 x 60: its crop mirrored is its mirror's
    expected = embed(PictureSource(flipped), Encoder(tiny_encoder), tmp_path / "f", show=False).store.take([0])
    plain, mirrored = stores
    assert mirrored.names == ("1.png", "4.png")
    assert mirrored.take([1]) == pytest.approx(expected, abs=0.005)
    assert np.abs(expected - plain.take([plain.rows["4.png"]])).max() > 0.05


def test_a_store_knows_that_it_is_mirrored(photos, tiny_encoder, stores):
    folder = stores[1].folder
    assert EmbeddingStore(folder).spec.mirrored
    with pytest.raises(StoreError, match="mirrored True there, False now"):
        embed(PictureSource(photos), Encoder(tiny_encoder), folder, show=False)


def test_half_of_the_pictures_that_have_a_mirror_image_are_exchanged(stores):
    plain, mirrored = stores
    views = AugmentedEmbeddings(plain, mirrored)
    rows = [plain.rows["1.png"]] * 400 + [plain.rows["2.png"]] * 10
    taken = views.take(rows, seed=3).numpy()
    same = (taken[:400] == plain.take(rows[:1])).all(axis=1)
    assert 160 < same.sum() < 240
    assert (taken[:400][~same] == mirrored.take([mirrored.rows["1.png"]])).all()
    assert (taken[400:] == plain.take(rows[400:])).all()
    assert (views.take(rows, seed=3).numpy() == taken).all()
    assert (views.take(rows, seed=4).numpy() != taken).any()


def test_what_is_to_stay_as_it_is_stays(stores):
    plain, mirrored = stores
    rows = [plain.rows["1.png"]] * 100
    taken = AugmentedEmbeddings(plain, mirrored).take(rows, seed=0, as_is=[True] * 50 + [False] * 50).numpy()
    same = (taken == plain.take(rows[:1])).all(axis=1)
    assert same[:50].all()
    assert not same[50:].all()
    assert (AugmentedEmbeddings(plain).take(rows, seed=0).numpy() == plain.take(rows)).all()


def test_captions_that_speak_of_sides_are_known():
    assert is_sided("The dog on the LEFT runs.")
    assert not is_sided("a bright leftover")
    words = Vocabulary.build(["a dog to the right", "left of a cat"], 1)
    assert [words.entries[i] for i in sided_ids(words)] == ["left", "right"]


def test_training_embeds_the_mirror_images_of_training_pictures_alone(tiny_encoder, tmp_path):
    (tmp_path / "encoder.onnx").write_bytes(tiny_encoder)
    recipe = recipe_from(
        {
            "data": {"pictures": ["shapes"], "limit": 24},
            "encoder": {"name": "onnx:encoder.onnx", "mirrored": True},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 16, "word": 8},
            "training": {"epochs": 1},
            "self_critical": {"epochs": 1, "pictures": 12},
        }
    )
    result = train(recipe, tmp_path / "run", root=tmp_path, show=False)
    plain, mirrored = (EmbeddingStore(tmp_path / "run" / name) for name in ("embeddings", "embeddings-mirrored"))
    assert len(plain) == 48
    assert len(mirrored) == 24
    assert set(mirrored.names) < set(plain.names)
    calibration = calibration_of(read_bundle(result.bundle))
    assert calibration.figures["pictures"] == 24
    assert calibration.out_of_distribution
