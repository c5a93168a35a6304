"""The bundles in tests/fixtures are those that their script makes."""

import hashlib
import importlib.util

import pytest

from repository import ROOT
from showtell import Captioner
from showtell.models.bundle import read_bundle

pytestmark = pytest.mark.slow  # it needs PyTorch

FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture(scope="module")
def made_again(tmp_path_factory):
    found = importlib.util.spec_from_file_location("make_bundles", FIXTURES / "make_bundles.py")
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    folder = tmp_path_factory.mktemp("fixtures")
    script.main(folder)
    return script, folder


def test_every_file_in_the_folder_is_made_by_the_script(made_again):
    script, folder = made_again
    stored = {path.name for path in FIXTURES.iterdir() if path.suffix in (".onnx", ".showtell")}
    assert stored == {path.name for path in folder.iterdir()} == {script.ENCODER, *script.BUNDLES}
    assert (FIXTURES / script.ENCODER).read_bytes() == (folder / script.ENCODER).read_bytes()
    assert sum((FIXTURES / name).stat().st_size for name in stored) < 200_000


@pytest.mark.parametrize("name", ["show_and_tell.showtell", "attention.showtell", "transformer.showtell"])
def test_a_bundle_made_again_has_the_same_weights_and_gives_the_same_captions(made_again, name, photos):
    _, folder = made_again
    stored, again = FIXTURES / name, folder / name
    digests = [hashlib.sha256(read_bundle(path).parts["weights.safetensors"]).hexdigest() for path in (stored, again)]
    assert digests[0] == digests[1]
    pictures = sorted(photos.iterdir())
    for options in ({}, {"beam": 1}, {"beam": 4, "num_captions": 4}, {"sample": True, "seed": 3}):
        captions = [Captioner(path).caption(pictures, **options) for path in (stored, again)]
        assert captions[0] == captions[1]
        assert len({caption.text for caption in captions[0]}) > 1
