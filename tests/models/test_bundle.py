"""A bundle is whole or refused, and means the same as a file and as a folder."""

import json
import platform
import zipfile

import numpy as np
import onnxruntime
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.golden import finish, replay
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
    parts["model.json"] = parts["model.json"].replace(b'"format": 1', b'"format": 4')
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


def finished(bundle, path, **versions):
    """The bundle as it is finished here, then with other versions in its record."""
    parts = dict(read_bundle(bundle).parts)
    parts.pop("SHA256SUMS")
    model = json.loads(parts["model.json"])
    finish(path, parts, {name: value for name, value in model.items() if name not in ("golden", "versions")})
    if versions:
        parts = dict(read_bundle(path).parts)
        model = json.loads(parts["model.json"])
        parts["model.json"] = json.dumps(model | {"versions": model["versions"] | versions}).encode()
        write_bundle(path, {name: data for name, data in parts.items() if name != "SHA256SUMS"})
    return path


def test_a_finished_bundle_records_the_versions_that_made_it(tiny_bundle, tmp_path, showtell):
    path = finished(tiny_bundle, tmp_path / "made.showtell")
    versions = read_bundle(path).versions
    assert versions["NumPy"] == np.__version__
    assert versions["ONNX Runtime"] == onnxruntime.__version__
    assert versions["Python"] == platform.python_version()
    assert versions["platform"] == f"{platform.system()} {platform.machine()}"
    assert set(versions) - {"PyTorch"} == {"Showtell", "Python", "NumPy", "ONNX Runtime", "platform"}
    ran = showtell("verify", path)
    assert ran.code == 0
    assert f"NumPy {np.__version__}, " in ran.out
    assert "; the same here\n" in ran.out


def test_verify_names_the_versions_that_differ_here(tiny_bundle, tmp_path, showtell):
    path = finished(tiny_bundle, tmp_path / "made.showtell", NumPy="1.0", platform="Plan 9 mips")
    ran = showtell("verify", path)
    assert ran.code == 0
    assert "made with Showtell " in ran.out
    assert f"; here NumPy {np.__version__}, platform {platform.system()} {platform.machine()}\n" in ran.out
    other = finished(tiny_bundle, tmp_path / "other.showtell", NumPy="1.0")
    parts = dict(read_bundle(other).parts)
    parts.pop("SHA256SUMS")
    model = json.loads(parts["model.json"])
    parts["model.json"] = json.dumps(model | {"golden": model["golden"] | {"score": -99.0}}).encode()
    write_bundle(other, parts)
    ran = showtell("verify", other)
    assert ran.code == 2
    assert ran.err.endswith(f"(-99.0000): made with NumPy 1.0, here {np.__version__}\n")


def test_a_bundle_of_an_earlier_release_has_no_versions(showtell, tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    model = json.loads(parts["model.json"])
    model.pop("versions", None)
    parts["model.json"] = json.dumps(model).encode()
    write_bundle(tmp_path / "early.showtell", parts)
    ran = showtell("verify", tmp_path / "early.showtell")
    assert "\nversions: not recorded, the bundle is of an earlier release\n" in ran.out


def test_versions_that_are_no_texts_are_refused(tiny_bundle, tmp_path):
    parts = dict(read_bundle(tiny_bundle).parts)
    parts.pop("SHA256SUMS")
    for number, wrong in enumerate(([], {"NumPy": 1}, "2.0")):
        parts["model.json"] = json.dumps(json.loads(parts["model.json"]) | {"versions": wrong}).encode()
        write_bundle(tmp_path / f"{number}.showtell", parts)
        with pytest.raises(BundleError, match=r"model\.json or vocabulary\.json is malformed \(versions are no table"):
            read_bundle(tmp_path / f"{number}.showtell")
