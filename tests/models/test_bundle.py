"""A bundle is whole or refused, and means the same as a file and as a folder."""

import zipfile

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.golden import replay
from showtell.errors import BundleError
from showtell.models.bundle import read_bundle, write_bundle


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def test_a_bundle_says_the_same_as_a_file_and_as_a_folder(tiny_bundle, tmp_path, picture):
    with zipfile.ZipFile(tiny_bundle) as archive:
        archive.extractall(tmp_path / "folder")
    as_file, as_folder = Captioner(tiny_bundle), Captioner(tmp_path / "folder")
    assert as_file.caption(picture) == as_folder.caption(picture)
    assert replay(as_folder).text == replay(as_file).text


def test_the_same_parts_make_the_same_bytes(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    write_bundle(tmp_path / "again.showtell", parts)
    assert (tmp_path / "again.showtell").read_bytes() == tiny_bundle.read_bytes()


def test_the_sums_are_those_of_sha256sum(tiny_bundle, tmp_path):
    import hashlib

    with zipfile.ZipFile(tiny_bundle) as archive:
        lines = archive.read("SHA256SUMS").decode().splitlines()
        for line in lines:
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        assert len(lines) == len(archive.namelist()) - 1


def test_one_changed_byte_anywhere_is_an_error_or_changes_no_part(tiny_bundle, tmp_path):
    whole = tiny_bundle.read_bytes()
    parts = dict(read_bundle(tiny_bundle).parts)
    with zipfile.ZipFile(tiny_bundle) as archive:
        headers = [i.header_offset + k for i in archive.infolist() for k in range(30 + len(i.filename))]
        directory = range(archive.start_dir, len(whole))
    rng = np.random.default_rng(0)
    anywhere = rng.integers(0, len(whole), 300).tolist()
    refused = 0
    for at in [*headers, *directory, *anywhere]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        path, message = tmp_path / "damaged.showtell", ""
        path.write_bytes(bytes(damaged))
        try:
            unchanged = dict(read_bundle(path).parts) == parts
        except BundleError as error:
            unchanged, message = False, str(error)
            refused += 1
        assert unchanged or (str(path) in message and "\n" not in message), f"byte {at} passed"
    assert refused > len(anywhere)


def test_a_changed_byte_of_a_folder_is_an_error(tiny_bundle, tmp_path):
    with zipfile.ZipFile(tiny_bundle) as archive:
        archive.extractall(tmp_path / "folder")
    for name in (tmp_path / "folder").iterdir():
        data = name.read_bytes()
        name.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(BundleError, match=r"folder: (damaged|not a)"):
            read_bundle(tmp_path / "folder")
        name.write_bytes(data)
        assert read_bundle(tmp_path / "folder").name == "tiny"
    read_bundle(tmp_path / "folder")


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_cut_bundle_is_an_error(tiny_bundle, tmp_path, kept):
    (tmp_path / "cut.showtell").write_bytes(tiny_bundle.read_bytes()[:kept])
    with pytest.raises(BundleError, match=r"cut\.showtell"):
        read_bundle(tmp_path / "cut.showtell")


def test_another_zip_and_a_missing_file_are_errors(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(BundleError, match="not a model bundle"):
        read_bundle(tmp_path / "other.zip")
    with pytest.raises(BundleError, match="no such model bundle"):
        read_bundle(tmp_path / "missing.showtell")


def test_a_bundle_of_a_later_format_asks_for_an_upgrade(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    parts["model.json"] = parts["model.json"].replace(b'"format": 1', b'"format": 3')
    write_bundle(tmp_path / "later.showtell", parts)
    with pytest.raises(BundleError, match="upgrade"):
        read_bundle(tmp_path / "later.showtell")


def test_a_search_setting_of_a_later_release_asks_for_an_upgrade(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    parts["model.json"] = parts["model.json"].replace(b'"beam":', b'"warp": 1, "beam":', 1)
    write_bundle(tmp_path / "later.showtell", parts)
    with pytest.raises(BundleError, match=r"later\.showtell: this release knows no search setting 'warp'"):
        Captioner(tmp_path / "later.showtell")


def test_a_model_that_says_something_else_of_its_golden_picture_is_told(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    caption = Captioner(tiny_bundle).bundle.model["golden"]["caption"]
    parts["model.json"] = parts["model.json"].replace(caption.encode(), b"a cat")
    write_bundle(tmp_path / "other.showtell", parts)
    with pytest.raises(BundleError, match="golden picture, not 'a cat'"):
        replay(Captioner(tmp_path / "other.showtell"))
