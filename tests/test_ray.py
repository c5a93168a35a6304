"""What a real Ray cluster makes is what one process makes, whatever is lost on the way.

One test starts a cluster on this machine. Clusters of several nodes take minutes on a busy machine, so those run where
SHOWTELL_TEST_RAY is set.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile

import pytest

from showtell.data.images import PictureSource
from showtell.embed import EmbedOptions, embed
from showtell.encoders import Encoder
from showtell.store import EmbeddingStore

needs_ray = pytest.mark.skipif(
    not os.environ.get("SHOWTELL_TEST_RAY"), reason="set SHOWTELL_TEST_RAY=1 for clusters of several nodes: minutes"
)
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


def test_a_cluster_on_this_machine_embeds_and_captions(many, tiny_bundle, tmp_path, showtell, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    from showtell.ray import cluster

    embedding = ("embed", *many, "--model", tiny_bundle, "--shard-size", "40", "--out")
    captioning = ("caption", *many, "--model", tiny_bundle, "--format", "jsonl", "--piece-size", "64", "-o")
    assert showtell(*embedding, tmp_path / "alone").code == 0
    assert showtell(*captioning, tmp_path / "alone.jsonl").code == 1
    with cluster("local"):
        assert showtell(*embedding, tmp_path / "ray", "--ray", "local").code == 0
        ran = showtell(*captioning, tmp_path / "ray.jsonl", "--ray", "local")
    assert (ran.code, ran.err.splitlines()[-1]) == (1, "1 of 130 pictures could not be read")
    assert contents(tmp_path / "ray") == contents(tmp_path / "alone")
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one core each, and a connection to them."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    import ray
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@needs_ray
def test_many_nodes_make_the_store_of_one_process(many, tiny_encoder, tmp_path, cluster):
    from showtell.ray import embed_on

    alone = embed(PictureSource(many), Encoder(tiny_encoder, threads=1), tmp_path / "alone", SMALL, show=False)
    together = embed_on(cluster.address, PictureSource(many), tiny_encoder, tmp_path / "many", SMALL, show=False)
    assert contents(tmp_path / "many") == contents(tmp_path / "alone")
    assert (together.added, together.already, together.rejects) == (alone.added, 0, alone.rejects)
    again = embed_on(cluster.address, PictureSource(many), tiny_encoder, tmp_path / "many", SMALL, show=False)
    assert (again.added, again.already) == (0, 130)


@needs_ray
def test_a_driver_that_is_killed_loses_no_finished_shard(many, tiny_bundle, tmp_path, cluster):
    program = "from showtell.cli import main; main()"

    def command(out, *given):
        sizes = ["--model", str(tiny_bundle), "--shard-size", "2"]
        return [sys.executable, "-c", program, "embed", *many, "--out", str(out), *sizes, *given]

    out = tmp_path / "many"
    process = subprocess.Popen(command(out, "--ray", cluster.address), stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("shard-*.arrow"))) < 5:
        time.sleep(0.01)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(5)  # until Ray has ended the workers of the driver that is gone
    finished = contents(out)
    subprocess.run(command(out, "--ray", cluster.address), check=True, capture_output=True)
    subprocess.run(command(tmp_path / "alone"), check=True, capture_output=True)
    assert sorted(EmbeddingStore(out).names) == sorted(EmbeddingStore(tmp_path / "alone").names)
    assert contents(out) == contents(tmp_path / "alone")
    assert all(contents(out)[name] == data for name, data in finished.items() if name.startswith("shard"))


@needs_ray
def test_a_node_that_is_lost_in_the_middle_loses_nothing(many, tiny_encoder, tmp_path, cluster):
    from showtell.ray import embed_on

    options = EmbedOptions(shard_size=2, batch_size=2)
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    out, killed = tmp_path / "many", []

    def kill():
        while len(list(out.glob("shard-*.arrow"))) < 10:
            time.sleep(0.01)
        cluster.remove_node(node, allow_graceful=False)
        killed.append(len(list(out.glob("shard-*.arrow"))))

    thread = threading.Thread(target=kill)
    thread.start()
    embed_on(cluster.address, PictureSource(many), tiny_encoder, out, options, show=False)
    thread.join()
    assert killed[0] < 65
    embed(PictureSource(many), Encoder(tiny_encoder, threads=1), tmp_path / "alone", options, show=False)
    assert contents(out) == contents(tmp_path / "alone")


@needs_ray
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
