"""Pictures from addresses: only public ones, whatever names, redirects and name servers say."""

import ipaddress

import pytest

from serving import service_running
from showtell.errors import PictureError
from showtell.serve.fetch import Fetcher, is_public, resolve_name
from showtell.serve.limits import Limits
from showtell.serve.service import ServiceOptions

NOT_PUBLIC = (
    "127.0.0.1 127.8.9.10 10.0.0.1 172.16.5.5 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 255.255.255.255 224.0.0.1 "
    "192.0.2.1 198.18.0.1 240.0.0.1 ::1 :: fe80::1 fc00::1 fd12::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 "
    "::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2002:c0a8:101:: 2001:0:4136:e378:8000:63bf:3fff:fdd2"
)


class Names:
    """A name server that counts its questions; each answer is used once, the last one ever after."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked = []

    def __call__(self, host, port):
        self.asked.append(host)
        found = self.answers[host]
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
def fetcher_of(server):
    """Fetchers to whom this machine's server is a public one, as the name servers of a test have it."""
    port = int(server.base.rpartition(":")[2])

    def make(names, max_bytes=100_000, seconds=30.0):
        return Fetcher(
            max_bytes, seconds, names, frozenset({port}), lambda address: address == ipaddress.ip_address("127.0.0.1")
        )

    return make


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_addresses_that_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1/a.png", "not on the public internet"),
        ("http://2130706433/", "not on the public internet"),  # the same address as one number
        ("http://0x7f.1/", "not on the public internet"),
        ("http://[::1]/a.png", "not on the public internet"),
        ("http://[::ffff:169.254.169.254]/latest/meta-data", "not on the public internet"),
        ("http://localhost/a.png", "not on the public internet"),
        ("http://127.0.0.1:22/", "port 22 is not allowed"),
        ("http://user:pass@93.184.216.34/", "password"),
        ("ftp://93.184.216.34/a.png", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("http://", "http:// or https://"),
        ("http://[broken/", "not an address"),
        ("http://a.example:99999/", "not an address"),
        ("no address at all", "http:// or https://"),
    ],
)
def test_what_is_never_asked_for(url, told):
    with pytest.raises(PictureError, match=told):
        Fetcher(1000, 5.0, resolve_name)(url)


def test_a_picture_is_fetched_by_its_name(server, fetcher_of, drawn):
    server.serve("/a%20cat.png", drawn[0])
    names = Names(pictures_example=[["127.0.0.1"]])
    address = server.base.replace("127.0.0.1", "pictures.example")
    assert fetcher_of(names)(f"{address}/a cat.png") == drawn[0]
    assert server.requests[-1][1]["host"].startswith("pictures.example")


def test_a_name_is_resolved_once_so_that_rebinding_gains_nothing(server, fetcher_of, drawn):
    server.serve("/a.png", drawn[0])
    names = Names(rebound_example=[["127.0.0.1"], ["10.0.0.1"]])
    assert fetcher_of(names)(server.base.replace("127.0.0.1", "rebound.example") + "/a.png") == drawn[0]
    assert names.asked == ["rebound.example"]


def test_an_address_that_hides_among_others_is_found(server, fetcher_of):
    names = Names(mixed_example=[["127.0.0.1", "10.0.0.1"]])
    with pytest.raises(PictureError, match="not on the public internet"):
        fetcher_of(names)(server.base.replace("127.0.0.1", "mixed.example"))
    assert server.requests == []


def test_a_redirect_is_checked_like_the_address_itself(server, fetcher_of, drawn):
    names = Names(a_example=[["127.0.0.1"]], inner_example=[["10.0.0.1"]])
    base = server.base.replace("127.0.0.1", "a.example")
    server.serve("/picture", drawn[0])
    server.serve("/good", b"", location="/picture")
    assert fetcher_of(names)(f"{base}/good") == drawn[0]
    inner = server.base.replace("127.0.0.1", "inner.example")
    server.serve("/bad", b"", location=f"{inner}/picture")
    server.serve("/odd", b"", location="file:///etc/passwd")
    server.serve("/round", b"", location="/round")
    for path, told in (("bad", "not on the public internet"), ("odd", "http:// or https://"), ("round", "5 redirects")):
        with pytest.raises(PictureError, match=told):
            fetcher_of(names)(f"{base}/{path}")


def test_a_fetch_is_bounded_in_bytes_and_time(server, fetcher_of):
    names = Names(a_example=[["127.0.0.1"]])
    base = server.base.replace("127.0.0.1", "a.example")
    server.serve("/large", bytes(100_001))
    server.serve("/slow", bytes(5000), delay=0.1)
    server.serve("/gone", b"", failures=[404])
    with pytest.raises(PictureError, match="more than 100,000 bytes"):
        fetcher_of(names)(f"{base}/large")
    with pytest.raises(PictureError, match="in time"):
        fetcher_of(names, seconds=0.3)(f"{base}/slow")
    with pytest.raises(PictureError, match="answers 404"):
        fetcher_of(names)(f"{base}/gone")


def test_addresses_are_asked_for_only_where_the_service_was_told_to(plain):
    reply = plain.ask("POST", "/v1/caption", b'{"urls": ["http://a.example/"]}', {"Content-Type": "application/json"})
    assert (reply.status, "does not fetch pictures" in reply.error) == (403, True)


def test_the_service_fetches_addresses_beside_each_other(tiny_captioner, server, fetcher_of, drawn):
    import json

    server.serve("/a.png", drawn[0])
    options = ServiceOptions(limits=Limits(pictures=2), addresses=True)
    with service_running(tiny_captioner, options) as running:
        running.service.fetcher = fetcher_of(Names(a_example=[["127.0.0.1"]]))
        base = server.base.replace("127.0.0.1", "a.example")

        def ask(*urls):
            body = json.dumps({"urls": urls}).encode()
            return running.ask("POST", "/v1/caption", body, {"Content-Type": "application/json"})

        first, second = ask(f"{base}/a.png", f"{base}/b.png").json["results"]
        assert (first["name"], first["caption"]) == (f"{base}/a.png", tiny_captioner.caption(drawn[0]).text)
        assert second == {"name": f"{base}/b.png", "error": "the server answers 404"}
        assert ask(f"{base}/a.png", f"{base}/a.png", f"{base}/a.png").status == 413
        assert ask().status == 422
        reply = running.ask("POST", "/v1/caption", b"{", {"Content-Type": "application/json"})
        assert (reply.status, "JSON" in reply.error) == (422, True)
