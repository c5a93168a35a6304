"""`timm:NAME` against timm itself: networks, weights and normalisation."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from photographs import PHOTOS, photographs
from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.sources.timm import import_timm, preprocessing_of
from showtell.errors import InputError, MissingExtra, ShowtellError
from showtell.images.decode import decode
from showtell.images.preprocessing import normalize, square

timm = import_timm()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path / "cache"))


def saved(folder, name):
    """A network of timm with random weights, classifier included, and their file."""
    torch.manual_seed(0)
    network = timm.create_model(name).eval()
    save_file(network.state_dict(), folder / f"{name}.safetensors")
    return network, folder / f"{name}.safetensors"


@pytest.mark.parametrize(
    ("name", "cells"),
    [("test_resnet", 25), ("test_efficientnet", 25), ("test_vit", 100), ("test_mambaout", 0)],
)
def test_networks_of_each_kind_equal_timm_on_photographs(tmp_path, name, cells):
    """Planes, planes with attention over channels, tokens, and channels last with a head of its own."""
    network, path = saved(tmp_path, name)
    encoder = Encoder(encoder_graph(f"timm:{name}", path))
    squares = photographs(160, interpolation="bicubic")
    with torch.no_grad():
        features = network.forward_features(torch.tensor(normalize(squares, encoder.info.preprocessing)))
        pooled = network.forward_head(features, pre_logits=True).numpy()
    embeddings = encoder(squares)
    assert np.abs(embeddings - pooled).max() < 1e-4 * np.abs(pooled).max()
    assert embeddings.std(axis=0).max() > 1e-3 * np.abs(embeddings).max()
    assert encoder.info.cells == cells
    if name == "test_vit":
        assert encoder(squares, "grid") == pytest.approx(features[:, 1:].numpy(), abs=1e-4)  # without the class token
    elif cells:
        places = features.numpy().reshape(len(squares), -1, cells).transpose(0, 2, 1)
        assert encoder(squares, "grid") == pytest.approx(places, abs=1e-4)
    else:
        with pytest.raises(InputError, match="no grid output"):
            encoder(squares, "grid")


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_square_picture_becomes_what_timms_own_transform_makes_of_it(name):
    """With bilinear and with bicubic; the photograph is square, and timm is told not to cut away the border."""
    configuration = timm.create_model(name).pretrained_cfg
    preprocessing = preprocessing_of(configuration)
    assert preprocessing.interpolation == configuration["interpolation"]
    picture = decode(PHOTOS / "astronaut-portrait.jpg")
    ours = normalize(square(picture, preprocessing)[None], preprocessing)[0]
    theirs = timm.data.create_transform(**timm.data.resolve_data_config({"crop_pct": 1.0}, configuration))(picture)
    assert ours == pytest.approx(theirs.numpy(), abs=1e-4)


def test_weights_may_lie_in_any_file_that_timm_reads(tmp_path):
    network, path = saved(tmp_path, "test_resnet")
    torch.save(network.state_dict(), tmp_path / "plain.pth")
    wrapped = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "wrapped.pth.tar")
    infos = [Encoder(encoder_graph("timm:test_resnet", file)).info for file in sorted(tmp_path.glob("*.*"))]
    assert len(infos) == 3
    assert len({info.fingerprint for info in infos}) == 1
    other = {name: tensor + 0.001 for name, tensor in load_file(path).items()}
    save_file(other, path)
    assert Encoder(encoder_graph("timm:test_resnet", path)).info.fingerprint != infos[0].fingerprint


def test_weights_that_timm_downloads_go_the_same_way(tmp_path, monkeypatch):
    """What stands in for the download is timm's own function for it, which gives the tensors of the file."""
    _, path = saved(tmp_path, "test_resnet")
    asked = []

    def load(repository, **options):
        asked.append((repository, options["weights_only"]))
        return load_file(path)

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", load)
    info = Encoder(encoder_graph("timm:test_resnet.r160_in1k")).info
    assert asked == [("timm/test_resnet.r160_in1k", True)]
    assert info.fingerprint == Encoder(encoder_graph("timm:test_resnet", path)).info.fingerprint
    assert info.licence == "apache-2.0"
    monkeypatch.setattr("showtell.encoders.sources.timm.import_timm", lambda: pytest.fail("exported twice"))
    encoder_graph("timm:test_resnet.r160_in1k")


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_files_that_do_not_fit_are_refused_by_name_and_never_unpickled(tmp_path):
    network, path = saved(tmp_path, "test_resnet")
    (tmp_path / "broken.safetensors").write_bytes(path.read_bytes()[:1000])
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"state_dict": network.state_dict(), "args": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    partial = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("layer4")}
    save_file(partial, tmp_path / "partial.safetensors")
    saved(tmp_path, "test_vit")
    for file in ("broken.safetensors", "text.pth", "trap.pth", "partial.safetensors", "test_vit.safetensors"):
        with pytest.raises(InputError, match=rf"{file}: not weights of timm:test_resnet") as caught:
            encoder_graph("timm:test_resnet", tmp_path / file)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()


def test_unknown_names_and_networks_without_weights_are_clear_errors():
    with pytest.raises(InputError, match=r"timm has no 'resnet51': did you mean resnet5"):
        encoder_graph("timm:resnet51")
    without = next(name for name in timm.list_models() if not timm.models.is_model_pretrained(name))
    with pytest.raises(InputError, match=rf"no weights for {without}: give --encoder-weights FILE"):
        encoder_graph(f"timm:{without}")


def test_a_network_for_pictures_that_are_no_squares_is_refused():
    configuration = {"architecture": "oblong", "input_size": (3, 128, 256)}
    with pytest.raises(InputError, match="timm:oblong takes 128 x 256: only squares"):
        preprocessing_of(configuration)


def test_a_download_that_fails_is_one_line_that_names_the_way_out(tmp_path, photos):
    program = "from showtell.cli import main; main()"
    arguments = ["embed", str(photos), "--out", str(tmp_path / "store"), "--encoder", "timm:test_resnet"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ShowtellError.exit_code
    last = done.stderr.splitlines()[-1]
    assert "timm:test_resnet could not be loaded (" in last
    assert "--encoder-weights FILE" in last


def test_without_timm_the_extra_is_named(tmp_path, monkeypatch):
    _, path = saved(tmp_path, "test_resnet")
    for package in ("timm", "torchvision"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingExtra, match=r"pip install 'showtell\[timm\]'"):
                encoder_graph("timm:test_resnet", path)
