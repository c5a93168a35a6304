"""Lists of addresses, WebDataset shards, Parquet and remote file systems give the pictures that a folder gives."""

import io
import json
import pickle
import sys
import tarfile
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from showtell.data.sources.braces import expanded
from showtell.data.sources.gather import PictureSelection
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError


@pytest.fixture
def pictures(photos):
    """The bytes of ten pictures, by name."""
    return {path.name: path.read_bytes() for path in sorted(photos.iterdir())}


@pytest.fixture
def memory():
    """A file system in memory, empty before and after."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def write_shards(folder, pictures):
    """Two tars as WebDataset has them: pictures of the same keys, each with a text and a JSON file beside it."""
    for shard, names in enumerate((list(pictures)[:5], list(pictures)[5:])):
        with tarfile.open(folder / f"{shard:03d}.tar", "w") as archive:
            for key, name in enumerate(names):
                beside = {"png": pictures[name], "txt": b"a dog", "json": json.dumps({"key": key}).encode()}
                for kind, data in beside.items():
                    member = tarfile.TarInfo(f"{key:06d}.{kind}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))


def read(source, **options):
    return {picture.name: picture.error or picture.data for picture in PictureSource(source).read(**options)}


def in_pieces(source, size=3):
    """Everything, read by pieces that were sent to somewhere else, in their order."""
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in PictureSource(source).split(size)]
    assert [len(piece.names()) for piece in pieces[:-1]] == [size] * (len(pieces) - 1)
    return {picture.name: picture.error or picture.data for piece in pieces for picture in piece.read()}


def test_a_list_names_files_addresses_and_what_is_missing(pictures, photos, tmp_path, server, memory):
    memory.pipe("/bucket/3.png", pictures["3.png"])
    address = server.serve("/2.png", pictures["2.png"])
    lost = f"{server.base}/lost.png"
    lines = ["\ufeff# a comment", "photos/0.png", "", str(photos / "1.png"), address, "memory://bucket/3.png", lost]
    (tmp_path / "list.txt").write_text("\n".join([*lines, "photos/no.png", "memory://bucket/no.png", address]), "utf-8")
    found = read(tmp_path / "list.txt")
    wanted = {
        "photos/0.png": "0.png",
        str(photos / "1.png"): "1.png",
        address: "2.png",
        "memory://bucket/3.png": "3.png",
    }
    assert {name: found[name] for name in wanted} == {name: pictures[file] for name, file in wanted.items()}
    assert "404" in found.pop(lost)
    assert "No such file" in found.pop("photos/no.png")
    assert "there is no such file" in found.pop("memory://bucket/no.png")
    assert list(found) == list(wanted)
    assert list(in_pieces(tmp_path / "list.txt", 2).items())[:4] == list(found.items())
    assert list(read(tmp_path / "list.txt", skip={address})) != list(found)
    assert next(PictureSelection([str(tmp_path / "list.txt"), str(photos / "5.png")]).names()) == "photos/0.png"


def test_many_addresses_are_fetched_a_little_ahead_and_no_further(pictures, tmp_path, server):
    addresses = [server.serve(f"/{i}.png", pictures["0.png"]) for i in range(60)]
    (tmp_path / "list.txt").write_text("\n".join(addresses))
    stream = PictureSource(tmp_path / "list.txt").read()
    assert [next(stream).name for _ in range(10)] == addresses[:10]
    stream.close()
    assert 10 <= len(server.requests) <= 26


def test_shards_in_braces_are_named_by_their_shard(pictures, tmp_path):
    write_shards(tmp_path, pictures)
    source = f"{tmp_path}/{{000..001}}.tar"
    expected = [f"{shard:03d}.tar/{key:06d}.png" for shard in range(2) for key in range(5)]
    found = read(source)
    assert list(found) == expected
    assert list(found.values()) == list(pictures.values())
    assert in_pieces(source) == found
    assert list(read(source, skip={expected[0], expected[7]})) == [
        n for n in expected if n not in (expected[0], expected[7])
    ]
    (tmp_path / "shards.txt").write_text("000.tar\n001.tar\n")
    assert read(tmp_path / "shards.txt") == found
    with pytest.raises(InputError, match=r"name shards in braces"):
        read(f"{tmp_path}/*.tar")
    with pytest.raises(InputError, match=r"002\.tar: does not exist"):
        read(f"{tmp_path}/{{000..002}}.tar")


def test_braces_stand_for_what_the_shell_makes_of_them():
    assert list(expanded("a{08..11}b{x,yz}")) == [f"a{n}b{c}" for n in ("08", "09", "10", "11") for c in ("x", "yz")]
    assert list(expanded("plain")) == ["plain"]
    for wrong, said in (("{0..9999999}", "more than 1,000,000"), ("{3..1}", "backwards"), ("{a..c}", "not a range")):
        with pytest.raises(InputError, match=said):
            list(expanded(wrong))


def test_a_piece_of_a_tar_reads_its_own_pictures_only(pictures, tmp_path):
    write_shards(tmp_path, pictures)
    piece = list(PictureSource(tmp_path / "001.tar").split(2))[1]
    data = bytearray((tmp_path / "001.tar").read_bytes())
    data[:1024] = bytes(1024)  # what stands before is gone
    (tmp_path / "001.tar").write_bytes(data)
    assert [picture.data for picture in piece.read()] == [pictures["7.png"], pictures["8.png"]]
    (tmp_path / "001.tar").write_bytes(data[:4096])
    with pytest.raises(InputError, match="cannot be read any further"):
        list(piece.read())


@pytest.mark.parametrize("kind", ["bytes", "struct"])
def test_parquet_gives_pictures_by_path_or_row(pictures, tmp_path, kind):
    path, names = tmp_path / "p.parquet", list(pictures)
    cells = [*pictures.values(), None]
    if kind == "struct":
        inner = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        cells = pa.array([{"bytes": data, "path": f"../{name}"} for name, data in pictures.items()] + [None], inner)
        names = [f"row-{row:07d}" for row in range(11)]  # the last has no path
    else:
        cells, names = pa.array(cells, pa.large_binary()), [*names, "none.png"]
    columns = {"image": cells, "label": list(range(11)), "thumbnail": [b""] * 11}
    columns |= {} if kind == "struct" else {"file_name": names}
    pq.write_table(pa.table(columns), path, row_group_size=4)
    found = read(path)
    assert list(found) == names
    assert list(found.values())[:10] == list(pictures.values())
    assert "no bytes in this row" in found[names[10]]
    assert in_pieces(path) == found
    assert list(read(path, skip=set(names[:9]))) == names[9:]
    if kind == "struct":
        pq.write_table(pa.table({"image": cells[:10]}), path)
        assert list(read(path)) == list(pictures)


def test_parquet_that_is_not_as_it_should_be_is_one_line(pictures, tmp_path, monkeypatch):
    path = tmp_path / "p.parquet"
    for table, said in (
        ({"a": [1]}, "no column of picture bytes: it has a"),
        ({"a": [b"1"], "b": [b"2"]}, r"several columns have bytes \(a, b\)"),
        ({"image": pa.array([], pa.binary())}, "has no rows"),
    ):
        pq.write_table(pa.table(table), path)
        with pytest.raises(InputError, match=said):
            read(path)
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(pa.table({"image": list(pictures.values())}), path, row_group_size=2, **plain)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(InputError, match="not a complete Parquet file"):
        read(path)
    at = whole.index(pictures["6.png"]) - 4  # before the length stands the page's header
    path.write_bytes(whole[: at - 12] + b"\xff" * 12 + whole[at:])
    stream = PictureSource(path).read()
    assert [next(stream).data for _ in range(6)] == list(pictures.values())[:6]
    with pytest.raises(InputError, match="not a complete Parquet file"):
        list(stream)
    path.write_bytes(whole)
    monkeypatch.setattr("showtell.data.sources.parquet._LARGEST_GROUP", 1000)
    with pytest.raises(InputError, match=r"row group 0 has 0 MiB of pictures .* smaller row groups"):
        read(path)


def test_remote_files_and_folders_are_read_as_local_ones(pictures, tmp_path, memory):
    write_shards(tmp_path, pictures)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name, data in pictures.items():
            archive.writestr(name, data)
    pq.write_table(pa.table({"jpg": list(pictures.values()), "__key__": list(pictures)}), tmp_path / "p.parquet")
    (tmp_path / "list.txt").write_text("photos/4.png\nmemory://bucket/photos/5.png\n")
    memory.put(str(tmp_path), "/bucket", recursive=True)
    for source in ("photos", "p.zip", "p.parquet", "{000..001}.tar"):
        here = read(f"{tmp_path}/{source}")
        for base in ("memory://bucket", f"file://{tmp_path}"):
            assert read(f"{base}/{source}") == here
            assert in_pieces(f"{base}/{source}") == here
    assert read("memory://bucket/photos/1.png") == {"1.png": pictures["1.png"]}
    assert list(read("memory://bucket/list.txt").values()) == [pictures["4.png"], pictures["5.png"]]
    both = PictureSelection(["memory://bucket/photos", str(tmp_path / "p.zip")])
    assert next(both.names()) == "memory://bucket/photos/0.png"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("memory://bucket/no.tar", "there is no such file"),
        ("memory://bucket/no", "there is no such file"),
        ("nosuch://bucket/a.tar", "Protocol not known"),
        ("abfs://box/a.tar", "pip install 'showtell"),
        ("https://", "not an address that can be downloaded"),
    ],
)
def test_what_cannot_be_had_is_one_line(memory, showtell, tiny_bundle, source, said):
    ran = showtell("caption", source, "--model", tiny_bundle)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran.err
    assert source in ran.err
    assert said in ran.err


def test_a_list_that_is_none_is_one_line(tmp_path):
    for data, said in ((b"a" * 9000, "line 1: over 8,192 bytes"), (b"a\n\xff\xfe", "line 2: not UTF-8")):
        (tmp_path / "list.txt").write_bytes(data)
        with pytest.raises(InputError, match=said):
            read(tmp_path / "list.txt")


def test_without_pyarrow_it_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    for source, extra in (("s3://bucket/p.tar", "remote"), (str(tmp_path / "p.parquet"), "embed")):
        with pytest.raises(Exception, match=rf"pip install 'showtell\[{extra}\]'"):
            read(source)


def test_shards_are_captioned_and_embedded(pictures, tmp_path, tiny_bundle, showtell):
    write_shards(tmp_path, pictures)
    source = f"{tmp_path}/{{000..001}}.tar"
    ran = showtell("caption", source, "--model", tiny_bundle)
    assert [line.partition(": ")[0] for line in ran.out.splitlines()] == list(read(source))
    assert showtell("embed", source, "--model", tiny_bundle, "--out", tmp_path / "store").code == 0
