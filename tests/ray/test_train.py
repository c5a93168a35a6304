"""Training on a real Ray cluster comes to what one process trains, also when a worker is killed on the way.

What the workers of a group do is tested without Ray in `tests/training/test_distributed.py`. One short run on two nodes
is trained always; long ones and workers that are killed take minutes on a busy machine, and are tried where
SHOWTELL_TEST_RAY is set.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from showtell.captioning.captioner import Captioner
from small_runs import furthest, last, recipe, trained

long_test = pytest.mark.skipif(
    not os.environ.get("SHOWTELL_TEST_RAY"), reason="set SHOWTELL_TEST_RAY=1 for the long tests of clusters: minutes"
)


def test_what_is_not_installed_is_told(tmp_path):
    program = "import sys; sys.modules['ray'] = None; from showtell.cli import main; main()"
    command = [sys.executable, "-c", program, "train", "--data", "shapes", "--out", str(tmp_path / "run")]
    done = subprocess.run([*command, "--ray", "local"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "showtell: work on many machines needs packages that are not installed: pip install 'showtell[ray]'\n",
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", 2), "--workers needs a cluster: name it with --ray"),
        (("--ray", "local", "--watch"), "--ray trains one run without a page"),
        (("--ray", "local", "--device", "cuda:1"), "device 'cuda:1' works on one machine only"),
    ],
)
def test_options_that_do_not_go_together_are_refused(showtell, tmp_path, options, said):
    ran = showtell("train", "--data", "shapes", "--out", tmp_path / "run", *options)
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "run").exists()


def on_ray(cluster, data, folder, chosen, say=lambda line: None, workers=2):
    from showtell.ray.train import train_on

    return train_on(cluster.address, chosen, folder, workers=workers, root=data, store=data / "store", say=say)


@pytest.fixture(scope="module")
def one(small_data, tmp_path_factory):
    """The folder of one worker's run."""
    folder = tmp_path_factory.mktemp("one")
    trained(small_data, folder, recipe(checkpoint_steps=7))
    return folder


def figures(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [value for line in lines for key, value in line.items() if key not in ("stage", "seconds")]


def test_workers_on_two_nodes_train_the_model_of_one(small_data, tmp_path, photos, cluster):
    """Four steps an epoch, of which each has rows for both."""
    chosen, said = recipe(epochs=2, epoch_steps=4, checkpoint_steps=3), []
    result = on_ray(cluster, small_data, tmp_path / "two", chosen, said.append)
    assert said[-1] == f"model: {result.bundle}"
    trained(small_data, tmp_path / "one", chosen)
    assert figures(tmp_path / "two") == pytest.approx(figures(tmp_path / "one"), abs=1e-4)
    assert furthest(last(tmp_path / "two"), last(tmp_path / "one")) < 1e-3
    assert Captioner(result.bundle).caption(str(photos / "0.png")).text
    assert not (tmp_path / "two" / "ray").exists()


@long_test
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint(small_data, one, tmp_path, cluster):
    chosen, said, killed = recipe(checkpoint_steps=7), [], []
    checkpoint = tmp_path / "checkpoints" / "last.safetensors"

    def kill():
        while not checkpoint.exists():
            time.sleep(0.005)
        killed.append(workers()[-1])
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    on_ray(cluster, small_data, tmp_path, chosen, said.append)
    thread.join()
    assert "a worker failed: all workers restart from the last checkpoint" in said
    step = int(next(line for line in said if line.startswith("resuming after step")).split()[-1])
    assert step % 7 == 0
    assert 0 < step < 50
    assert figures(tmp_path) == pytest.approx(figures(one), abs=1e-4)
    assert furthest(last(tmp_path), last(one)) < 1e-3


@long_test
def test_an_error_of_the_input_is_told_in_a_line_and_not_tried_again(small_data, tmp_path, cluster, showtell):
    (tmp_path / "captions.csv").write_text("image,caption\nnot-there.png,a dog\n")
    given = ("--pictures", small_data / "p.zip", "--captions", tmp_path / "captions.csv", "--out", tmp_path / "run")
    ran = showtell("train", *given, "--ray", cluster.address, "--workers", 2)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert "lost" not in ran.out + ran.err


def workers():
    """The processes of Ray Train's workers on this machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            named = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"RayTrainWorker" in named:
            found.append(int(folder.name))
    return sorted(found)
