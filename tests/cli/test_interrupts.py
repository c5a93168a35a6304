"""Ctrl-C ends a run in one line, and a second Ctrl-C ends it at once, whatever its threads are doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

HANG = 600  # seconds until a test that hangs gives up

PROGRAM = """
import os, time
import showtell.embeddings.pipeline as pipeline
from showtell.cli.interrupts import CtrlC

def stuck(*arguments, **options):
    os.write(1, b"busy\\n")  # in one piece, as two threads do this at once
    time.sleep(HANG)

def told(self, *arguments, handle=CtrlC._handle):
    try:
        handle(self, *arguments)
    finally:
        os.write(1, b"stopping\\n")

pipeline.fitted = stuck
CtrlC._handle = told
from showtell.cli import main
main()
""".replace("HANG", str(2 * HANG))


@pytest.fixture
def stuck(tmp_path):
    """Begins a command whose threads hang in the first pictures."""
    begun = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        begun.append(process)
        read_until(process, "busy")
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def read_until(process, word):
    """Wait for a line of a process, which other lines may precede."""
    while (line := process.stdout.readline()) not in (f"{word}\n", ""):
        pass
    assert line, process.stderr.read()


def commands(photos, model, store):
    captions = photos.parent / "captions.csv"
    names = sorted(path.name for path in photos.iterdir())
    captions.write_text("image,caption\n" + "".join(f"{name},a red ball {i}\n" * 2 for i, name in enumerate(names)))
    return {
        "caption": ["caption", photos, "--model", model, "-o", "out.jsonl"],
        "embed": ["embed", photos, "--out", store, "--encoder", "onnx:encoder.onnx"],
        "train": [
            "train",
            "--pictures",
            photos,
            "--captions",
            captions,
            "--out",
            "run",
            "--set",
            "encoder.name=onnx:encoder.onnx",
        ],
        "alt-text": ["alt-text", photos, "--model", model],
    }


@pytest.mark.parametrize("command", ["caption", "embed", "train", "alt-text"])
def test_a_second_ctrl_c_ends_it_at_once(stuck, photos, tiny_bundle, tiny_encoder, tmp_path, command):
    (tmp_path / "encoder.onnx").write_bytes(tiny_encoder)
    process = stuck(*commands(photos, tiny_bundle, tmp_path / "store")[command])
    process.send_signal(signal.SIGINT)
    read_until(process, "stopping")
    time.sleep(0.5)
    assert process.poll() is None  # it waits for its threads
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "showtell: interrupted"
    assert said.count("interrupted") == 1


def test_one_ctrl_c_is_one_line_too(tmp_path):
    program = """
import time
from showtell.cli import app, main
app.command("wait")(lambda: (print("busy", flush=True), time.sleep(HANG)))
main()
""".replace("HANG", str(2 * HANG))
    process = subprocess.Popen(
        [sys.executable, "-c", program, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=HANG)
    assert (process.returncode, said) == (130, "showtell: interrupted\n")
