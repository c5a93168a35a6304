"""Ensembles: the mean of their models' probabilities, and models that do not go together."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from showtell import Captioner
from showtell.errors import BundleError, InputError
from showtell.images.decode import decode
from showtell.images.preprocessing import square
from showtell.models.bundle import read_bundle, write_bundle
from showtell.models.ensemble import Ensemble


@pytest.fixture(scope="module")
def variant(tiny_bundle, tmp_path_factory) -> Callable[..., Path]:
    """Makes a copy of the tiny bundle with other weights, or with parts or entries of `model.json` changed."""

    def make(name: str, seed: int | None = None, vocabulary: list[str] | None = None, **model: object) -> Path:
        parts = {key: data for key, data in read_bundle(tiny_bundle).parts.items() if key != "SHA256SUMS"}
        changed = json.loads(parts["model.json"]) | {"name": name} | model
        parts["model.json"] = json.dumps(changed).encode()
        if vocabulary:
            parts["vocabulary.json"] = json.dumps(vocabulary).encode()
        if seed is not None:
            rng = np.random.default_rng(seed)
            weights = safetensors.numpy.load(parts["weights.safetensors"])
            weights = {key: (w * rng.normal(1, 0.7, w.shape)).astype(w.dtype) for key, w in weights.items()}
            parts["weights.safetensors"] = safetensors.numpy.save(weights)
        path = tmp_path_factory.mktemp("variant") / f"{name}.showtell"
        write_bundle(path, parts)
        return path

    return make


@pytest.fixture(scope="module")
def second(variant):
    return variant("second", seed=1)


@pytest.fixture(scope="module")
def embeddings():
    return np.random.default_rng(0).normal(0, 1, (5, 8)).astype(np.float32)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_every_step_has_the_mean_of_the_models_probabilities(tiny_bundle, second, variant, embeddings):
    decoders = [read_bundle(path).decoder() for path in (tiny_bundle, second, variant("third", seed=2))]
    ensemble = Ensemble(decoders)
    constants, state = ensemble.start(embeddings)
    begun = [decoder.start(embeddings) for decoder in decoders]
    tokens = np.random.default_rng(1).integers(0, 10, (6, 5))
    for word in tokens:
        logits, state = ensemble.step(word, constants, state)
        steps = [decoder.step(word, *own) for decoder, own in zip(decoders, begun, strict=True)]
        begun = [(own[0], after) for own, (_, after) in zip(begun, steps, strict=True)]
        assert np.exp(logits) == pytest.approx(np.mean([softmax(own) for own, _ in steps], axis=0), abs=1e-6)


def test_a_model_beside_itself_says_what_it_says_alone(tiny_bundle, photos):
    paths = sorted(photos.iterdir())
    for options in ({}, {"beam": 1}, {"sample": True, "seed": 2}, {"must": "snow"}):
        alone = Captioner(tiny_bundle).caption(paths, **options)
        twice = Captioner([tiny_bundle, tiny_bundle]).caption(paths, **options)
        assert [one.text for one in twice] == [one.text for one in alone]
        assert [one.score for one in twice] == pytest.approx([one.score for one in alone], abs=1e-4)


def test_an_ensemble_scores_its_captions_by_the_mean_of_both_models(tiny_bundle, second, photos):
    ensemble = Captioner([tiny_bundle, second])
    vocabulary = ensemble.bundle.vocabulary
    caption = ensemble.caption(photos / "0.png", beam=1)
    ids = [vocabulary.ids[word.word] for word in caption.words]
    embeddings = ensemble.embed(square(decode(photos / "0.png"), ensemble.encoder.info.preprocessing)[None])
    probabilities = np.zeros((len(ids), len(vocabulary)))
    for path in (tiny_bundle, second):
        decoder = read_bundle(path).decoder()
        constants, state = decoder.start(embeddings)
        for t, last in enumerate([vocabulary.start, *ids[:-1]]):
            logits, state = decoder.step(np.array([last]), constants, state)
            probabilities[t] += softmax(logits)[0] / 2
    probabilities[:, [vocabulary.pad, vocabulary.start, vocabulary.unk]] = 0
    probabilities[0, vocabulary.end] = 0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert ids == probabilities.argmax(axis=1).tolist()
    assert [word.probability for word in caption.words] == pytest.approx(
        [p[word] for p, word in zip(probabilities, ids, strict=True)], rel=1e-3
    )


def test_models_named_on_the_command_line_write_together(tiny_bundle, second, photos, showtell):
    ran = showtell("caption", photos, "--model", tiny_bundle, "--model", second)
    captions = Captioner([tiny_bundle, second]).caption(sorted(photos.iterdir()))
    assert [line.split(": ")[1] for line in ran.out.splitlines()] == [caption.text for caption in captions]


def test_models_are_evaluated_together(tiny_bundle, second, photos, showtell, tmp_path):
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\n" + "".join(f"{i}.png,a big dog jumps in the snow\n" for i in range(10)))
    given = ("--pictures", photos, "--captions", captions, "--format", "json", "--out", tmp_path / "found.json")
    ran = showtell("evaluate", tiny_bundle, second, *given)
    assert json.loads(ran.out)["model"] == "tiny + second"
    found = json.loads((tmp_path / "found.json").read_text())["pictures"]
    expected = Captioner([tiny_bundle, second]).caption([photos / f"{i}.png" for i in range(10)])
    assert [one["caption"] for one in found] == [caption.text for caption in expected]


def test_an_ensemble_looks_where_its_models_look_on_average(looking_bundle, photos):
    alone = Captioner(looking_bundle).caption(photos / "0.png", attention=True)
    twice = Captioner([looking_bundle, looking_bundle]).caption(photos / "0.png", attention=True)
    assert twice.text == alone.text
    for one, other in zip(twice.words, alone.words, strict=True):
        assert one.attention == pytest.approx(other.attention, abs=1e-5)


def test_one_model_in_a_list_is_that_model(tiny_bundle, photos):
    alone, listed = Captioner(tiny_bundle), Captioner([tiny_bundle])
    assert listed.caption(photos / "0.png") == alone.caption(photos / "0.png")
    assert listed.name == alone.name == "tiny"


def test_models_that_do_not_go_together_are_told_with_both_names_and_the_reason(tiny_bundle, variant, photos):
    model = read_bundle(tiny_bundle).model
    entries = list(read_bundle(tiny_bundle).vocabulary.entries)
    other_words = ["zebra" if entry == "the" else entry for entry in entries]
    cases = [
        (variant("words", vocabulary=other_words), "vocabulary"),
        (variant("output", output="grid"), "takes grid embeddings instead of pooled"),
        (variant("encoder", encoder=model["encoder"] | {"name": "other"}), "encoder is other instead of tiny"),
        (variant("tuned", encoder=model["encoder"] | {"fingerprint": "1" * 64}), "other weights"),
        (variant("resize", resize="squash"), "square by squash instead of crop"),
    ]
    for path, said in cases:
        with pytest.raises(BundleError, match=said) as error:
            Captioner([tiny_bundle, path])
        assert str(tiny_bundle) in str(error.value)
        assert str(path) in str(error.value)
    assert Captioner([tiny_bundle, cases[-1][0]], resize="pad").caption(photos / "0.png").text


def test_no_model_at_all_is_told():
    with pytest.raises(InputError, match="the list of models is empty"):
        Captioner([])
