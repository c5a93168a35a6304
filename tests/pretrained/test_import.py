"""`showtell import`: from a folder or the hub to a bundle that every command runs, and what it refuses."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pretrained_models import squares
from showtell.captioning.captioner import Captioner
from showtell.errors import InputError
from showtell.images.preprocessing import normalize, square
from showtell.models.bundle import read_bundle
from showtell.pretrained.processor import preprocessing_of
from showtell.pretrained.run import import_model


@pytest.fixture
def folder(make_tiny, tmp_path):
    """A copy of the folder of a tiny ViT-GPT2."""
    return shutil.copytree(make_tiny("vit-gpt2").folder, tmp_path / "tiny-model")


def test_a_folder_becomes_a_bundle_that_commands_run(showtell, make_tiny, photos, tmp_path):
    bundle = tmp_path / "tiny.showtell"
    done = showtell("import", make_tiny("blip").folder, "-o", bundle, "--check-pictures", photos)
    assert done.code == 0, done.err
    assert "On 10 check pictures" in done.out
    assert "licence: not stated" in done.out
    card = read_bundle(bundle).parts["README.md"].decode()
    assert "Not calibrated" in card
    assert "On 10 check pictures" in card
    assert showtell("verify", bundle).code == 0
    done = showtell(
        "caption", photos / "0.png", "--model", bundle, "--format", "jsonl", "--attention", "--prompt", "ba"
    )
    caption = json.loads(done.out)
    assert caption["caption"].startswith("ba")
    assert caption["words"][0]["word"].startswith("ba")
    assert len(caption["words"][0]["attention"]) == 4  # patches of 8 pixels in 32
    assert "confidence" not in caption


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_stored_in_fewer_bits_a_model_says_nearly_the_same(tiny, tmp_path, precision):
    made = import_model(tiny.folder, tmp_path / "small.showtell", precision=precision, show=False)
    assert made.agreement is not None
    assert made.agreement.difference < (0.5 if precision == "int8" else 0.05)  # nats, at logits that spread by 6
    assert made.agreement.identical >= (1 if precision == "int8" else 0.5 * made.agreement.pictures)


def test_a_caption_depends_only_on_its_own_picture(tiny, tmp_path):
    import_model(tiny.folder, tmp_path / "int8.showtell", check=False, show=False)
    captioner = Captioner(tmp_path / "int8.showtell")
    together = captioner.caption(list(squares(6)), beam=3)
    captioner.generator.memory = 1  # one picture at a time
    assert captioner.caption(list(squares(6)), beam=3) == together


def test_sampled_captions_share_a_pictures_keys(make_tiny):
    captioner = Captioner(make_tiny("vit-gpt2").bundle)
    options = {"sample": True, "num_captions": 5, "seed": 3}
    together = captioner.caption(list(squares(4)), **options)
    alone = captioner.caption_embeddings(captioner.embed(squares(4))[2:3], first=2, **options)
    assert together[2].text == alone[0].text
    assert len({one.text for one in together[2].n_best}) > 1


def test_a_folder_without_safetensors_is_refused_with_the_remedy(folder, tmp_path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"only as pytorch_model\.bin.*--revision.*convert"):
        import_model(folder, tmp_path / "x.showtell")


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", {"model_type": "fuyu"}, "of the kind 'fuyu': known are blip, florence2, git"),
        ("config.json", {"encoder": {"model_type": "beit"}}, "the encoder is of the kind 'beit'"),
        ("preprocessor_config.json", {"size": {"height": 48, "width": 48}}, "of 48 pixels, its tower takes 32"),
        ("preprocessor_config.json", {"size": {"height": 48, "width": 32}}, "no squares"),
    ],
)
def test_what_is_not_known_is_refused_by_name(folder, tmp_path, file, change, message):
    value = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(value | change))
    with pytest.raises(InputError, match=message):
        import_model(folder, tmp_path / "x.showtell")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "preprocessor_config.json"])
def test_a_missing_file_is_named(folder, tmp_path, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}"):
        import_model(folder, tmp_path / "x.showtell")


def test_a_cut_file_of_weights_is_refused(folder, tmp_path):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="no whole safetensors file"):
        import_model(folder, tmp_path / "x.showtell")


@pytest.mark.parametrize("name", ["vit-gpt2", "git", "deit-bert"])
def test_pictures_are_prepared_as_the_models_own_processor_does(make_tiny, name):
    from pretrained_models import without_torchvision

    tiny = make_tiny(name)
    with without_torchvision():
        from transformers import AutoImageProcessor

        processor = AutoImageProcessor.from_pretrained(tiny.folder)
    rng = np.random.default_rng(0)
    for size in ((50, 40), (33, 64), (200, 150)):
        picture = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        theirs = np.asarray(processor(picture, return_tensors="np")["pixel_values"][0])
        preprocessing = preprocessing_of(tiny.folder)
        ours = normalize(square(picture, preprocessing)[None], preprocessing)[0]
        levels = np.abs(ours - theirs) * np.asarray(preprocessing.std, np.float32).reshape(3, 1, 1)
        assert levels.mean() < 1
