"""What is too much is refused, with a status that says what to do, and the service stays well."""

import http.client
import io
import socket
import struct
import threading
import time
import zlib

import pytest
from PIL import Image

from serving import form_of, service_running
from showtell.errors import InputError
from showtell.serve.admission import Admission
from showtell.serve.http_errors import Busy
from showtell.serve.limits import Limits
from showtell.serve.service import ServiceOptions


@pytest.fixture
def limited(tiny_captioner):
    """Starts services with limits; they stop with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(
            service_running(tiny_captioner, ServiceOptions(limits=Limits(**limits)))
        )


def png_that_claims(width, height):
    """A PNG of a few bytes whose header describes a picture of any size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_of_too_many_pixels_is_not_decoded(limited, drawn):
    running = limited(pixels=3000)
    assert running.caption(drawn[0]).status == 200  # 40 x 60
    reply = running.caption(drawn[9])
    assert (reply.status, reply.error) == (422, "picture: the picture has 103 x 60 pixels, more than 3,000")
    reply = running.caption(png_that_claims(100_000, 100_000))
    assert (reply.status, reply.error) == (422, "picture: the picture has 100000 x 100000 pixels, more than 3,000")


def test_a_jpeg_of_endless_scans_is_not_decoded(plain):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "jpeg", progressive=True)
    whole = buffer.getvalue()
    assert plain.caption(whole).status == 200
    last = whole.rindex(b"\xff\xda")
    assert "scans" in plain.caption(whole[:last] + whole[last:-2] * 100 + whole[-2:]).error


def test_a_body_that_says_it_is_too_long_is_not_even_read(limited, drawn):
    running = limited(upload_bytes=100_000)
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.putrequest("POST", "/v1/caption")
    connection.putheader("Content-Length", "100001")
    connection.endheaders()
    answer = connection.getresponse()  # although nothing was sent
    assert (answer.status, answer.getheader("connection")) == (413, "close")
    connection.close()
    assert running.caption(drawn[0]).status == 200


def test_a_body_of_unknown_length_is_read_as_far_as_the_limit(limited):
    running = limited(upload_bytes=100_000)
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("POST", "/v1/caption", iter([bytes(60_000)] * 2), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_more_pictures_than_a_request_may_hold(limited, drawn):
    running = limited(pictures=3)
    assert running.caption(*drawn[:3]).status == 200
    reply = running.caption(*drawn[:4])
    assert (reply.status, reply.error) == (413, "more than 3 pictures: send fewer at once")


def test_an_upload_that_does_not_come_to_its_end_is_given_up(limited):
    running = limited(seconds=0.2)
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as slow:
        slow.sendall(b"POST /v1/caption HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nonly this")
        assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("requests_before", [0, 1])
def test_headers_that_come_slowly_are_timed_out(limited, monkeypatch, requests_before):
    monkeypatch.setattr("showtell.serve.headers.HEADER_SECONDS", 0.3)
    running = limited()
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as slow:
        for _ in range(requests_before):
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = slow.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 ")
            while not answer.endswith(b"ok"):
                answer += slow.recv(1000)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        answer = b""
        slow.settimeout(0.05)
        begun = time.monotonic()
        while not answer and time.monotonic() - begun < 5:
            slow.sendall(b"a")
            try:
                answer = slow.recv(1000)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")
        slow.settimeout(5)
        assert slow.recv(1000) == b""


def test_a_connection_that_says_nothing_is_closed(limited, monkeypatch):
    monkeypatch.setattr("showtell.serve.headers.HEADER_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", limited().port), timeout=10) as silent:
        assert silent.recv(1000) == b""


def test_a_body_and_an_answer_may_take_longer_than_headers(limited, drawn, monkeypatch):
    monkeypatch.setattr("showtell.serve.headers.HEADER_SECONDS", 0.1)
    head = f"POST /v1/caption HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(drawn[0])}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", limited().port), timeout=10) as client:
        client.sendall(head + drawn[0][:10])
        time.sleep(0.4)
        client.sendall(drawn[0][10:])
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_full_queue_is_told_and_there_is_room_again(limited, drawn):
    running = limited(waiting=4, pictures=4)
    hold = threading.Event()
    running.service.engine.captioner = _Held(running.service.captioner, hold)
    replies = []
    clients = [threading.Thread(target=lambda: replies.append(running.caption(*drawn[:2]))) for _ in range(2)]
    for client in clients:
        client.start()
    while running.service.admission.pictures < 4:
        time.sleep(0.001)
    refused = running.caption(drawn[0])
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert running.get("/readyz").status == 503
    assert running.get("/healthz").status == 200
    hold.set()
    for client in clients:
        client.join()
    assert [reply.status for reply in replies] == [200, 200]
    assert running.caption(drawn[0]).status == 200
    assert running.get("/readyz").status == 200


class _Held:
    """A captioner whose networks wait for `hold`."""

    def __init__(self, captioner, hold):
        self._captioner, self._hold = captioner, hold

    def __getattr__(self, name):
        return getattr(self._captioner, name)

    def embed(self, squares):
        self._hold.wait()
        return self._captioner.embed(squares)


def test_captions_that_take_too_long_are_given_up(limited, drawn):
    running = limited(seconds=0.2)
    hold = threading.Event()
    running.service.engine.captioner = _Held(running.service.captioner, hold)
    reply = running.caption(drawn[0])
    assert (reply.status, "more than 0.2 s" in reply.error) == (503, True)
    hold.set()
    assert running.service.admission.pictures == 0


def test_uploads_together_hold_no_more_than_their_room():
    admission = Admission(Limits(upload_bytes=10))
    with admission.holding() as one, admission.holding() as other:
        one.add(75)
        other.add(5)
        with pytest.raises(Busy):
            other.add(1)
    assert admission.bytes == 0


def test_limits_that_nothing_could_keep_are_refused():
    with pytest.raises(InputError, match="pixels must be positive"):
        Limits(pixels=0)
    with pytest.raises(InputError, match="only 5 may wait"):
        Limits(waiting=5)


def test_large_parts_of_a_form_stay_in_memory(plain, drawn, monkeypatch):
    import tempfile

    def nothing(*arguments, **options):
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", nothing)
    monkeypatch.setattr(tempfile, "TemporaryFile", nothing)
    buffer = io.BytesIO()
    Image.effect_noise((1400, 1400), 100).save(buffer, "bmp")
    body, kind = form_of([("picture", "large.bmp", buffer.getvalue()), ("picture", "b.png", drawn[0])])
    assert len(body) > 1_900_000
    assert plain.ask("POST", "/v1/caption", body, {"Content-Type": kind}).status == 200
