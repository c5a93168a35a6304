"""Stores are filled once, in order, byte for byte the same however often the run is broken off."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.embeddings.store import EmbeddingStore, StoreSpec
from showtell.encoders import Encoder
from showtell.errors import InputError, StoreError
from showtell.images.decode import decode
from showtell.images.preprocessing import square

SMALL = EmbedOptions(shard_size=4, batch_size=3)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("output", ["pooled", "grid"])
def test_a_store_holds_what_the_encoder_says_of_each_picture(photos, tiny_encoder, tmp_path, output):
    encoder = Encoder(tiny_encoder)
    result = embed(PictureSource(photos), encoder, tmp_path / "s", replace(SMALL, output=output), show=False)
    store = EmbeddingStore(tmp_path / "s")
    assert store.names == tuple(f"{i}.png" for i in range(10))
    assert (result.added, result.already, result.rejects) == (10, 0, ())
    alone = [
        encoder(square(decode(photos / name), encoder.info.preprocessing)[None], output)[0] for name in store.names
    ]
    assert store.take(range(10)) == pytest.approx(np.stack(alone), rel=1e-3, abs=1e-6)
    assert store.take([7, 2, 7]).tolist() == store.take(range(10))[[7, 2, 7]].tolist()
    assert [name for name, _ in store] == list(store.names)
    store.verify()


def test_a_second_run_adds_only_what_is_new(photos, tiny_encoder, tmp_path):
    encoder = Encoder(tiny_encoder)
    embed(PictureSource(photos), encoder, tmp_path / "s", SMALL, show=False)
    before = contents(tmp_path / "s")
    assert embed(PictureSource(photos), encoder, tmp_path / "s", SMALL, show=False).added == 0
    assert contents(tmp_path / "s") == before
    (photos / "new.png").write_bytes((photos / "3.png").read_bytes())
    result = embed(PictureSource(photos), encoder, tmp_path / "s", SMALL, show=False)
    assert (result.added, result.already) == (1, 10)
    assert result.store.take([result.store.rows["new.png"]]) == pytest.approx(
        result.store.take([result.store.rows["3.png"]])
    )


def test_unreadable_pictures_are_listed_once_and_never_stop_a_run(photos, tiny_encoder, tmp_path):
    (photos / "2.png").write_bytes((photos / "2.png").read_bytes()[:60])
    (photos / "5.png").write_bytes(b"")
    encoder = Encoder(tiny_encoder)
    for already in (0, 8):
        result = embed(PictureSource(photos), encoder, tmp_path / "s", SMALL, show=False)
        assert (len(result.store), result.added) == (8, 8 - already)
        rejects = [json.loads(line) for line in (tmp_path / "s" / "rejects.jsonl").read_text().splitlines()]
        assert [reject["name"] for reject in rejects] == ["2.png", "5.png"]
        assert "damaged" in rejects[0]["error"]
        assert "empty" in rejects[1]["error"]


def test_another_encoder_resize_or_output_is_refused(photos, tiny_encoder, tmp_path):
    embed(PictureSource(photos), Encoder(tiny_encoder), tmp_path / "s", SMALL, show=False)
    with pytest.raises(StoreError, match="preprocessing"):
        embed(PictureSource(photos), Encoder(tiny_encoder, resize="pad"), tmp_path / "s", SMALL, show=False)
    with pytest.raises(StoreError, match="output pooled there, grid now"):
        embed(PictureSource(photos), Encoder(tiny_encoder), tmp_path / "s", replace(SMALL, output="grid"), show=False)
    other = StoreSpec(replace(Encoder(tiny_encoder).info, fingerprint="f" * 64), "pooled")
    with pytest.raises(StoreError, match="fingerprint"):
        other.require_same(EmbeddingStore(tmp_path / "s").spec, tmp_path)


def test_a_store_without_a_single_readable_picture_is_an_error(tmp_path, tiny_encoder):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of 1 pictures could be read"):
        embed(PictureSource(tmp_path / "p"), Encoder(tiny_encoder), tmp_path / "s", show=False)


def test_damage_to_a_finished_store_is_told(photos, tiny_encoder, tmp_path):
    embed(PictureSource(photos), Encoder(tiny_encoder), tmp_path / "s", SMALL, show=False)
    shard = tmp_path / "s" / "shard-00001.arrow"
    data = bytearray(shard.read_bytes())
    at = data.find(np.ascontiguousarray(EmbeddingStore(tmp_path / "s").take([4]).astype(np.float16)).tobytes())
    assert at > 0
    data[at] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"shard-00001\.arrow: damaged"):
        EmbeddingStore(tmp_path / "s").verify()
    shard.write_bytes(bytes(data[: len(data) // 2]))
    with pytest.raises(StoreError, match=r"shard-00001\.arrow: damaged shard"):
        EmbeddingStore(tmp_path / "s")
    shard.unlink()
    with pytest.raises(StoreError, match=r"shard-00001\.arrow"):
        EmbeddingStore(tmp_path / "s")
    with pytest.raises(StoreError, match="not a finished embedding store"):
        EmbeddingStore(tmp_path / "photos")


def test_a_tar_that_breaks_off_keeps_what_was_read_before_the_break(photos, tiny_encoder, tmp_path):
    import tarfile

    whole, broken = tmp_path / "p.tar", tmp_path / "broken.tar"
    with tarfile.open(whole, "w") as archive:
        archive.add(photos, "photos")
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    with pytest.raises(InputError, match=r"broken\.tar"):
        embed(PictureSource(broken), Encoder(tiny_encoder), tmp_path / "s", SMALL, show=False)
    kept = len(list((tmp_path / "s").glob("shard-*.arrow")))
    assert kept > 0
    result = embed(PictureSource(whole), Encoder(tiny_encoder), tmp_path / "s", SMALL, show=False)
    assert len(result.store) == 10
    assert result.already > 0


def test_a_run_killed_at_any_moment_ends_with_the_same_bytes(photos, tiny_bundle, tmp_path):
    source = tmp_path / "many.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for i in range(120):
            archive.write(photos / f"{i % 10}.png", f"{i:04d}.png")
        archive.writestr("bad.png", b"bad")

    def command(out):
        program = "from showtell.cli import main; main()"
        sizes = ["--shard-size", "16", "--batch-size", "5"]
        return [
            sys.executable,
            "-c",
            program,
            "embed",
            str(source),
            "--out",
            str(out),
            "--model",
            str(tiny_bundle),
            *sizes,
        ]

    subprocess.run(command(tmp_path / "unbroken"), check=True, capture_output=True)
    broken = tmp_path / "broken"
    kills = 0
    for shards in (0, 1, 3, 5):
        process = subprocess.Popen(command(broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(broken.glob("shard-*.arrow"))) <= shards:
            time.sleep(0.0005)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 1
    finished = contents(broken)
    subprocess.run(command(broken), check=True, capture_output=True)
    assert contents(broken) == contents(tmp_path / "unbroken")
    assert all(contents(broken)[name] == data for name, data in finished.items() if name.endswith(".arrow"))


def test_the_encoder_of_a_model_is_found_by_the_models_name(photos, tiny_bundle, tmp_path, showtell, monkeypatch):
    monkeypatch.setenv("SHOWTELL_MODELS", str(tiny_bundle.parent))
    assert showtell("embed", photos, "--out", tmp_path / "named", "--model", "tiny").code == 0
    assert showtell("embed", photos, "--out", tmp_path / "path", "--model", tiny_bundle).code == 0
    assert contents(tmp_path / "named") == contents(tmp_path / "path")
    ran = showtell("embed", photos, "--out", tmp_path / "none", "--model", "tinny")
    assert ran.code == 2
    told = "showtell: tinny: there is no such file, and no model of that name (did you mean 'tiny'?): there are tiny, "
    assert ran.err.startswith(told)
    assert not (tmp_path / "none").exists()
