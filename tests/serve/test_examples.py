"""The examples for users of the service, run as they are against a service."""

import os
import shutil
import subprocess
import sys

import pytest

from repository import ROOT
from serving import service_running
from showtell.serve.auth import Access

EXAMPLES = ROOT / "examples" / "serve"
PAGE = """<!doctype html>
<title>A page with <img src="0.png"> in its title</title>
<!-- <img src="0.png"> -->
<script>const text = '<img src="0.png">';</script>
<p><img src="0.png"><IMG class='a > b' SRC=/pictures/1.png />
<img src="pictures/1.png" alt=""><img alt='mine' src="0.png"><img src="https://example.org/0.png">
<img src="../outside.png"><img src="gone.png"><img src="caf&eacute;.png"><img data-alt="no" src="pictures/1.png?size=2">
"""


@pytest.fixture
def running(tiny_captioner):
    with service_running(tiny_captioner, access=Access(token="sesame")) as running:
        yield running


@pytest.fixture
def run(running, tmp_path):
    def run(name, *arguments):
        program = {".sh": ["sh"], ".mjs": ["node"]}.get(os.path.splitext(name)[1], [sys.executable])
        environment = os.environ | {"SHOWTELL_URL": running.base, "SHOWTELL_TOKEN": "sesame", "NO_PROXY": "*"}
        command = [*program, str(EXAMPLES / name), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_captions_by_curl(run, photos, tiny_captioner):
    done = run("captions.sh", photos / "0.png", photos / "1.png")
    assert done.returncode == 0, done.stderr
    for name in ("0.png", "1.png"):
        assert f'"caption":"{tiny_captioner.caption(photos / name).text}"' in done.stdout


@pytest.mark.skipif(not shutil.which("node"), reason="no Node.js on this machine")
def test_captions_by_javascript(run, photos, tiny_captioner):
    (photos / "3.png").write_bytes(b"broken")
    done = run("caption.mjs", photos / "0.png", photos / "3.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{photos / '0.png'}: {tiny_captioner.caption(photos / '0.png').text}",
        f"{photos / '3.png'}: not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture",
    ]


def test_captions_by_python(run, photos, tiny_captioner):
    (photos / "3.png").write_bytes(b"broken")
    paths = [photos / f"{i}.png" for i in range(5)]
    done = run("client.py", *paths, photos / "none.png")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[3] == f"{paths[3]}: picture: not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"
    assert "No such file" in lines[5]
    del paths[3], lines[5], lines[3]
    assert lines == [f"{path}: {tiny_captioner.caption(path).text}" for path in paths]


def test_a_static_site_gets_its_missing_alt_attributes_and_nothing_else(run, tmp_path, drawn, tiny_captioner):
    site = tmp_path / "site"
    (site / "pictures").mkdir(parents=True)
    for name, data in {"0.png": drawn[0], "pictures/1.png": drawn[1], "café.png": b"broken"}.items():
        (site / name).write_bytes(data)
    (tmp_path / "outside.png").write_bytes(drawn[2])
    before = PAGE.encode() + b"\xff not UTF-8"
    (site / "index.html").write_bytes(before)
    done = run("alt_attributes.py", site, "--min-confidence", "0", "--dry-run")
    assert (done.returncode, (site / "index.html").read_bytes()) == (1, before), done.stderr
    done = run("alt_attributes.py", site, "--min-confidence", "0")
    zero, one = (tiny_captioner.caption(data).text for data in drawn[:2])
    expected = PAGE.replace('<p><img src="0.png">', f'<p><img alt="{zero}" src="0.png">')
    expected = expected.replace("<IMG class", f'<IMG alt="{one}" class')
    expected = expected.replace("<img data-alt", f'<img alt="{one}" data-alt')
    assert (site / "index.html").read_bytes() == expected.encode() + b"\xff not UTF-8"
    assert done.stderr == "2 of 3 pictures have a text, on 1 pages\n"
    assert done.returncode == 1  # one picture is broken
    (site / "café.png").write_bytes(drawn[3])
    assert run("alt_attributes.py", site, "--min-confidence", "0").returncode == 0
    again = run("alt_attributes.py", site)
    assert (again.returncode, again.stdout) == (0, "")  # nothing is left to do
