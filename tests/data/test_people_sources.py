"""Folders, archives and lists as people have them: skipped files are reported; nothing waits, loops or fills memory."""

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from odd_pictures import photograph
from showtell.data.sources import list as lists
from showtell.data.sources.base import RawPicture, ReadOptions, Remarks
from showtell.data.sources.folder import walk_pictures
from showtell.data.sources.gather import PictureSelection
from showtell.data.sources.glob import glob_files
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError
from showtell.images.decode import DecodeOptions

JPEG = photograph()


def put(folder, *names, data=JPEG):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def put_zip(path, names, data=JPEG):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return path


def put_tar(path, names, data=JPEG):
    with tarfile.open(path, "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def said(source):
    with pytest.raises(InputError) as caught:
        PictureSource(source).names()
    return str(caught.value)


# Skipped files


MIXED = ["a.jpg", "IMG_1.dng", "sub/IMG_2.DNG", "x.jp2", "notes.txt", "y.jpg_large", ".hidden/z.dng", "@eaDir/w.jp2"]
PASSED_OVER = {".dng (raw photo)": (2, "IMG_1.dng"), ".jp2 (JPEG 2000)": (1, "x.jp2"), ".jpg_large": (1, "y.jpg_large")}


@pytest.mark.parametrize("kind", ["folder", "pattern", "zip", "tar", "walk"])
def test_what_looks_like_a_picture_and_is_not_read_is_counted_by_kind(tmp_path, kind):
    if kind == "walk":
        remarks = Remarks()
        assert [one.name for one in walk_pictures(put(tmp_path, *MIXED), remarks=remarks)] == ["a.jpg"]
    else:
        source = {
            "folder": lambda: put(tmp_path, *MIXED),
            "pattern": lambda: f"{put(tmp_path, *MIXED)}/**/*",
            "zip": lambda: put_zip(tmp_path / "x.zip", MIXED),
            "tar": lambda: put_tar(tmp_path / "x.tar", MIXED),
        }[kind]()
        pictures = PictureSource(source)
        assert pictures.names() == ["a.jpg"]
        remarks = pictures.remarks
    assert remarks.unread == PASSED_OVER
    (line,) = remarks.lines()
    assert line.startswith(
        "4 pictures skipped, because these kinds are not read: 2 .dng (raw photo): export it as JPEG"
    )
    assert {"kind": ".jp2 (JPEG 2000)", "count": 1, "first": "x.jp2", "remedy": "convert it to PNG or JPEG"} in (
        remarks.to_json()
    )


def test_what_holds_none_but_pictures_that_are_not_read_says_so(tmp_path):
    message = said(put(tmp_path / "raws", "a.nef", "b.nef"))
    assert "no pictures (" in message
    assert "2 pictures skipped, because these kinds are not read: 2 .nef (raw photo)" in message
    assert "1 .psd (Photoshop)" in said(put_zip(tmp_path / "x.zip", ["a.psd"]))
    assert "1 .psd (Photoshop)" in said(put_tar(tmp_path / "x.tar", ["a.psd"]))


SYSTEM = ["@eaDir/a.jpg/SYNO.jpg", "#recycle/b.jpg", "$RECYCLE.BIN/S-1/c.jpg", "lost+found/d.jpg", "__MACOSX/e.jpg"]
SYSTEM += ["System Volume Information/f.jpg", ".thumbnails/g.jpg", "sub/@EADIR/h.jpg", "@Recycle/i.jpg"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "walk"])
def test_folders_of_systems_are_passed_over(tmp_path, kind):
    names = ["a.jpg", *SYSTEM]
    if kind == "walk":
        found = [one.name for one in walk_pictures(put(tmp_path, *names))]
    elif kind == "folder":
        found = PictureSource(put(tmp_path, *names)).names()
    else:
        found = PictureSource({"zip": put_zip, "tar": put_tar}[kind](tmp_path / "x", names)).names()
    assert found == ["a.jpg"]


def test_a_folder_of_a_system_that_is_named_is_read(tmp_path):
    put(tmp_path, *SYSTEM)
    assert PictureSource(tmp_path / "lost+found").names() == ["d.jpg"]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["thumbs"], ["a.jpg", "b_small.jpg", "raw/2019/c.jpg", "raw/2020/d.jpg"]),
        (["*_small.*"], ["a.jpg", "raw/2019/c.jpg", "raw/2020/d.jpg", "thumbs/e.jpg"]),
        (["raw/2019"], ["a.jpg", "b_small.jpg", "raw/2020/d.jpg", "thumbs/e.jpg"]),
        (["raw/", "thumbs/*"], ["a.jpg", "b_small.jpg"]),
        (["[ab]*", "raw"], ["thumbs/e.jpg"]),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "pattern", "zip", "tar", "list", "walk"])
def test_what_is_excluded_is_passed_over(tmp_path, kind, patterns, left):
    names = ["a.jpg", "b_small.jpg", "raw/2019/c.jpg", "raw/2020/d.jpg", "thumbs/e.jpg"]
    options = ReadOptions(exclude=tuple(patterns))
    if kind == "walk":
        assert [one.name for one in walk_pictures(put(tmp_path, *names), options)] == left
        return
    put(tmp_path, *names)
    (tmp_path / "list.txt").write_text("\n".join(names))
    source = {
        "folder": lambda: tmp_path,
        "pattern": lambda: f"{tmp_path}/**/*.jpg",
        "zip": lambda: put_zip(tmp_path / "x.zip", names),
        "tar": lambda: put_tar(tmp_path / "x.tar", names),
        "list": lambda: tmp_path / "list.txt",
    }[kind]()
    found = PictureSource(source, options=options)
    assert sorted(found.names()) == left
    assert sorted(picture.name for picture in found.read()) == left
    assert sorted(name for piece in found.split(2) for name in piece.names()) == left


def test_patterns_that_leave_nothing_are_an_error(tmp_path):
    with pytest.raises(InputError, match="--exclude leaves no picture"):
        PictureSource(put_zip(tmp_path / "x.zip", ["a.jpg"]), options=ReadOptions(exclude=("*",))).names()


def test_pictures_bring_along_how_they_are_to_be_decoded_in_pieces_too(tmp_path):
    options = ReadOptions(decoding=DecodeOptions(1000, lenient=True))
    source = PictureSelection([str(put(tmp_path, "a.jpg", "b.jpg"))], options=options)
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in source.split(1)]
    assert [picture.decoding for piece in pieces for picture in piece.read()] == [options.decoding] * 2
    assert [picture.decoding for picture in source.read()] == [options.decoding] * 2
    assert [one.decoding for one in walk_pictures(tmp_path, options)] == [options.decoding] * 2


# Names in zips


def put_raw_zip(path, names):
    """A zip of names in any bytes, which does not say what letters they are; `None` marks UTF-8 as such."""
    stand_ins = [f"{number:0{len(name)}d}".encode() for number, name in enumerate(names)]
    data = put_zip(path, [one.decode() for one in stand_ins]).read_bytes()
    for stand_in, name in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in, name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp932", "犬の写真.jpg"), ("gbk", "小狗照片.jpg"), ("cp1252", "größe-ü.jpg"), ("cp437", "café.jpg")],
)
def test_names_in_zips_are_read_in_the_encoding_that_one_says_and_hinted_at_else(tmp_path, encoding, name):
    path = put_raw_zip(tmp_path / "x.zip", [name.encode(encoding)])
    source = PictureSource(path, options=ReadOptions(zip_encoding=encoding))
    assert source.names() == [name]
    assert [(picture.name, picture.data) for picture in source.read()] == [(name, JPEG)]
    assert source.remarks.lines() == []
    assert [picture.name for piece in source.split(1) for picture in piece.read()] == [name]
    unsaid = PictureSource(path)
    assert unsaid.names() == [name.encode(encoding).decode("cp437")]
    (hint,) = unsaid.remarks.lines()
    assert hint.startswith(f"{path}: 1 name in an encoding that the zip does not say: ")
    assert encoding == "cp437" or f"{name!r} with --zip-encoding {encoding}" in hint


def test_names_that_say_their_letters_are_not_touched_by_the_option(tmp_path):
    path = put_zip(tmp_path / "x.zip", ["größe.jpg", "a.jpg"])  # zipfile marks UTF-8
    put_raw_zip(tmp_path / "mac.zip", ["größe.jpg".encode()])  # unmarked
    for one, names in ((path, ["größe.jpg", "a.jpg"]), (tmp_path / "mac.zip", ["größe.jpg"])):
        for encoding in (None, "cp932"):
            source = PictureSource(one, options=ReadOptions(zip_encoding=encoding))
            assert source.names() == names
            assert source.remarks.lines() == []


def test_the_name_in_utf8_that_info_zip_writes_beside_the_other_is_taken(tmp_path):
    raw = "gr\xf6\xdfe.jpg".encode("cp1252").decode("cp437")
    info = zipfile.ZipInfo("0000000000.jpg"[-len(raw) :])
    field = b"\1" + struct.pack("<I", zlib.crc32(raw.encode("cp437"))) + "größe.jpg".encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, JPEG)
    data = (tmp_path / "x.zip").read_bytes().replace(info.filename.encode(), raw.encode("cp437"))
    (tmp_path / "x.zip").write_bytes(data)
    source = PictureSource(tmp_path / "x.zip")
    assert source.names() == ["größe.jpg"]
    assert source.remarks.lines() == []


def test_an_encoding_that_python_does_not_know_is_an_error():
    with pytest.raises(InputError, match="there is no encoding 'klingon': give one that Python knows"):
        ReadOptions(zip_encoding="klingon")


def with_method(path, method, only=None):
    """A zip whose members claim to be compressed by `method`."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if only in (None, one.filename)]
    for one in members:
        struct.pack_into("<H", data, one.header_offset + 8, method)
        at = data.index(b"PK\x01\x02" + data[one.header_offset + 4 : one.header_offset + 4][:0])
        while data[at + 46 : at + 46 + len(one.filename)] != one.filename.encode():
            at = data.index(b"PK\x01\x02", at + 4)
        struct.pack_into("<H", data, at + 10, method)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (77, "method 77")])
def test_a_compression_that_python_lacks_is_named_once(tmp_path, method, name):
    path = with_method(put_zip(tmp_path / "x.zip", ["a.jpg", "b.jpg"]), method)
    assert said(path) == (
        f"{path}: compressed by {name}, which Python lacks: unpack it first, or pack it again by Deflate"
    )
    path = with_method(put_zip(tmp_path / "y.zip", ["a.jpg", "b.jpg"]), method, only="b.jpg")
    whole, reject = PictureSource(path).read()
    assert (whole.data, reject.data) == (JPEG, b"")
    assert reject.error.startswith(f"compressed by {name}, which Python lacks")


# Lists


def names_of(tmp_path, *lines, encoding="utf-8"):
    path = tmp_path / "list.txt"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return {picture.name: picture.error or picture.data for picture in PictureSource(path).read()}


def test_lists_may_have_quotes_homes_and_addresses_of_files(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    put(tmp_path, "a b.jpg", "home/c.jpg", "d e.jpg", "it's.jpg", "100%25.jpg", "'quoted'.jpg")
    lines = ['"a b.jpg"', "'d e.jpg'", "~/c.jpg", f"file://{tmp_path}/d%20e.jpg", f"file://localhost{tmp_path}/a b.jpg"]
    lines += ["it's.jpg", f"file://{tmp_path}/100%25.jpg", "'quoted'.jpg"]
    assert names_of(tmp_path, *lines) == dict.fromkeys(lines, JPEG)
    assert names_of(tmp_path, *lines, encoding="utf-16") == dict.fromkeys(lines, JPEG)
    assert PictureSource(f"file://{tmp_path}/d%20e.jpg").names() == ["d e.jpg"]
    assert PictureSource("~/c.jpg").names() == ["c.jpg"]
    assert PictureSource(f"file://{tmp_path}/home").names() == ["c.jpg"]


def from_standard_input(data, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    return PictureSource("-")


def test_a_list_or_a_picture_may_come_by_standard_input(tmp_path, monkeypatch):
    monkeypatch.chdir(put(tmp_path, "a.jpg", "sub/b.jpg"))
    source = from_standard_input(b"a.jpg\nsub/b.jpg\nnone.jpg\n", monkeypatch)
    assert [(one.name, one.data) for one in source.read()][:2] == [("a.jpg", JPEG), ("sub/b.jpg", JPEG)]
    assert source.names() == ["a.jpg", "sub/b.jpg", "none.jpg"]
    assert list(from_standard_input(JPEG, monkeypatch).read()) == [RawPicture("-", JPEG)]
    with pytest.raises(InputError, match="names no pictures"):
        from_standard_input(b"", monkeypatch)


@pytest.mark.parametrize("beside", ["a.jpg.txt", "a.txt", "a.caption", "a.jpg.xmp", "a.json"])
def test_a_text_beside_a_picture_of_its_name_is_no_list(tmp_path, beside):
    put(tmp_path, "a.jpg", beside)
    sources = sorted(map(str, tmp_path.iterdir()))
    selection = PictureSelection(sources)
    assert list(selection.names()) == [str(tmp_path / "a.jpg")]
    assert selection.remarks.lines() == ["texts beside pictures with their names, which are not lists: 1 skipped"]
    source = PictureSource(sources)
    assert source.names() == ["a.jpg"]
    assert "taken for a text about the picture with its name" in source.remarks.lines()[0]
    assert "taken for a text about the picture with its name" in said(tmp_path / beside)


def test_a_text_that_has_no_picture_beside_it_is_a_list(tmp_path):
    put(tmp_path, "a.jpg")
    assert names_of(tmp_path, "a.jpg") == {"a.jpg": JPEG}


# Loops, pipes and devices


@pytest.fixture
def loops(tmp_path):
    put(tmp_path, "a.jpg", "sub/b.jpg")
    os.symlink("self", tmp_path / "self")
    os.symlink("self.jpg", tmp_path / "self.jpg")
    for name in ("up", "again"):
        os.symlink("..", tmp_path / "sub" / name)
    os.symlink("y.jpg", tmp_path / "x.jpg")
    os.symlink("x.jpg", tmp_path / "y.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "zero.jpg")
    return tmp_path


READ = {"a.jpg": "", "sub/b.jpg": ""}
REJECTS = {"self.jpg", "x.jpg", "y.jpg", "zero.jpg"}


def test_links_to_themselves_pipes_and_devices_are_rejects_or_passed_over(loops):
    for source in (loops, f"{loops}/**/*.jpg"):
        found = {one.name: one.error for one in PictureSource(source).read()}
        assert {name: error for name, error in found.items() if not error} == READ
        assert {name for name, error in found.items() if error} - {"pipe.jpg"} == REJECTS
        assert found["zero.jpg"] == "not a regular file"
        assert found["self.jpg"].startswith("cannot be read (Too many levels of symbolic links")
    walked = {one.name: one.error for one in walk_pictures(loops)}
    assert {name for name, error in walked.items() if error} == REJECTS - {"zero.jpg"}
    assert READ.keys() <= walked.keys()


@pytest.mark.parametrize("name", ["pipe", "pipe.jpg", "self", "self.jpg", "zero.jpg"])
def test_what_is_no_file_and_is_named_is_one_line_or_a_reject_and_never_waited_for(loops, name):
    if name in ("pipe", "self", "self.jpg"):
        assert said(loops / name).startswith(f"{loops}/{name}: ")
    else:
        (reject,) = PictureSource(loops / name).read()
        assert reject.error == "not a regular file"


def test_lists_and_their_entries_may_be_no_files_either(loops):
    os.mkfifo(loops / "list.txt")
    assert said(loops / "list.txt") == f"{loops}/list.txt: cannot be read (not a regular file)"
    (loops / "list.txt").unlink()
    found = names_of(loops, "a.jpg", "pipe.jpg", "self.jpg", "zero.jpg")
    assert found.pop("a.jpg") == JPEG
    assert set(found) == {"pipe.jpg", "self.jpg", "zero.jpg"}
    assert found["pipe.jpg"] == found["zero.jpg"] == "not a regular file"


def test_a_folder_below_that_cannot_be_listed_is_a_reject(tmp_path, monkeypatch):
    put(tmp_path, "a.jpg", "locked/b.jpg", "z.jpg")
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for found in (list(PictureSource(tmp_path).read()), list(walk_pictures(tmp_path))):
        assert {one.name: one.error for one in found} == {
            "a.jpg": "",
            "locked": "the folder cannot be listed (Permission denied)",
            "z.jpg": "",
        }
    with pytest.raises(InputError, match="locked: cannot be listed"):
        PictureSource(tmp_path / "locked")


def test_patterns_fit_what_pythons_own_fit(tmp_path):
    import glob

    put(
        tmp_path, "a.jpg", "b.txt", "sub/c.jpg", "sub/deep/d.jpg", ".hidden/e.jpg", "sub/.f.jpg", "x1/g.jpg", "x2/h.jpg"
    )
    for pattern in ("*.jpg", "**/*.jpg", "*/*.jpg", "sub/**", "**", "x[12]/?.jpg", "**/deep/*.jpg", "none/*", "sub/.*"):
        expected = {path.rstrip("/") for path in glob.glob(f"{tmp_path}/{pattern}", recursive=True)}
        base, found = glob_files(f"{tmp_path}/{pattern}")
        assert set(map(str, found)) == expected
        assert all(path.is_relative_to(base) for path in found)


# Memory


def peak_of(program, *arguments):
    """Megabytes that a program takes more than it did when its work began."""
    begin = "import resource, sys\nfrom showtell.data.sources.picture_source import PictureSource\n"
    begin += (
        "from showtell.embeddings.pipeline import prepared\nfrom showtell.images.preprocessing import Preprocessing\n"
    )
    begin += "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\nbefore = peak()\n"
    run = [sys.executable, "-c", f"{begin}{program}\nprint(peak() - before)", *map(str, arguments)]
    return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


DECODE = "assert len(list(prepared(PictureSource(sys.argv[1]).read(), Preprocessing(size=32), workers=2))) == 20"


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="memory cannot be measured here")
def test_links_to_one_padded_picture_take_little_memory(tmp_path):
    with open(tmp_path / "padded", "wb") as file:
        file.write(JPEG)
        file.truncate(100 << 20)
    (tmp_path / "pictures").mkdir()
    for number in range(20):
        os.symlink(tmp_path / "padded", tmp_path / "pictures" / f"{number}.jpg")
    assert peak_of(DECODE, tmp_path / "pictures") < 900  # 256 MiB, one that is read, and two that are decoded


def test_sparse_members_of_a_tar_take_little_memory(tmp_path):
    """Each claims 200 MiB, of which the file has 1 kB."""
    with tarfile.open(tmp_path / "sparse.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(20):
            member = tarfile.TarInfo(f"{number}.jpg")
            size = 200 << 20
            member.pax_headers = {
                "GNU.sparse.major": "0",
                "GNU.sparse.minor": "1",
                "GNU.sparse.size": str(size),
                "GNU.sparse.map": f"0,512,{size},0",
            }
            member.size = 512
            archive.addfile(member, io.BytesIO(JPEG[:512]))
    assert (tmp_path / "sparse.tar").stat().st_size < 100_000
    assert peak_of(DECODE, tmp_path / "sparse.tar") < 1500


def test_a_large_file_of_a_list_is_read_when_its_turn_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(lists, "_LARGE", 100)
    read, at_once = [], []
    original = lists.read_picture

    def watch(place, name, *others):
        read.append(name)
        return original(place, name, *others)

    monkeypatch.setattr(lists, "read_picture", watch)
    put(tmp_path, *(f"{number}.jpg" for number in range(20)))
    entries = ["memory://nowhere/x.jpg", *(f"{number}.jpg" for number in range(20))]
    (tmp_path / "list.txt").write_text("\n".join(entries))
    for count, _ in enumerate(PictureSource(tmp_path / "list.txt").read()):
        at_once.append(len(read) - count)
    assert read == entries[1:]
    assert max(at_once) <= 1


def test_a_file_that_needs_more_memory_than_there_is_is_a_reject(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    path = put(tmp_path, "a.jpg") / "a.jpg"
    monkeypatch.setattr("showtell.data.sources.folder.read_file", fail)
    monkeypatch.setattr(zipfile.ZipFile, "read", fail)
    monkeypatch.setattr(tarfile.ExFileObject, "read", fail)
    for source in (path, put_zip(tmp_path / "x.zip", ["a.jpg"]), put_tar(tmp_path / "x.tar", ["a.jpg"])):
        assert [one.error for one in PictureSource(Path(source)).read()] == ["the file needs more memory than there is"]
