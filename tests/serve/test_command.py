"""`showtell serve` as a process: what it says, what it leaves behind, and how it ends."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from serving import form_of
from showtell.errors import InputError
from showtell.serve.run import address_of, listen


@pytest.fixture
def process(tiny_bundle, tmp_path):
    """The command, in an empty folder of its own; its address is on its first line."""
    command = [sys.executable, "-c", "from showtell.cli import main; main()", "serve", "--port", "0", "--threads", "1"]
    running = subprocess.Popen(
        [*command, "--model", str(tiny_bundle), "--max-seconds", "60"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path), "SHOWTELL_TOKEN": ""},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield running
    running.kill()
    running.wait()


def connected(port):
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def port_of(process):
    line = process.stderr.readline()
    found = re.fullmatch(r"captions by tiny at http://127\.0\.0\.1:(\d+): Ctrl-C stops\n", line)
    assert found, line
    return int(found[1])


def test_a_service_that_is_told_to_stop_finishes_what_was_accepted(process, drawn, tmp_path):
    port = port_of(process)
    body, kind = form_of([("picture", f"{i}.png", data) for i, data in enumerate(drawn)])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/v1/caption?beam=20&num_captions=10")
    connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:100])  # accepted, and not nearly here
    with connected(port) as other:
        other.request("GET", "/healthz")
        assert other.getresponse().read() == b"ok"
    process.send_signal(signal.SIGTERM)
    threading.Event().wait(0.3)
    connection.send(body[100:])
    answer = connection.getresponse()
    assert (answer.status, answer.read().count(b'"error"')) == (200, 0)
    connection.close()
    out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "")  # nothing is logged
    assert list(tmp_path.iterdir()) == []  # nothing is written
    with pytest.raises(ConnectionRefusedError), connected(port) as late:
        late.request("GET", "/healthz")


def test_a_port_that_is_taken_is_told_in_a_line(showtell, tiny_bundle):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        ran = showtell("serve", "--model", tiny_bundle, "--port", port)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"showtell: cannot listen on 127.0.0.1, port {port} (Address already in use): choose another --port\n"
    )


def test_an_address_that_is_not_this_machines_is_told():
    with pytest.raises(InputError, match=r"cannot listen on 203\.0\.113\.1, port 8000"):
        listen("203.0.113.1", 8000)
    with listen("127.0.0.1", 0) as one:
        assert address_of(one) == f"http://127.0.0.1:{one.getsockname()[1]}"
