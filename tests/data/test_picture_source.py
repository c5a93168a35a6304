"""Pictures from folders, archives, files and patterns: the right ones, in order, and every failure reported."""

import io
import os
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from showtell.data.sources.picture_source import PictureSource, RawPicture
from showtell.errors import InputError


def _png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (3, 2), level).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = {"b.png": _png(1), "a/2.png": _png(2), "a/10.png": _png(3), "c é.PNG": _png(4)}
OTHERS = {"notes.txt": b"words", ".hidden.png": _png(5), "__MACOSX/b.png": b"resource", ".cache/x.png": _png(6)}


def _fill_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _make_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _make_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    options = {"compresslevel": 1} if mode == "w:bz2" else {}  # small blocks, or a cut archive holds no whole one
    with tarfile.open(path, mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _read(source: object) -> dict[str, bytes]:
    pictures = list(PictureSource(source).read())  # type: ignore[arg-type]
    assert [picture.error for picture in pictures] == [""] * len(pictures)
    return {picture.name: picture.data for picture in pictures}


def _message(source: object) -> str:
    with pytest.raises(InputError) as caught:
        list(PictureSource(source).read())  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_gives_its_pictures_sorted_by_relative_path(tmp_path: Path) -> None:
    _fill_folder(tmp_path, PICTURES | OTHERS)
    assert list(_read(tmp_path).items()) == sorted(PICTURES.items())
    assert PictureSource(tmp_path).names() == ["a/10.png", "a/2.png", "b.png", "c é.PNG"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_gives_its_pictures_in_its_own_order(tmp_path: Path, compression: int) -> None:
    path = _make_zip(tmp_path / "x.zip", PICTURES | OTHERS, compression)
    assert list(_read(path).items()) == list(PICTURES.items())
    assert PictureSource(path).names() == list(PICTURES)


@pytest.mark.parametrize(
    ("suffix", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz")]
)
def test_a_tar_of_any_compression_gives_its_pictures_in_its_own_order(tmp_path: Path, suffix: str, mode: str) -> None:
    path = _make_tar(tmp_path / f"x.{suffix}", PICTURES | OTHERS, mode)
    assert list(_read(path).items()) == list(PICTURES.items())
    assert PictureSource(path).names() == list(PICTURES)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_an_archive_is_told_by_its_content_whatever_its_name(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "download.bin"
    if mode == "zip":
        _make_zip(path, PICTURES)
    else:
        _make_tar(path, PICTURES, mode)
    assert _read(path) == PICTURES


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "photo.dat").write_bytes(PICTURES["b.png"])
    assert _read(str(tmp_path / "photo.dat")) == {"photo.dat": PICTURES["b.png"]}


def test_a_list_is_read_in_its_own_order(tmp_path: Path) -> None:
    _fill_folder(tmp_path / "folder", {"z.png": _png(1)})
    (tmp_path / "single.png").write_bytes(_png(2))
    archive = _make_zip(tmp_path / "x.zip", {"in/zip.png": _png(3)})
    assert list(_read([archive, tmp_path / "single.png", tmp_path / "folder"])) == ["in/zip.png", "single.png", "z.png"]


def test_a_pattern_names_pictures_from_its_fixed_part(tmp_path: Path) -> None:
    _fill_folder(tmp_path, PICTURES | OTHERS)
    assert list(_read(f"{tmp_path}/**/*.png")) == ["a/10.png", "a/2.png", "b.png"]
    assert list(_read(f"{tmp_path}/a/1*")) == ["10.png"]
    assert _read(f"{tmp_path}/*") == _read(tmp_path) == _read(f"{tmp_path}/**")


def test_a_pattern_may_match_archives(tmp_path: Path) -> None:
    for i in range(3):
        _make_tar(tmp_path / f"shard-{i}.tar", {f"{i}.png": _png(i)})
    assert list(_read(f"{tmp_path}/shard-*.tar")) == ["0.png", "1.png", "2.png"]


def test_a_file_whose_own_name_holds_a_bracket_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "x[1].png").write_bytes(_png(1))
    assert list(_read(str(tmp_path / "x[1].png"))) == ["x[1].png"]


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    _fill_folder(tmp_path, {"a.png": _png(1)})
    assert list(_read([tmp_path, tmp_path / "a.png", f"{tmp_path}/*.png"])) == ["a.png"]


def test_skipped_pictures_are_not_read(tmp_path: Path) -> None:
    files = {"a.png": _png(1), "b.png": _png(2), "c.png": _png(3)}
    _fill_folder(tmp_path / "folder", files)
    (tmp_path / "folder" / "b.png").unlink()
    (tmp_path / "folder" / "b.png").symlink_to("nowhere")  # reading it would give a reject
    for path in (tmp_path / "folder", _make_zip(tmp_path / "x.zip", files), _make_tar(tmp_path / "x.tar", files)):
        pictures = list(PictureSource(path).read(skip={"b.png"}))
        assert [(picture.name, picture.error) for picture in pictures] == [("a.png", ""), ("c.png", "")]


def test_names_are_listed_once_and_the_list_is_the_callers_own(tmp_path: Path) -> None:
    source = PictureSource(_make_zip(tmp_path / "x.zip", PICTURES))
    source.names().clear()
    assert source.names() == list(PICTURES)
    assert str(source) == str(tmp_path / "x.zip")


def test_linked_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    _fill_folder(tmp_path / "real", {"a.png": _png(1)})
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "set" / "circle").symlink_to(tmp_path / "set")
    assert list(_read(tmp_path / "set")) == ["link/a.png"]


def test_a_link_that_leads_nowhere_is_a_listed_reject(tmp_path: Path) -> None:
    _fill_folder(tmp_path, {"a.png": _png(1), "c.png": _png(2)})
    (tmp_path / "b.png").symlink_to("nowhere")
    assert [(p.name, p.error) for p in PictureSource(tmp_path).read()] == [
        ("a.png", ""),
        ("b.png", "cannot be read (No such file or directory)"),
        ("c.png", ""),
    ]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_listed_reject(tmp_path: Path) -> None:
    _fill_folder(tmp_path, {"a.png": _png(1), "b.png": _png(2)})
    (tmp_path / "a.png").chmod(0)
    assert [p.error for p in PictureSource(tmp_path).read()] == ["cannot be read (Permission denied)", ""]


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    _fill_folder(tmp_path, {"a.png": _png(1)})
    os.mkfifo(tmp_path / "pipe.png")
    assert list(_read(tmp_path)) == ["a.png"]
    assert [p.error for p in PictureSource(tmp_path / "pipe.png").read()] == ["not a regular file"]


def test_a_file_too_large_for_a_picture_is_a_listed_reject(tmp_path: Path) -> None:
    with open(tmp_path / "huge.tif", "wb") as file:
        file.truncate(2 << 30)  # sparse: takes no room on disk
    (reject,) = PictureSource(tmp_path).read()
    assert reject == RawPicture("huge.tif", b"", "2,048 MiB are too many for one picture (limit 512)")


def test_a_file_name_that_is_not_utf8_becomes_text_that_can_be_written(tmp_path: Path) -> None:
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))).write_bytes(_png(1))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (name,) = _read(tmp_path)
    assert name.encode("utf-8") == rb"caf\udce9.png"


@pytest.mark.parametrize("make", [_make_zip, _make_tar])
def test_member_names_are_plain_relative_paths(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "x", {"./a.png": _png(1), "/b.png": _png(2), "../../c.png": _png(3)})  # type: ignore[operator]
    assert list(_read(path)) == ["a.png", "b.png", "c.png"]


def test_zip_names_with_backslashes_or_unmarked_utf8_are_understood(tmp_path: Path) -> None:
    path = _make_zip(tmp_path / "x.zip", {"d\\a.png": _png(1), "caf--.png": _png(2)})
    path.write_bytes(path.read_bytes().replace(b"caf--.png", "café.png".encode()))
    assert list(_read(path)) == ["d/a.png", "café.png"]


def test_a_damaged_zip_member_is_a_listed_reject_and_the_next_is_read(tmp_path: Path) -> None:
    path = _make_zip(tmp_path / "x.zip", {"a.png": b"first " * 9, "b.png": b"second " * 9, "c.png": b"third"})
    path.write_bytes(path.read_bytes().replace(b"second", b"sXcond", 1))
    first, damaged, third = PictureSource(path).read()
    assert (first.data, third.data) == (b"first " * 9, b"third")
    assert damaged == RawPicture("b.png", b"", "damaged in the zip (Bad CRC-32 for file 'b.png')")


def test_an_encrypted_zip_member_is_a_listed_reject(tmp_path: Path) -> None:
    path = _make_zip(tmp_path / "x.zip", {"a.png": _png(1)})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(data)
    (reject,) = PictureSource(path).read()
    assert (reject.data, reject.error) == (b"", "encrypted in the zip: unpack it with its password first")


def test_a_truncated_zip_says_what_to_do(tmp_path: Path) -> None:
    path = _make_zip(tmp_path / "x.zip", PICTURES)
    path.write_bytes(path.read_bytes()[:-40])
    assert _message(path) == f"{path}: not a complete zip file (File is not a zip file): copy or download it again"


def test_a_link_inside_a_tar_is_a_listed_reject(tmp_path: Path) -> None:
    path = _make_tar(tmp_path / "x.tar", {"a.png": _png(1)})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "a.png"
        archive.addfile(link)
    first, second = PictureSource(path).read()
    assert first.data == _png(1)
    assert second.error.startswith("a link in the archive")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_truncated_tar_gives_what_is_whole_and_then_fails(tmp_path: Path, mode: str) -> None:
    noise = {f"{i}.png": os.urandom(200_000) for i in range(5)}
    path = _make_tar(tmp_path / "x.tar", noise, mode)
    path.write_bytes(path.read_bytes()[:750_000])
    source = PictureSource(path)
    whole = []
    with pytest.raises(InputError, match=r"ends after 3 complete pictures: copy or download it again") as caught:
        whole.extend(source.read())
    assert str(path) in str(caught.value)
    assert {picture.name: picture.data for picture in whole} == {
        name: noise[name] for name in ("0.png", "1.png", "2.png")
    }
    assert source.names() == ["0.png", "1.png", "2.png"]


def test_a_tar_cut_between_two_members_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = _make_tar(tmp_path / "x.tar", {"a.png": bytes(512), "b.png": bytes(512)})
    path.write_bytes(path.read_bytes()[:1024])
    assert "no end mark" in _message(path)
    assert "after 1 complete picture:" in _message(path)


def test_a_tar_with_a_damaged_header_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = _make_tar(tmp_path / "x.tar", {"a.png": bytes(512), "b.png": bytes(512)})
    data = bytearray(path.read_bytes())
    data[1024 + 100] ^= 0xFF
    path.write_bytes(data)
    assert "after 1 complete picture:" in _message(path)


def test_a_gzip_checksum_that_is_wrong_is_told(tmp_path: Path) -> None:
    path = _make_tar(tmp_path / "x.tgz", PICTURES, "w:gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    assert "CRC check failed" in _message(path)


def test_a_gzip_that_holds_no_tar_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(_make_tar(tmp_path / "x.tgz", PICTURES, "w:gz").read_bytes()[:20])
    assert "not a complete tar archive" in _message(path)


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"words"}])
def test_an_archive_without_pictures_is_told(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert "has no pictures" in _message(_make_zip(tmp_path / "x.zip", files))
    assert "has no pictures" in _message(_make_tar(tmp_path / "x.tar", files))


def test_a_folder_or_pattern_or_list_without_pictures_is_told(tmp_path: Path) -> None:
    _fill_folder(tmp_path, OTHERS)
    assert _message(tmp_path).startswith(f"{tmp_path}: no pictures (.avif .bmp ")
    assert _message(f"{tmp_path}/*").startswith(f"{tmp_path}/*: matches no pictures")
    assert _message(f"{tmp_path}/*.gif").startswith(f"{tmp_path}/*.gif: matches no pictures")
    assert _message([]).startswith("no pictures were given")


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    assert _message(tmp_path / "none.zip") == f"{tmp_path}/none.zip: does not exist: check the path"
    assert _message("") == "an empty path: does not exist: check the path"


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_of_one_name_twice_in_an_archive_the_last_counts_and_that_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    members = [("a.png", _png(1)), ("b.png", _png(2)), ("a.png", _png(3)), ("./a.png", _png(4)), ("c.png", _png(5))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the duplicate that this test is about
        if suffix == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                for name, data in members:
                    archive.writestr(name, data)
        else:
            with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
                for name, data in members:
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    source = PictureSource(path)
    expected = {"b.png": _png(2), "a.png": _png(4), "c.png": _png(5)}
    assert source.names() == list(expected)
    assert {picture.name: picture.data for picture in source.read()} == expected
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in source.split(2)]
    assert {picture.name: picture.data for piece in pieces for picture in piece.read()} == expected
    assert source.remarks.lines() == [f"{path}: holds 'a.png' more than once: the last one counts"]


def test_one_name_in_two_sources_names_both_files(tmp_path: Path) -> None:
    _fill_folder(tmp_path, {"one/a.png": _png(1), "two/a.png": _png(2)})
    message = _message([tmp_path / "one", tmp_path / "two"])
    assert message.startswith(f"{tmp_path}/one/a.png and {tmp_path}/two/a.png: both have a picture named 'a.png'")


@pytest.mark.parametrize("make", [_make_zip, _make_tar])
def test_closing_the_stream_closes_the_archive(tmp_path: Path, make: object) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("needs /proc to see open files")
    path = make(tmp_path / "x", PICTURES)  # type: ignore[operator]

    def is_open() -> bool:
        return any(os.path.realpath(entry) == str(path.resolve()) for entry in descriptors.iterdir())

    stream = PictureSource(path).read()
    next(stream)
    assert is_open()
    stream.close()
    assert not is_open()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["zip", "w", "w:gz", "w:xz"]), cut=st.floats(0, 1), at=st.floats(0, 1), bit=st.integers(0, 7)
)
def test_a_damaged_archive_never_gives_anything_but_pictures_and_input_errors(
    tmp_path_factory: pytest.TempPathFactory, kind: str, cut: float, at: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x"
    _make_zip(path, PICTURES, zipfile.ZIP_DEFLATED) if kind == "zip" else _make_tar(path, PICTURES, kind)
    data = bytearray(path.read_bytes())
    if cut < 0.5:
        del data[int(len(data) * 2 * cut) :]
    if data:
        data[int((len(data) - 1) * at)] ^= 1 << bit
    path.write_bytes(data)
    try:
        pictures = list(PictureSource(path).read())
    except InputError as error:
        pictures = []
        assert str(path) in str(error)  # noqa: PT017 (most damage is no error: it may fall in a member's bytes)
    assert all(isinstance(picture, RawPicture) for picture in pictures)


def test_the_coco_sample_is_read_whole(shared_data: Path) -> None:
    pictures = list(PictureSource(shared_data / "coco" / "train2014_sample.zip").read())
    assert len(pictures) == 100
    assert all(picture.name.startswith("train2014/") and picture.data[:2] == b"\xff\xd8" for picture in pictures)
