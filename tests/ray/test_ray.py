"""What a real Ray cluster makes is what one process makes, whatever is lost on the way.

The tests without a mark run always: a cluster on this machine, and nodes of a cluster that are lost at work. Those that
kill drivers and describe trees take minutes on a busy machine, so they run where SHOWTELL_TEST_RAY is set.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile

import pytest

from holding_server import HoldingServer, parent_of
from showtell.captioning.jobs import captioned
from showtell.captioning.output.formats.parquet import read_rows
from showtell.data.sources.picture_source import PictureSource
from showtell.embeddings.embed import EmbedOptions, embed
from showtell.embeddings.store import EmbeddingStore
from showtell.encoders import Encoder
from showtell.errors import InputError
from showtell.files import held

long_test = pytest.mark.skipif(
    not os.environ.get("SHOWTELL_TEST_RAY"), reason="set SHOWTELL_TEST_RAY=1 for the long tests of clusters: minutes"
)
NO_RAY = "Ray is not installed: pip install '.[test]'"
SMALL = EmbedOptions(shard_size=4, batch_size=3)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def many(photos, tmp_path):
    """A zip of 120 pictures and a folder of ten, one of them damaged."""
    source = tmp_path / "many.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for i in range(120):
            archive.write(photos / f"{i % 10}.png", f"{i:04d}.png")
    (photos / "3.png").write_bytes(b"no picture")
    return [str(source), str(photos)]


def test_a_source_is_split_into_pieces_that_read_their_own_pictures(many):
    source = PictureSource(many)
    pieces = list(source.split(7, skip={"0001.png", "5.png"}))
    assert [len(piece.names()) for piece in pieces] == [7] * 18 + [2]
    names = [name for piece in pieces for name in piece.names()]
    assert names == [name for name in source.names() if name not in ("0001.png", "5.png")]
    whole = {picture.name: picture for picture in source.read()}
    for piece in pieces:
        assert [picture.name for picture in piece.read()] == piece.names()
        assert all(picture == whole[picture.name] for picture in piece.read(skip={"0000.png"}))
    assert "0000.png" not in [picture.name for picture in pieces[0].read(skip={"0000.png"})]


def test_a_tar_is_split_too_and_read_no_further_than_it_must(many, photos, tmp_path):
    import tarfile

    path = tmp_path / "p.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos, "photos")
    whole = list(PictureSource(path).read())
    pieces = list(PictureSource(path).split(4))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])  # where the last pictures lay
    assert [picture.name for picture in pieces[0].read()] == [picture.name for picture in whole[:4]]


def test_a_store_with_missing_shards_gets_them_again(many, tiny_encoder, tmp_path):
    encoder = Encoder(tiny_encoder)
    embed(PictureSource(many), encoder, tmp_path / "whole", SMALL, show=False)
    shutil.copytree(tmp_path / "whole", tmp_path / "broken")
    for number in (3, 17):
        (tmp_path / "broken" / f"shard-{number:05d}.arrow").unlink()
    (tmp_path / "broken" / "store.json").unlink()
    result = embed(PictureSource(many), encoder, tmp_path / "broken", SMALL, show=False)
    assert (result.added, result.already) == (8, 122)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_what_is_not_installed_is_told(many, tiny_bundle, tmp_path):
    program = "import sys; sys.modules['ray'] = None; from showtell.cli import main; main()"
    command = [sys.executable, "-c", program, "embed", *many, "--model", str(tiny_bundle), "--out", str(tmp_path / "s")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    done = subprocess.run([*command, "--ray", "local"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "showtell: work on many machines needs packages that are not installed: pip install 'showtell[ray]'\n",
    )


def test_a_second_run_on_a_store_stops_before_it_starts_a_cluster(photos, tiny_encoder, tmp_path, monkeypatch):
    from showtell.ray import embed as module
    from showtell.ray import embed_on

    monkeypatch.setattr(module, "cluster", None)
    with held(tmp_path / "s"), pytest.raises(InputError, match="another run"):
        embed_on("local", PictureSource(photos), tiny_encoder, tmp_path / "s", SMALL, show=False)
    done = embed(PictureSource(photos), Encoder(tiny_encoder), tmp_path / "s", SMALL, show=False)
    assert done.added == 10


@pytest.fixture
def no_connection(monkeypatch):
    """Ray, installed and not connected to any cluster, nor afterwards."""
    ray = pytest.importorskip("ray", reason=NO_RAY)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert not ray.is_initialized()
    yield ray
    assert not ray.is_initialized()


def test_a_cluster_on_this_machine_lives_as_long_as_its_job(no_connection):
    from showtell.ray import cluster

    with cluster("local"):
        assert no_connection.cluster_resources()["CPU"] >= 1
        assert len(no_connection.nodes()) == 1


@long_test
def test_a_cluster_on_this_machine_embeds_what_one_process_does(many, tiny_bundle, tmp_path, showtell, no_connection):
    embedding = ("embed", *many, "--model", tiny_bundle, "--shard-size", "40", "--out")
    assert showtell(*embedding, tmp_path / "alone").code == 0
    assert showtell(*embedding, tmp_path / "ray", "--ray", "local").code == 0
    assert contents(tmp_path / "ray") == contents(tmp_path / "alone")


@long_test
def test_many_nodes_write_the_captions_of_one_process(many, tiny_bundle, tmp_path, cluster, showtell):
    captioning = ("caption", *many, "--model", tiny_bundle, "--format", "jsonl", "--piece-size", "64", "-o")
    assert showtell(*captioning, tmp_path / "alone.jsonl").code == 1
    ran = showtell(*captioning, tmp_path / "ray.jsonl", "--ray", cluster.address)
    assert (ran.code, ran.err.splitlines()[-1]) == (1, "1 of 130 pictures could not be read")
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


@long_test
def test_many_nodes_make_the_store_of_one_process(many, tiny_encoder, tmp_path, cluster):
    from showtell.ray import embed_on

    alone = embed(PictureSource(many), Encoder(tiny_encoder, threads=1), tmp_path / "alone", SMALL, show=False)
    together = embed_on(cluster.address, PictureSource(many), tiny_encoder, tmp_path / "many", SMALL, show=False)
    assert contents(tmp_path / "many") == contents(tmp_path / "alone")
    assert (together.added, together.already, together.rejects) == (alone.added, 0, alone.rejects)
    again = embed_on(cluster.address, PictureSource(many), tiny_encoder, tmp_path / "many", SMALL, show=False)
    assert (again.added, again.already) == (0, 130)


@pytest.fixture
def holding(photos):
    """Makes servers that hold back what they are told to, of a picture that is the same for all addresses."""
    servers = []

    def make(holds):
        servers.append(HoldingServer((photos / "0.png").read_bytes(), holds))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def listed(path, server, count):
    """A list of so many pictures that the server has."""
    path.write_text("".join(server.address(f"{i:03d}.png\n") for i in range(count)))
    return path


@contextlib.contextmanager
def a_node_that_is_lost_at_work(cluster, holding, finished):
    """A server that keeps a worker of another node waiting for a picture until that node has been killed.

    Yields the server, and a dictionary that then says which picture that was, and what `finished` returned at the kill.
    """
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    raylet = node.all_processes["raylet"][0].process.pid
    server, lost = holding(lambda path, pid: parent_of(pid) == raylet), {}

    def kill():
        if server.waiting.wait(300):
            path, pid = server.held
            lost.update(number=int(path.strip("/").removesuffix(".png")), worker=pid, finished=finished())
            cluster.remove_node(node, allow_graceful=False)
            while parent_of(raylet):
                time.sleep(0.05)
        server.release()

    thread = threading.Thread(target=kill)
    thread.start()
    yield server, lost
    thread.join()
    assert "worker" in lost, "the node was never given any work"


def test_a_node_that_is_lost_at_work_loses_no_embedding(holding, tiny_encoder, tmp_path, cluster):
    from showtell.ray import embed_on

    options = EmbedOptions(shard_size=2, batch_size=2)
    out = tmp_path / "many"
    with a_node_that_is_lost_at_work(cluster, holding, lambda: sorted(out.glob("shard-*.arrow"))) as (server, lost):
        source = PictureSource(listed(tmp_path / "list.txt", server, 60))
        result = embed_on(cluster.address, source, tiny_encoder, out, options, show=False)
    assert out / f"shard-{lost['number'] // 2:05d}.arrow" not in lost["finished"]
    assert (result.added, result.already, result.rejects) == (60, 0, ())
    assert list(EmbeddingStore(out).names) == source.names()
    embed(source, Encoder(tiny_encoder, threads=1), tmp_path / "alone", options, show=False)
    assert contents(out) == contents(tmp_path / "alone")


def test_a_node_that_is_lost_at_work_loses_no_caption(holding, tiny_bundle, tmp_path, cluster, showtell):
    out = tmp_path / "many.jsonl"
    parts = tmp_path / "many.jsonl.parts"
    with a_node_that_is_lost_at_work(cluster, holding, lambda: sorted(parts.glob("part-*.parquet"))) as (server, lost):
        source = listed(tmp_path / "list.txt", server, 60)
        command = ("caption", source, "--model", tiny_bundle, "--batch-size", "2", "--format", "jsonl")
        ran = showtell(*command, "--piece-size", "4", "-o", out, "--ray", cluster.address)
    assert ran.code == 0, ran.err
    assert parts / f"part-{lost['number'] // 4:06d}.parquet" not in lost["finished"]
    names = [json.loads(line)["name"] for line in out.read_text().splitlines()]
    assert names == [server.address(f"{i:03d}.png") for i in range(60)]
    assert showtell(*command, "-o", tmp_path / "alone.jsonl").code == 0
    assert out.read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


def killed_at_work(command, server, finished):
    """Run a command until some pieces are finished and the server keeps others waiting; kill it, say what there is."""
    program = "from showtell.cli import main; main()"
    driver = subprocess.Popen([sys.executable, "-c", program, *map(str, command)], stderr=subprocess.DEVNULL)
    while driver.poll() is None and not (server.waiting.is_set() and len(finished()) >= 5):
        time.sleep(0.05)
    assert driver.poll() is None
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    server.release()
    time.sleep(5)  # until Ray has ended the workers of the driver that is gone
    return {path: path.stat().st_mtime_ns for path in finished()}


@long_test
def test_embeddings_of_a_driver_that_is_killed_are_gone_on_with(holding, tiny_bundle, tmp_path, cluster, showtell):
    server = holding(lambda path, pid: path >= "/030.png")
    out = tmp_path / "many"
    source = listed(tmp_path / "list.txt", server, 60)
    command = ("embed", source, "--model", tiny_bundle, "--shard-size", "4", "--out")
    finished = killed_at_work((*command, out, "--ray", cluster.address), server, lambda: list(out.glob("shard-*")))
    assert 5 <= len(finished) < 15
    assert showtell(*command, out, "--ray", cluster.address).code == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert showtell(*command, tmp_path / "alone").code == 0
    assert contents(out) == contents(tmp_path / "alone")


@long_test
def test_captions_of_a_driver_that_is_killed_are_gone_on_with(holding, tiny_bundle, tmp_path, cluster, showtell):
    server = holding(lambda path, pid: path >= "/030.png")
    out = tmp_path / "many"
    out.mkdir()
    source = listed(tmp_path / "list.txt", server, 60)
    command = ("caption", source, "--model", tiny_bundle, "--batch-size", "2", "--format", "parquet", "-o")
    ray = (*command, out, "--piece-size", "4", "--ray", cluster.address)
    finished = killed_at_work(ray, server, lambda: list(out.glob("part-*")))
    assert 5 <= len(finished) < 15
    ran = showtell(*ray)
    assert ran.code == 0, ran.err
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert showtell(*command, tmp_path / "alone.parquet").code == 0
    assert list(captioned(out, 15)) == list(read_rows(tmp_path / "alone.parquet"))
    assert sorted(path.name for path in out.iterdir()) == [f"part-{i:06d}.parquet" for i in range(15)]


@long_test
def test_texts_of_a_tree_are_those_of_one_process(photos, tiny_bundle, tmp_path, cluster):
    program = "from showtell.cli import main; main()"
    for i in range(20):
        shutil.copytree(photos, tmp_path / "many" / f"{i:02d}")
    (tmp_path / "many" / "03" / "3.png").write_bytes(b"no picture")
    shutil.copytree(tmp_path / "many", tmp_path / "alone")

    def run(tree, *given):
        command = [sys.executable, "-c", program, "alt-text", str(tree), "--model", str(tiny_bundle), *given]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "1 that cannot be read" in done.stdout
        return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*.txt")}

    assert run(tmp_path / "many", "--ray", cluster.address) == run(tmp_path / "alone")
