"""Captions in archives that unpack to far more than they take are refused before they fill memory."""

import io
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager

import pytest

from showtell.data.captions.caption_set import read_captions
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError

MIB = 1 << 20
ROW = b"a.jpg,a dog on the grass beside another dog on the grass\n"


@contextmanager
def peak_below(most):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def packed(path, sizes, begin=b"image,caption\n"):
    """A zip of members with rows of captions, of at least these sizes."""
    block = ROW * (MIB // len(ROW) + 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, size in sizes.items():
            with archive.open(name, "w") as file:
                file.write(begin)
                for _ in range(0, size, MIB):
                    file.write(block[:size])
    return path


@pytest.mark.parametrize(("size", "unpacked", "limit"), [(20 * MIB, "20", "16"), (300 * MIB, "300", "")])
def test_a_member_that_unpacks_to_far_more_than_it_takes_is_refused(tmp_path, size, unpacked, limit):
    path = packed(tmp_path / "c.zip", {"captions.csv": size})
    with peak_below(8 * MIB), pytest.raises(InputError) as raised:
        read_captions(path)
    assert str(raised.value).startswith(f"{path}/captions.csv: unpacks to {unpacked} MiB")
    assert f"(limit {limit}" in str(raised.value)


def test_a_header_that_states_a_smaller_size_does_not_help(tmp_path):
    path = packed(tmp_path / "c.zip", {"captions.csv": 100 * MIB})
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("captions.csv").file_size
    assert path.read_bytes().count(struct.pack("<I", size)) >= 1
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    with peak_below(64 * MIB), pytest.raises(InputError, match=r"captions\.csv: cannot be read from the zip"):
        read_captions(path)


def test_a_large_table_of_different_captions_is_read(tmp_path):
    rows = "".join(f"{i}.jpg,a caption {i * 7919 % 1_000_003} of picture {i}\n" for i in range(500_000))
    assert len(rows) > 16 * MIB
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("captions.csv", "image,caption\n" + rows)
    assert len(read_captions(path).captions) == 500_000


def test_texts_beside_pictures_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr("showtell.data.captions.beside.MAX_UNPACKED", 5 * MIB)
    path = packed(tmp_path / "c.zip", {f"{i}.txt": MIB // 2 for i in range(12)}, begin=b"")
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(12):
            archive.writestr(f"{i}.jpg", b"")
    with pytest.raises(InputError, match=r"c\.zip: its texts unpack to 6 MiB \(limit 5\)"):
        read_captions(path)


def test_a_workbook_is_bounded(tmp_path):
    pytest.importorskip("openpyxl")
    path = packed(tmp_path / "c.xlsx", {"xl/sharedStrings.xml": 300 * MIB})
    with peak_below(16 * MIB), pytest.raises(InputError, match=r"c\.xlsx: unpacks to more than 256 MiB"):
        read_captions(path)


@pytest.mark.parametrize(
    "record", [b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n", b"99999999999999999999 size=1\n"]
)
def test_a_tar_whose_first_header_cannot_be_understood_is_refused(tmp_path, record):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, data in (("pax", tarfile.XHDTYPE, record), ("0.png", tarfile.REGTYPE, b"\x89PNG\r\n")):
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(data)
            archive.addfile(member, io.BytesIO(data))
    (tmp_path / "p.tar").write_bytes(file.getvalue())
    with pytest.raises(InputError, match=r"p\.tar: not a complete tar archive"):
        read_captions(tmp_path / "p.tar")


def test_a_packed_tar_that_breaks_off_in_its_first_header_is_refused(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("0.png"))
    (tmp_path / "p.tar").write_bytes(file.getvalue()[:30])
    with pytest.raises(InputError, match=r"p\.tar: not a complete tar archive"):
        read_captions(tmp_path / "p.tar")


def test_a_member_without_a_name_is_passed_over(tmp_path):
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(nameless, b"no name")
        archive.writestr("0.png", b"no picture")
        archive.writestr("captions.csv", "image,caption\n0.png,a dog\n")
    assert PictureSource(tmp_path / "p.zip").names() == ["0.png"]
    assert read_captions(tmp_path / "p.zip").captions == {"0.png": ("a dog",)}


def test_a_name_in_unicode_that_is_cut_off_is_not_used(tmp_path):
    member = zipfile.ZipInfo("0.png")
    member.extra = struct.pack("<HHB", 0x7075, 1, 1)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(member, b"no picture")
    assert PictureSource(tmp_path / "p.zip").names() == ["0.png"]
