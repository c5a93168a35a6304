"""The published data sets by name: their files come whole, from the publisher or a mirror, and the command says so."""

import hashlib
import shutil
from collections import namedtuple

import pytest

from showtell.data import catalogue
from showtell.data.catalogue import DataSet, File
from showtell.errors import InputError, ShowtellError

DATA = bytes(range(256)) * 4000
MD5 = hashlib.md5(DATA).hexdigest()
SET = DataSet(
    "http://nowhere.invalid",
    (File("a/small.zip", 3, hashlib.md5(b"abc").hexdigest()), File("b/large.zip", None, MD5)),
    "--pictures large.zip",
    "free",
)


def test_a_data_set_comes_file_by_file_from_a_mirror(server, tmp_path):
    server.serve("/m/a/small.zip", b"abc")
    server.serve("/m/b/large.zip", DATA)
    came = list(catalogue.download(SET, SET.files, tmp_path, mirror=server.base + "/m/", show=False))
    assert came == [(tmp_path / "small.zip", 3), (tmp_path / "large.zip", len(DATA))]
    assert [received for _, received in catalogue.download(SET, SET.files, tmp_path, show=False)] == [0, 0]


def test_room_for_the_whole_data_set_is_asked_before_its_first_byte(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 20 * 10**9))
    coco = catalogue.data_set("coco2014")
    with pytest.raises(ShowtellError, match=r"20\.4 GB and a reserve of 67\.1 MB are needed, 20\.0 GB are free"):
        next(catalogue.download(coco, coco.files, tmp_path, mirror=server.base, show=False))
    assert server.requests == []
    (tmp_path / "train2014.zip.part").touch()
    with open(tmp_path / "train2014.zip.part", "r+b") as part:
        part.truncate(10 * 10**9)  # a sparse file: what is here already needs no room
    with pytest.raises(ShowtellError, match="404"):
        next(catalogue.download(coco, coco.files, tmp_path, mirror=server.base, show=False))


def test_the_catalogue_is_well_formed():
    for name, found in catalogue.DATA_SETS.items():
        assert catalogue.data_set(name) is found
        for file in found.files:
            assert len(bytes.fromhex(file.md5)) == 16
            assert file.name in found.use
    assert catalogue.size_of(catalogue.DATA_SETS["coco2014"].files) == "20.4 GB"
    assert [file.name for file in catalogue.chosen(SET, ["large.zip"])] == ["large.zip"]
    with pytest.raises(InputError, match=r"medium\.zip: none of the files, which are small\.zip, large\.zip"):
        catalogue.chosen(SET, ["medium.zip"])
    with pytest.raises(InputError, match="there are coco2014, coco2017, flickr8k"):
        catalogue.data_set("coco2015")


def test_the_command_says_what_it_did_and_what_is_next(server, tmp_path, monkeypatch, showtell):
    monkeypatch.setitem(catalogue.DATA_SETS, "tiny", SET)
    server.serve("/a/small.zip", b"abc")
    server.serve("/b/large.zip", DATA)
    folder = tmp_path / "tiny"
    first = showtell("data", "download", "tiny", folder, "--mirror", server.base)
    assert (first.code, (folder / "large.zip").read_bytes()) == (0, DATA)
    assert f"{folder}/large.zip: 1.0 MB downloaded, MD5 as recorded" in first.out
    assert first.out.splitlines()[-1] == f"next: showtell data check --root {folder} --pictures large.zip"
    assert "downloading large.zip" in first.err
    again = showtell("data", "download", "tiny", folder, "--only", "small.zip")
    assert f"{folder}/small.zip: already here, MD5 as recorded" in again.out
    (folder / "small.zip").write_bytes(b"xyz")
    wrong = showtell("data", "download", "tiny", folder)
    assert wrong.code == 2
    assert "small.zip: not the file that belongs here" in wrong.err.splitlines()[-1]
