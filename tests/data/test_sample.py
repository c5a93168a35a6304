"""A zip is sampled: each member with one probability, the same for a seed, whole or not at all, in flat memory."""

import tracemalloc
import zipfile

import numpy as np
import pytest

from showtell.data.sample import sample_zip
from showtell.data.sources.picture_source import PictureSource
from showtell.errors import InputError

DATE = (2014, 5, 6, 7, 8, 10)


def make(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), data, compression)
    return path


def content(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_seed_42_keeps_the_same_members_for_ever(tmp_path):
    """Known far and wide are the numbers after `np.random.seed(42)`: 0.3745, 0.9507, 0.7320, 0.5987, 0.1560, ..."""
    files = {f"{i}.jpg": bytes([i]) * 100 for i in range(10)}
    done = sample_zip(make(tmp_path / "in.zip", files), tmp_path / "out.zip", rate=0.5, seed=42, show=False)
    assert content(tmp_path / "out.zip") == {f"{i}.jpg": files[f"{i}.jpg"] for i in (0, 4, 5, 6)}
    assert (done.total, done.kept, done.size) == (10, 4, (tmp_path / "out.zip").stat().st_size)


def test_a_number_is_drawn_for_folders_too(tmp_path):
    source = make(tmp_path / "in.zip", {"train2014/": b"", **{f"train2014/{i}.jpg": b"x" for i in range(999)}})
    sample_zip(source, tmp_path / "out.zip", rate=0.1, seed=7, show=False)
    draws = np.random.RandomState(7)
    draws.rand()  # the folder's
    assert list(content(tmp_path / "out.zip")) == [f"train2014/{i}.jpg" for i in range(999) if draws.rand() < 0.1]


def test_the_rate_is_the_share_that_is_kept(tmp_path):
    source = make(tmp_path / "in.zip", {f"{i}.jpg": b"" for i in range(10_000)})
    kept = sample_zip(source, tmp_path / "out.zip", rate=0.3, show=False).kept
    assert abs(kept - 3000) < 5 * np.sqrt(10_000 * 0.3 * 0.7)
    assert sample_zip(source, tmp_path / "out.zip", rate=1.0, show=False).kept == 10_000


def test_another_seed_keeps_others_and_the_same_seed_the_same_bytes(tmp_path):
    source = make(tmp_path / "in.zip", {f"{i}.jpg": bytes(i) for i in range(200)})
    bytes_of = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sample_zip(source, tmp_path / name, rate=0.2, seed=seed, show=False)
        bytes_of[name] = (tmp_path / name).read_bytes()
    assert bytes_of["a"] == bytes_of["b"] != bytes_of["c"]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_compression_dates_and_names_stay(tmp_path, compression):
    source = make(tmp_path / "in.zip", {"b/größe.txt": b"x" * 1000}, compression)
    sample_zip(source, tmp_path / "out.zip", rate=1, show=False)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, entry.date_time, entry.compress_type) == ("b/größe.txt", DATE, compression)


def test_memory_stays_flat_however_large_a_member_is(tmp_path):
    source = make(tmp_path / "in.zip", {"large.bin": bytes(80 << 20)}, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    sample_zip(source, tmp_path / "out.zip", rate=1, show=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_a_damaged_member_is_named_and_leaves_the_old_zip_as_it_was(tmp_path):
    source = make(tmp_path / "in.zip", {"a.jpg": b"a" * 1000, "b.jpg": b"b" * 1000})
    source.write_bytes(source.read_bytes().replace(b"b" * 1000, b"b" * 999 + b"x"))
    (tmp_path / "out.zip").write_bytes(b"old")
    with pytest.raises(InputError, match=r"in\.zip: the member 'b\.jpg' cannot be read \(Bad CRC-32"):
        sample_zip(source, tmp_path / "out.zip", rate=1, show=False)
    assert (tmp_path / "out.zip").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.zip", "out.zip"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 0}, r"must lie in \(0, 1\]"),
        ({"rate": 1.5}, r"must lie in \(0, 1\]"),
        ({"seed": -1}, "seed must lie between"),
        ({"rate": 0.0001}, "none of its 3 members was kept at rate 0.0001: raise the rate"),
    ],
)
def test_wrong_arguments_are_told(tmp_path, options, said):
    source = make(tmp_path / "in.zip", dict.fromkeys("abc", b""))
    with pytest.raises(InputError, match=said):
        sample_zip(source, tmp_path / "out.zip", show=False, **options)


def test_a_zip_is_never_sampled_onto_itself(tmp_path):
    source = make(tmp_path / "in.zip", {"a": b""})
    (tmp_path / "link.zip").symlink_to(source)
    with pytest.raises(InputError, match="name another file"):
        sample_zip(source, tmp_path / "link.zip", rate=1, show=False)


def test_the_command_samples_pictures_that_can_be_read(photos, tmp_path, showtell):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(photos, "photos")
        for i in range(10):
            archive.write(photos / f"{i}.png", f"photos/{i}.png")
    ran = showtell("data", "sample", tmp_path / "in.zip", tmp_path / "out.zip", "--rate", "0.5", "--seed", "42")
    assert (ran.code, ran.out.split(" members")[0]) == (0, f"{tmp_path}/out.zip: 4 of 10")
    assert len(PictureSource(tmp_path / "out.zip").names()) == 4
    assert showtell("data", "sample", tmp_path / "none.zip", tmp_path / "x.zip").code == 2
