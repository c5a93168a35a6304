"""The page of a training that is under way, fed by the tests and by a real run."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import pytest

from evaluations import epochs
from serving import app_running
from showtell.data.sources.picture_source import RawPicture
from showtell.serve.auth import Access
from showtell.serve.watch_app import make_watch_app, watched
from showtell.serve.watch_state import Watching
from showtell.training import Progress, Stopped

REFERENCES = {f"{i}.png": [f"picture {i}", "<b>drawn</b>"] for i in range(10)}


class Drawn:
    """A source of pictures."""

    def __init__(self, drawn):
        self.drawn = drawn

    def names(self):
        return list(REFERENCES)

    def read(self, *, skip=frozenset()):
        for name, data in zip(REFERENCES, self.drawn, strict=True):
            if name not in skip:
                yield RawPicture(name, data)


@pytest.fixture
def watching(drawn):
    """A run of six epochs that has made two and half of the third."""
    watching = Watching()
    watching.begin("mine", Drawn(drawn), REFERENCES)
    for epoch in (1, 2, 3):
        for step in range(1, 6 if epoch < 3 else 3):
            watching.step(Progress(epoch, 6, step, 5, {"train_loss": 2.5 / epoch}))
        if epoch < 3:
            watching.epoch(epochs()[:epoch], {name: f"said {epoch} of {name}" for name in REFERENCES})
    watching.say("epoch 2/6: loss 1.2")
    return watching


@pytest.fixture
def running(watching):
    with app_running(make_watch_app(watching, Access())) as running:
        yield running


def test_a_page_is_told_what_it_does_not_know_yet(running):
    run = running.get("/v1/run").json
    assert (run["name"], run["state"], run["line"]) == ("mine", "training", "epoch 2/6: loss 1.2")
    assert (run["epoch"], run["epochs"], run["step"], run["steps"], run["ended"]) == (3, 6, 2, 5, 2)
    assert run["seconds_left"] >= 0
    assert [sample["name"] for sample in run["samples"]] == [f"{i}.png" for i in range(8)]
    assert run["samples"][7]["said"] == [[1, "said 1 of 7.png"], [2, "said 2 of 7.png"]]
    assert len(run["panels"]) == 3
    again = running.get("/v1/run?known=2").json
    assert (again["panels"], again["samples"]) == (None, None)
    picture = running.get("/v1/run/pictures/7")
    assert (picture.status, picture.body[:2]) == (200, b"\xff\xd8")
    assert running.get("/v1/run/pictures/8").status == 404


def test_the_loss_of_steps_is_drawn_from_the_second_step_on():
    watching = Watching()
    assert watching.answer(-1).now == ""
    for step in (1, 2):
        watching.step(Progress(1, 6, step, 500, {}, step, {"train_loss": 2000 - step}))
    assert "Loss by step" in watching.answer(-1).now
    assert watching.answer(-1).now.count("<circle") == 2
    for step in range(3, 1001):
        watching.step(Progress(1, 6, step, 1000, {}, step, {"train_loss": 2000 - step}))
    drawn = re.findall(r"training: ([\d.]+)", watching.answer(-1).now)
    assert 24 <= len(drawn) < 48
    assert [float(loss) for loss in drawn] == sorted(map(float, drawn), reverse=True)
    watching.step(Progress(2, 6, 1, 500, {}, 1001, {"reward": 0.5}))
    watching.step(Progress(2, 6, 2, 500, {}, 1002, {"reward": 0.6}))
    assert "Reward by step" in watching.answer(-1).now


def test_only_the_page_itself_may_stop_the_run(running, watching):
    at = Progress(3, 6, 3, 5, {})
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
    ):
        assert running.ask("POST", "/v1/run/stop", headers=headers).status == 403
    assert not watching.step(at)
    assert running.ask("POST", "/v1/run/stop", headers={"Sec-Fetch-Site": "same-origin"}).status == 202
    assert watching.step(at)
    assert running.get("/v1/run").json["state"] == "stopping"


def test_the_end_is_told(watching):
    watching.stop()
    watching.end(Stopped(7))
    answer = watching.answer(-1)
    assert (answer.state, answer.line.startswith("stopped after step 7")) == ("stopped", True)
    other = Watching()
    other.end(RuntimeError("broken"))
    assert other.answer(-1).state == "failed"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_page_shows_curves_and_captions_and_stops_the_run(browser, running, watching, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe: pip install '.[test]'")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(running.base)
    page.get_by_text("epoch 3 of 6, step 2 of 5, loss 0.833").wait_for()
    assert page.locator("svg").count() == 3
    assert page.locator("figure").count() == 8
    first = page.locator("figure").first
    assert first.locator(".caption").inner_text() == "said 2 of 0.png"
    assert "<b>drawn</b>" in first.inner_text()
    first.locator("img").evaluate("image => image.decode()")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    faults = axe.Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults] == []
    for epoch in (3, 4):
        watching.epoch(epochs()[:epoch], {name: f"said {epoch // 4} of {name}" for name in REFERENCES})
    watching.epoch(epochs()[:5], {name: f"said 1 of {name}" for name in REFERENCES})
    first.locator(".caption", has_text="said 1 of 0.png").wait_for()
    assert [" ".join(text.split()) for text in first.locator(".said li").all_inner_texts()] == [
        "epoch 3 said 0 of 0.png",
        "epoch 2 said 2 of 0.png",
        "epoch 1 said 1 of 0.png",
    ]
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopping: epoch 3 of 6").wait_for()
    assert watching.step(Progress(3, 6, 3, 5, {}))
    watching.end(Stopped(13))
    page.get_by_text("Stopped and saved after 5 of 6 epochs.").wait_for()
    assert complaints == []
    context.close()


def test_the_page_is_there_while_the_block_runs_and_pages_that_are_open_hear_of_its_end():
    with watched(0) as (watching, address):
        watching.step(Progress(1, 1, 1, 1, {}))
        assert b"Training" in urllib.request.urlopen(address).read()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address)


def test_a_run_is_watched_stopped_and_goes_on(small_data, tmp_path):
    program = "from showtell.cli import main; main()"
    command = [sys.executable, "-c", program, "train", "--pictures", str(small_data / "p.zip")]
    command += ["--captions", str(small_data / "captions.jsonl"), "--store", str(small_data / "store")]
    command += ["--out", str(tmp_path / "run"), "--epochs", "2000", "--set", "data.split_column=split"]
    command += ["--set", "vocabulary.min_count=1", "--encoder", f"onnx:{small_data / 'encoder.onnx'}"]
    command += ["--watch", "--watch-port", "0"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    address = re.fullmatch(r"watch at (http://127\.0\.0\.1:\d+)\n", run.stderr.readline())[1]

    def asked():
        return json.load(urllib.request.urlopen(f"{address}/v1/run"))

    while asked()["ended"] < 1:
        assert run.poll() is None
        time.sleep(0.05)
    urllib.request.urlopen(urllib.request.Request(f"{address}/v1/run/stop", method="POST"))
    while (state := asked()["state"]) == "stopping":
        time.sleep(0.05)
    assert state == "stopped"  # which is told once: then the run ends, and its page with it
    _, err = run.communicate()
    assert run.returncode == 1
    assert re.search(r"showtell: stopped after step \d+ and saved: run the same command again to resume\n$", err)
    assert (tmp_path / "run" / "checkpoints" / "last.safetensors").exists()
