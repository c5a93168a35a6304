"""Training with an encoder in int8: made once, embedded with, shipped, and the same whenever a run goes on."""

import numpy as np
import pytest
from safetensors.numpy import load

from showtell import Captioner
from showtell.captioning.golden import replay
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.errors import InputError
from showtell.models.bundle import INT8_FORMAT, read_bundle
from showtell.quantization.encoder import INT8_GRAPH, int8_graph
from showtell.training import recipe_from, train


@pytest.fixture
def recipe(small_data, tiny_encoder):
    (small_data / "tiny.onnx").write_bytes(tiny_encoder)
    return recipe_from(
        {
            "data": {"pictures": ["p.zip"], "captions": "captions.jsonl", "split_column": "split"},
            "encoder": {"name": "onnx:tiny.onnx", "precision": "int8", "resize": "squash"},
            "vocabulary": {"min_count": 1},
            "decoder": {"hidden": 48, "word": 16},
            "training": {"epochs": 2, "batch_size": 16, "checkpoint_steps": 3},
            "export": {"weights": "int8"},
        }
    )


def test_a_decoder_learns_from_the_embeddings_that_its_own_encoder_gives(recipe, small_data, tmp_path):
    result = train(recipe, tmp_path, root=small_data, show=False)
    kept = (tmp_path / INT8_GRAPH).read_bytes()
    bundle = read_bundle(result.bundle)
    assert bundle.parts["encoder.onnx"] == kept
    assert bundle.model["encoder"]["precision"] == "int8"
    assert bundle.model["format"] == INT8_FORMAT
    assert any(tensor.dtype == np.int8 for tensor in load(bundle.parts["weights.safetensors"]).values())
    assert "int8" in bundle.parts["README.md"].decode()
    assert replay(Captioner(bundle.path)).text == bundle.model["golden"]["caption"]
    store = EmbeddingStore(tmp_path / "embeddings")
    assert store.spec.encoder == Captioner(bundle.path).encoder.info


def test_a_run_that_was_killed_goes_on_with_the_graph_that_it_began_with(recipe, small_data, tmp_path, monkeypatch):
    unbroken = train(recipe, tmp_path / "unbroken", root=small_data, show=False)

    class Killed(Exception):
        pass

    def kill(metrics):
        raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "broken", root=small_data, show=False, on_epoch=kill)
    monkeypatch.setattr(
        "showtell.quantization.encoder.quantized", lambda *given, **options: pytest.fail("quantized twice")
    )
    broken = train(recipe, tmp_path / "broken", root=small_data, show=False)
    assert broken.bundle.read_bytes() == unbroken.bundle.read_bytes()


def test_the_pictures_that_it_is_calibrated_on_do_not_depend_on_their_order(photos, tiny_encoder, tmp_path):
    source = PictureSource(photos)
    first = int8_graph(tiny_encoder, tmp_path / "1", source, source.names(), show=False)
    again = int8_graph(tiny_encoder, tmp_path / "2", source, source.names()[::-1], show=False)
    cropped = int8_graph(tiny_encoder, tmp_path / "3", source, source.names(), "pad", show=False)
    assert first == again != cropped


def test_a_graph_of_another_encoder_in_the_folder_is_refused(photos, tiny_encoder, tmp_path):
    source = PictureSource(photos)
    int8_graph(tiny_encoder, tmp_path, source, source.names(), show=False)
    other = tiny_encoder.replace(b"0" * 64, b"1" * 64)
    assert Encoder(other).info.fingerprint == "1" * 64
    with pytest.raises(InputError, match=r"encoder-int8\.onnx: was made from another encoder"):
        int8_graph(other, tmp_path, source, source.names(), show=False)


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="weights 'int4' are unknown: choose float16 or int8"):
        recipe_from({"export": {"weights": "int4"}})
    with pytest.raises(InputError, match="precision 'int4' is unknown: choose one of float32, int8"):
        recipe_from({"encoder": {"precision": "int4"}})


def test_a_store_in_int8_is_gone_on_with_and_serves_others(photos, tiny_encoder, tmp_path, showtell):
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    store, other = tmp_path / "store", tmp_path / "other"
    command = ["embed", photos, "--out", store, "--encoder", f"onnx:{tmp_path / 'tiny.onnx'}", "--precision", "int8"]
    first = showtell(*command)
    assert first.code == 0, first.err
    assert "10 new, 0 already there" in first.out
    assert "0 new, 10 already there" in showtell(*command).out
    assert showtell("embed", photos, "--out", other, "--encoder", f"onnx:{store / INT8_GRAPH}").code == 0
    made = [EmbeddingStore(folder) for folder in (store, other)]
    assert made[0].spec == made[1].spec
    assert made[0].spec.encoder.precision == "int8"
    assert np.array_equal(made[0].take(range(10)), made[1].take(range(10)))


def test_a_models_own_encoder_is_not_quantised_by_embed(photos, tiny_bundle, tmp_path, showtell):
    ran = showtell("embed", photos, "--out", tmp_path / "s", "--model", tiny_bundle, "--precision", "int8")
    assert ran.code == 2
    assert "showtell quantize" in ran.err
