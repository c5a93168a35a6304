"""Texts inside picture files: in copies, or in the pictures with the untouched file kept."""

import numpy as np
import pytest
from PIL import Image

from showtell import Captioner
from showtell.alt_text import AltTextOptions, Step, TextStyle, write_alt_texts
from showtell.alt_text.existing import description_of
from showtell.data.sources.base import remarks_of
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError

pyexiv2 = pytest.importorskip("pyexiv2")


@pytest.fixture(scope="module")
def captioner(tiny_bundle):
    return Captioner(tiny_bundle)


@pytest.fixture
def pictures(tmp_path):
    """One picture of each kind that has a place for texts, and a GIF, which has none."""
    folder = tmp_path / "in"
    folder.mkdir()
    image = Image.new("RGB", (40, 30), (90, 120, 200))
    for suffix in ("jpg", "png", "tif", "webp", "gif"):
        image.save(folder / f"a.{suffix}")
    return folder


def run(folder, captioner, **options):
    told = {}
    chosen = AltTextOptions("in-files", everything=True, **options)
    write_alt_texts(folder, captioner, chosen, watch=lambda one: told.setdefault(one.name, one), show=False)
    return told


def texts(path):
    with pyexiv2.Image(str(path)) as image:
        xmp, iptc = image.read_xmp(), image.read_iptc()
    return {
        xmp["Xmp.dc.description"]['lang="x-default"'],
        xmp["Xmp.iptc.AltTextAccessibility"]['lang="x-default"'],
        iptc.get("Iptc.Application2.Caption", xmp["Xmp.dc.description"]['lang="x-default"']),
    }


def test_copies_have_texts_and_the_pictures_are_not_touched(pictures, captioner, tmp_path):
    before = {path.name: path.read_bytes() for path in pictures.iterdir()}
    out = tmp_path / "out"
    told = run(pictures, captioner, output=out)
    assert {name: one.step for name, one in told.items() if name != "a.gif"} == dict.fromkeys(
        ("a.jpg", "a.png", "a.tif", "a.webp"), Step.WRITTEN
    )
    assert told["a.gif"].step is Step.FAILED
    assert "use --format xmp" in told["a.gif"].problem
    for path in out.iterdir():
        caption = captioner.caption(pictures / path.name, careful=True).text
        assert texts(path) == {TextStyle().text(caption)}
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(pictures / path.name)))
        assert description_of(path) == ""  # it is ours
    assert {path.name: path.read_bytes() for path in pictures.iterdir() if path.name in before} == before
    again = run(pictures, captioner, output=out)
    assert {again[name].step for name in ("a.jpg", "a.png", "a.tif", "a.webp")} == {Step.UNCHANGED}


def test_pictures_themselves_are_changed_only_when_asked_and_kept(pictures, captioner):
    (pictures / "a.gif").unlink()
    before = {path.name: path.read_bytes() for path in pictures.iterdir()}
    assert {one.step for one in run(pictures, captioner).values()} == {Step.WRITTEN}
    for name, data in before.items():
        assert (pictures / f"{name}_original").read_bytes() == data
        assert len(texts(pictures / name)) == 1
    assert {one.step for one in run(pictures, captioner).values()} == {Step.UNCHANGED}
    assert remarks_of(PictureSource(pictures)).lines() == []
    styled = run(pictures, captioner, style=TextStyle(prefix="Photo:"))
    assert {one.step for one in styled.values()} == {Step.WRITTEN}
    for name, data in before.items():
        assert (pictures / f"{name}_original").read_bytes() == data, "the first file is the untouched one"
        assert texts(pictures / name).pop().startswith("Photo: ")


def test_a_persons_text_in_a_picture_stays(pictures, captioner, tmp_path):
    data = (pictures / "a.jpg").read_bytes()
    with pyexiv2.ImageData(data) as image:
        image.modify_iptc({"Iptc.Application2.Caption": "Bello"})
        data = image.get_bytes()
    (pictures / "a.jpg").write_bytes(data)
    assert run(pictures, captioner)["a.jpg"].step is Step.KEPT
    assert (pictures / "a.jpg").read_bytes() == data


def test_copies_are_never_among_the_pictures(pictures, captioner):
    with pytest.raises(InputError, match="cannot lie within"):
        run(pictures, captioner, output=pictures / "copies")
